"""The gateway for asyncio."""

from __future__ import annotations

import asyncio
import random

import lockgate
import pytest
from conftest import ask, descriptors, eventually, resident

CALLS = 2_000


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


async def test_what_ollama_has_is_listed(simulator):
    gateway = lockgate.AsyncGateway(environment={"OLLAMA_HOST": simulator.ollama})
    assert "llama3.2:latest" in [model.id for model in await gateway.models()]
    assert await gateway.close()


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
    before = descriptors()
    for number in range(5):
        assert asyncio.run(async_gateway.chat(**ask(f"loop {number}"))).choices
    assert descriptors() <= before + 3, "one connection upstream, and no bell of a loop that is gone"


def test_cancelled_and_failed_calls_leak_nothing(simulator):
    dice = random.Random(4)
    gateway = lockgate.AsyncGateway(simulator.settings(project={"monthly_cap": "1000"}), environment={})

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
        gate = asyncio.Semaphore(16)

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

    asyncio.run(some(CALLS // 5))
    simulator.call("POST", "/reset")
    first, files = resident(), descriptors()
    for _ in range(4):
        asyncio.run(some(CALLS // 5))
        simulator.call("POST", "/reset")
    grown = resident() - first
    print(
        f"{CALLS} calls: RSS grew by {grown / 2**20:.1f} MiB after the first fifth; {files} -> {descriptors()} files"
    )
    assert grown <= 8 * 2**20
    assert descriptors() <= files + 16, "connections upstream are kept, nothing else"
