"""Answers in pieces."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
import time
from collections.abc import AsyncIterator

import pytest
from conftest import ask, eventually

#: Most pieces that one read brings.
AT_ONCE = 64
LONG = " ".join(f"word{number}" for number in range(400))
SLOW = {"kind": "slow_events", "ms": 20, "and": [{"kind": "reply", "text": LONG}]}


def text(chunks) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_a_stream_says_what_it_cost(gateway, simulator):
    simulator.script({"kind": "reply", "text": LONG})
    stream = gateway.chat(**ask("Hello"), stream=True)
    assert stream.lockgate.provider == "openai"
    chunks = list(stream)
    assert text(chunks) == LONG
    assert chunks[-1].lockgate.cost_nano_usd == stream.lockgate.cost_nano_usd > 0
    assert stream.closed
    assert list(stream) == []


def test_the_first_chunk_comes_before_the_last_is_made(gateway, simulator):
    simulator.script({"kind": "stall", "after_events": 3})
    stream = gateway.chat(**ask("count to 50"), stream=True)
    next(stream)
    assert simulator.requests()[0]["outcome"] == "open"
    stream.close()
    assert simulator.settled(1)[0]["outcome"] == "aborted"


def leave_by_break(gateway):
    stream = gateway.chat(**ask("Hello"), stream=True)
    for _ in stream:
        break
    return stream


def leave_by_close(gateway):
    stream = gateway.chat(**ask("Hello"), stream=True)
    next(stream)
    stream.close()
    return stream


def leave_by_with(gateway):
    with gateway.chat(**ask("Hello"), stream=True) as stream:
        next(stream)
    return stream


def leave_by_losing_it(gateway):
    next(gateway.chat(**ask("Hello"), stream=True))


def leave_by_error(gateway):
    with pytest.raises(ZeroDivisionError):
        for _ in gateway.chat(**ask("Hello"), stream=True):
            _ = 1 / 0


@pytest.mark.parametrize(
    "leave", [leave_by_break, leave_by_close, leave_by_with, leave_by_losing_it, leave_by_error]
)
def test_leaving_early_cancels_and_settles(gateway, simulator, leave):
    simulator.script(SLOW)
    kept = leave(gateway)
    (seen,) = simulator.settled(1)
    assert seen["outcome"] == "aborted"
    assert gateway.flush()
    assert gateway.inspect().open == 0
    (total,) = gateway.usage()
    assert total.requests == 1
    assert total.cost > 0
    assert kept is None or kept.closed


async def test_async_leaving_early(async_gateway, simulator):
    simulator.script(SLOW, SLOW, SLOW)
    async for _ in await async_gateway.chat(**ask("Hello"), stream=True):
        break
    async with await async_gateway.chat(**ask("Hello"), stream=True) as stream:
        await stream.__anext__()
    stream = await async_gateway.chat(**ask("Hello"), stream=True)
    await stream.__anext__()
    await stream.aclose()
    seen = await asyncio.to_thread(simulator.settled, 3)
    assert [request["outcome"] for request in seen] == ["aborted"] * 3
    assert await async_gateway.flush()
    assert (await async_gateway.inspect()).open == 0


async def test_async_whole_stream(async_gateway, simulator):
    simulator.script({"kind": "reply", "text": LONG})
    stream = await async_gateway.chat(**ask("Hello"), stream=True)
    chunks = [chunk async for chunk in stream]
    assert text(chunks) == LONG
    assert stream.lockgate.cost_nano_usd > 0


async def test_closing_while_a_read_waits(async_gateway, simulator):
    simulator.script({"kind": "stall", "after_events": 3})
    stream = await async_gateway.chat(**ask("count to 50"), stream=True)

    async def read() -> int:
        return len([chunk async for chunk in stream])

    reading = asyncio.create_task(read())
    for _ in range(20):
        await asyncio.sleep(0.01)
    await stream.aclose()
    assert await asyncio.wait_for(reading, 5) >= 1
    assert (await asyncio.to_thread(simulator.settled, 1))[0]["outcome"] == "aborted"


def told(name: str, late: list[float], record_property) -> None:
    """A figure to read, not to judge: it is the machine's, too."""
    late.sort()
    p99 = late[int(len(late) * 0.99) - 1] * 1000
    record_property(f"{name}_p99_ms", round(p99, 2))
    print(
        f"{name} under 64 streams: {len(late)} beats, p99 {p99:.1f} ms late, worst {late[-1] * 1000:.1f} ms"
    )


async def test_64_streams_hog_neither_the_event_loop_nor_the_gil(async_gateway, simulator, record_property):
    # 64 readers at 50 events a second.
    simulator.script({"kind": "slow_events", "ms": 20, "times": 64})
    pause = 0.005
    on_loop: list[float] = []
    on_thread: list[float] = []
    running = True

    async def beat() -> None:
        while running:
            begun = time.perf_counter()
            await asyncio.sleep(pause)
            on_loop.append(time.perf_counter() - begun - pause)

    def beat_on_a_thread() -> None:
        while running:
            begun = time.perf_counter()
            time.sleep(pause)
            on_thread.append(time.perf_counter() - begun - pause)

    async def read(number: int) -> tuple[int, int, int]:
        stream = await async_gateway.chat(**ask(f"count to 60 ({number})"), stream=True)
        await stream.__anext__()
        beats = len(on_loop), len(on_thread)
        count = len([chunk async for chunk in stream])
        return count, len(on_loop) - beats[0], len(on_thread) - beats[1]

    thread = threading.Thread(target=beat_on_a_thread)
    thread.start()
    beating = asyncio.create_task(beat())
    try:
        seen = await asyncio.gather(*(read(number) for number in range(64)))
    finally:
        running = False
        await beating
        thread.join()
    told("heartbeat_of_the_loop", on_loop, record_property)
    told("heartbeat_of_a_thread", on_thread, record_property)
    for count, beats, of_thread in seen:
        assert count > 100
        assert beats > 1, "the event loop stood still for the whole of a stream"
        assert of_thread > 1, "another thread did not get the GIL for the whole of a stream"


@pytest.mark.parametrize("through", ["gateway", "transport"])
async def test_a_stream_that_is_all_there_gives_others_their_turn(async_gateway, simulator, through):
    """Whoever reads later than the provider writes never has to wait; still nobody has the event loop to itself."""
    simulator.script({"kind": "reply", "text": LONG})
    turns = 0
    running = True

    async def others() -> None:
        nonlocal turns
        while running:
            turns += 1
            await asyncio.sleep(0)

    async def until_all_is_there() -> None:
        await asyncio.to_thread(simulator.settled, 1)
        while (await async_gateway.inspect()).open:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    async def pieces() -> AsyncIterator[int]:
        if through == "gateway":
            stream = await async_gateway.chat(**ask("Hello"), stream=True)
            await until_all_is_there()
            async for _ in stream:
                yield 1
            return
        library = "httpx2" if importlib.util.find_spec("httpx2") else "httpx"
        async with async_gateway.async_http_client(library) as http:
            body = ask("Hello", stream=True)
            async with http.stream("POST", "http://lockgate/v1/chat/completions", json=body) as answer:
                await until_all_is_there()
                async for piece in answer.aiter_bytes():
                    yield piece.count(b"data: ")

    other = asyncio.create_task(others())
    count, together, most, before = 0, 0, 0, -1
    async for number in pieces():
        together = together + number if turns == before else number
        most, before, count = max(most, together), turns, count + number
    running = False
    await other
    assert count > 400
    assert most <= 2 * AT_ONCE, "so many pieces were read without a turn for others"


def test_closing_twice_and_reading_after(gateway):
    stream = gateway.chat(**ask("count to 50"), stream=True)
    stream.close()
    stream.close()
    assert list(stream) == []
    eventually(lambda: gateway.inspect().open == 0)
