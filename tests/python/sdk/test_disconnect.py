"""Callers that leave early: the provider's answer is aborted, and the books are closed."""

from __future__ import annotations

import asyncio

import openai
import pytest

from harness.gateway import Gateway, Key, eventually

LONG = " ".join(f"word{number}" for number in range(400))
SLOW = {"kind": "slow_events", "ms": 20, "and": [{"kind": "reply", "text": LONG}]}


def booked(gateway: Gateway, key: Key) -> dict:
    """What the ledger has of a key that made one request."""
    return gateway.usage("--key", key.id)


def settles(gateway: Gateway, key: Key) -> None:
    """One row, and nothing still reserved: a concurrency of 1 is free again."""
    usage = eventually(lambda: booked(gateway, key), lambda usage: usage["total"]["requests"] == 1)
    assert usage["total"]["cost_nano_usd"] > 0
    assert usage["reserved_nano_usd"] == 0


@pytest.fixture
def lone_key(gateway: Gateway) -> Key:
    return gateway.create_key("--concurrency", "1", "--monthly-cap", "1")


def test_a_stream_closed_early(client_factory, gateway, simulator, ask, lone_key):
    simulator.script(SLOW)
    client = client_factory(lone_key)
    stream = client.chat.completions.create(**ask(), stream=True)
    chunks = iter(stream)
    for _ in range(3):
        next(chunks)
    stream.close()
    (seen,) = simulator.settled(1)
    assert seen["outcome"] == "aborted"
    settles(gateway, lone_key)
    assert client.chat.completions.create(**ask()).choices


async def test_a_cancelled_task(async_client_factory, gateway, simulator, ask, lone_key):
    simulator.script(SLOW)
    client = async_client_factory(lone_key)
    begun = asyncio.Event()

    async def read() -> None:
        async for _chunk in await client.chat.completions.create(**ask(), stream=True):
            begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (seen,) = await asyncio.to_thread(simulator.settled, 1)
    assert seen["outcome"] == "aborted"
    await asyncio.to_thread(settles, gateway, lone_key)


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_s_timeout(client_factory, gateway, simulator, ask, lone_key, stream):
    simulator.script({"kind": "stall", "stage": "headers"})
    client = client_factory(lone_key, timeout=0.2, max_retries=0)
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(**ask(), stream=stream)
    (seen,) = simulator.settled(1)
    assert seen["outcome"] == "aborted"
    usage = eventually(lambda: booked(gateway, lone_key), lambda usage: usage["reserved_nano_usd"] == 0)
    assert usage["reserved_nano_usd"] == 0
    assert client_factory(lone_key).chat.completions.create(**ask()).choices


def test_a_stream_read_to_its_end_is_booked_once(client_factory, gateway, simulator, ask, lone_key):
    simulator.script({"kind": "reply", "text": LONG})
    frames = list(client_factory(lone_key).chat.completions.create(**ask(), stream=True))
    settles(gateway, lone_key)
    cost = frames[-1].model_extra["lockgate"]["cost_nano_usd"]
    assert booked(gateway, lone_key)["total"]["cost_nano_usd"] == cost
