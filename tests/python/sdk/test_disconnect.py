"""Callers that leave early: the provider's answer is aborted, and the books are closed."""

from __future__ import annotations

import asyncio

import openai
import pytest

from harness.gateway import Gateway, Key, eventually

LONG = " ".join(f"word{number}" for number in range(400))
SLOW = {"kind": "slow_events", "ms": 20, "and": [{"kind": "reply", "text": LONG}]}


def settled_usage(gateway: Gateway, key: Key, requests: int = 1) -> dict:
    """The ledger's total of a key, once it shows that many requests."""
    return eventually(lambda: gateway.usage("--key", key.id), lambda usage: usage["requests"] == requests)


def nothing_is_reserved(client: openai.OpenAI, arguments: dict, booked: dict) -> None:
    """The key's one slot is free, and its spend is what the ledger has: no reservation is left open."""

    def answer():
        try:
            return client.chat.completions.with_raw_response.create(**arguments)
        except openai.RateLimitError:
            return None

    headers = eventually(answer, bool).headers
    spent = round(float(headers["x-lockgate-spend-usd"]) * 1e9)
    assert spent == booked["cost_nano_usd"] + round(float(headers["x-lockgate-cost-usd"]) * 1e9)


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
    booked = settled_usage(gateway, lone_key)
    assert booked["cost_nano_usd"] > 0
    nothing_is_reserved(client_factory(lone_key, max_retries=0), ask(), booked)


def test_a_loop_left_by_break(client_factory, gateway, simulator, ask, lone_key):
    simulator.script(SLOW)
    with client_factory(lone_key).chat.completions.create(**ask(), stream=True) as stream:
        for _chunk in stream:
            break
    (seen,) = simulator.settled(1)
    assert seen["outcome"] == "aborted"
    booked = settled_usage(gateway, lone_key)
    assert booked["cost_nano_usd"] > 0
    nothing_is_reserved(client_factory(lone_key, max_retries=0), ask(), booked)


async def test_an_async_loop_left_by_break(async_client_factory, gateway, simulator, ask, lone_key):
    simulator.script(SLOW)
    async with await async_client_factory(lone_key).chat.completions.create(**ask(), stream=True) as stream:
        async for _chunk in stream:
            break
    (seen,) = await asyncio.to_thread(simulator.settled, 1)
    assert seen["outcome"] == "aborted"
    booked = await asyncio.to_thread(settled_usage, gateway, lone_key)
    assert booked["cost_nano_usd"] > 0


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
    booked = await asyncio.to_thread(settled_usage, gateway, lone_key)
    assert booked["cost_nano_usd"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_s_timeout(client_factory, gateway, simulator, ask, lone_key, stream):
    simulator.script({"kind": "stall", "stage": "headers"})
    client = client_factory(lone_key, timeout=0.2, max_retries=0)
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(**ask(), stream=stream)
    (seen,) = simulator.settled(1)
    assert seen["outcome"] == "aborted"
    booked = settled_usage(gateway, lone_key)
    nothing_is_reserved(client_factory(lone_key, max_retries=0), ask(), booked)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_async_caller_s_timeout(async_client_factory, gateway, simulator, ask, lone_key, stream):
    simulator.script({"kind": "stall", "stage": "headers"})
    client = async_client_factory(lone_key, timeout=0.2, max_retries=0)
    with pytest.raises(openai.APITimeoutError):
        await client.chat.completions.create(**ask(), stream=stream)
    (seen,) = await asyncio.to_thread(simulator.settled, 1)
    assert seen["outcome"] == "aborted"
    await asyncio.to_thread(settled_usage, gateway, lone_key)


def test_a_stream_read_to_its_end_is_booked_once(client_factory, gateway, simulator, ask, lone_key):
    simulator.script({"kind": "reply", "text": LONG})
    frames = list(client_factory(lone_key).chat.completions.create(**ask(), stream=True))
    booked = settled_usage(gateway, lone_key)
    assert booked["cost_nano_usd"] == frames[-1].model_extra["lockgate"]["cost_nano_usd"]
