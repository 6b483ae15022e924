"""The gateway for asyncio."""

from __future__ import annotations

import asyncio
import os
import random

import lockgate
import pytest
from conftest import ask, at_rest, descriptors, eventually, files, resident

#: Calls that are cancelled and broken at random; `make soak` makes more.
CALLS = int(os.environ.get("LOCKGATE_CALLS", "2000"))
AT_ONCE = 16


async def test_cancelling_the_task_cancels_the_request(async_gateway, simulator):
    simulator.script({"kind": "stall", "stage": "headers"})
    task = asyncio.create_task(async_gateway.chat(**ask("Hello")))
    await asyncio.to_thread(eventually, simulator.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (seen,) = await asyncio.to_thread(simulator.settled, 1)
    assert seen["outcome"] == "aborted"
    assert await async_gateway.flush()
    assert (await async_gateway.inspect()).open == 0


async def test_many_at_once(async_gateway):
    answers = await asyncio.gather(*(async_gateway.chat(**ask(f"call {n}")) for n in range(100)))
    assert len({answer.id for answer in answers}) == 100


async def test_a_refusal_needs_no_hop(async_gateway):
    """Nothing to wait for: the coroutine ends at its first step, without an event loop's help."""
    await async_gateway.projects.set(monthly_cap=0)
    call = async_gateway.chat(**ask("Hello"))
    with pytest.raises(lockgate.SpendCapExceeded):
        call.send(None)


async def test_a_hit_needs_no_hop(async_gateway):
    first = await async_gateway.chat(**ask("Hello"))
    with pytest.raises(StopIteration) as ended:
        async_gateway.chat(**ask("Hello")).send(None)
    assert ended.value.value.lockgate.cache == "exact"
    assert ended.value.value.choices == first.choices


async def test_administration(async_gateway):
    key = await async_gateway.keys.create(name="a", concurrency=3)
    assert (await async_gateway.keys.list())[0].id == key.id
    assert (await async_gateway.customers.set("c", monthly_cap="1")).limits.monthly_cap == "1"
    assert (await async_gateway.projects.get()).name == "default"
    assert [line.requests for line in await async_gateway.usage()] in ([], [0])


def test_one_gateway_in_several_loops(async_gateway):
    async def ask_once(number: int) -> None:
        assert (await async_gateway.chat(**ask(f"loop {number}"))).choices

    asyncio.run(ask_once(0))
    before = at_rest()
    for number in range(1, 6):
        asyncio.run(ask_once(number))
    assert at_rest() == before, "the connection is used again, and no loop leaves its bell behind"


def use_all_once(simulator) -> None:
    """What stays open for the life of a process is open from here on."""

    async def once() -> None:
        async with lockgate.AsyncGateway(simulator.settings(), environment={}) as gateway:
            await gateway.chat(**ask("Hello"))

    asyncio.run(once())


@pytest.mark.timeout(120 * max(1, CALLS // 2000))
def test_cancelled_and_failed_calls_leak_nothing(simulator, tmp_path):
    use_all_once(simulator)
    simulator.call("POST", "/reset")
    before, sockets = at_rest(), at_rest() - files()
    dice = random.Random(4)
    # Rows on disk, and a cache that is soon full: what grows then is a leak.
    kept = {"store": f"sqlite://{tmp_path / 'lockgate.db'}", "cache_bytes": 2**20}
    settings = simulator.settings(**kept, project={"monthly_cap": "1000"})
    gateway = lockgate.AsyncGateway(settings, environment={})

    async def one(number: int) -> None:
        kind = dice.randrange(5)
        if kind == 0:
            await asyncio.to_thread(simulator.script, {"kind": "slow_headers", "ms": 5})
        text = f"count to 60 ({number} {dice.random()})"
        try:
            if kind <= 2:
                stream = await gateway.chat(**ask(text), stream=True)
                async for _ in stream:
                    if dice.random() < 0.05:
                        break
                    if dice.random() < 0.01:
                        raise ZeroDivisionError
            elif kind == 3:
                await gateway.chat(**ask(text))
            else:
                await gateway.chat(**ask(text), temperature="hot")
        except (lockgate.Error, ZeroDivisionError):
            pass

    async def some(count: int) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def bounded(number: int) -> None:
            async with gate:
                task = asyncio.create_task(one(number))
                if dice.random() < 0.5:
                    await asyncio.sleep(dice.random() * 0.01)
                    task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        await asyncio.gather(*(bounded(number) for number in range(count)))
        assert await gateway.flush()
        assert (await gateway.inspect()).open == 0

    first = plain = 0
    for fifth in range(5):
        asyncio.run(some(CALLS // 5))
        simulator.call("POST", "/reset")
        if fifth == 0:
            first, plain = resident(), files()
        eventually(lambda plain=plain: files() == plain)
        # Connections wait for the next call; never more than there were calls at once.
        eventually(lambda: descriptors() - files() <= sockets + AT_ONCE)
    grown = resident() - first
    kept = at_rest() - files() - sockets
    asyncio.run(gateway.aclose())
    after = at_rest()
    print(
        f"{CALLS} calls: RSS grew by {grown / 2**20:.1f} MiB after the first fifth; {kept} connections were kept, "
        f"and at the end {after} files are open, {before} before"
    )
    assert after == before
    assert grown <= 8 * 2**20
