"""A question in other words, answered in this process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import lockgate
import openai
import pytest
from conftest import ask

SECONDS = 60
FIRST = "How do I move photos from my phone to my laptop?"
SECOND = "Please, how can I move photos from my phone to my laptop?"
TRAP = "How do I move photos from my laptop to my phone?"
ENVIRONMENT = {"LOCKGATE_MODEL_DIR": os.environ["LOCKGATE_MODEL_DIR"]}


def until(look: Callable[[], Any], why: str) -> Any:
    """What is kept off the caller's path is there a little later."""
    deadline = time.monotonic() + SECONDS
    while True:
        found = look()
        if found is not None:
            return found
        assert time.monotonic() < deadline, why
        time.sleep(0.02)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def settings(request, simulator, tmp_path) -> dict[str, Any]:
    given: dict[str, Any] = {
        # A machine under load is late now and then.
        "timeouts": {"semantic_ms": 20_000},
        "project": {"semantic": {"mode": "on"}},
        "store": "memory",
    }
    if request.param == "sqlite":
        given["store"] = f"sqlite://{tmp_path / 'lockgate.db'}"
    if request.param == "postgres":
        address = request.getfixturevalue("postgres")
        given |= {"store": address, "single_process": True, "state_dir": str(tmp_path / "spool")}
    return simulator.settings(**given)


def known(chat: Callable[..., Any]) -> Any:
    """The answer to a paraphrase, once the first question is kept."""

    def look() -> Any:
        try:
            return chat(**ask(SECOND), cache="only")
        except lockgate.Error as error:
            if error.code != "cache_miss":
                raise
            return None

    return until(look, "the question is not kept")


def awake(gateway: lockgate.Gateway) -> None:
    """Waits for the model: until it is read, every question is a miss."""
    turns = iter(range(10_000))

    def look() -> Any:
        answer = gateway.chat(**ask(f"Is anybody there, number {next(turns)}?"), explain=True)
        verdict = answer.lockgate.explain["semantic"]["verdict"]
        return None if verdict in ("late", "failed") else verdict

    until(look, "the model does not get ready")


def test_a_paraphrase_is_answered_and_a_trap_is_not(settings, simulator):
    with lockgate.Gateway(settings, environment=ENVIRONMENT) as gateway:
        awake(gateway)
        first = gateway.chat(**ask(FIRST))
        second = known(gateway.chat)
        assert second.choices[0].message.content == first.choices[0].message.content
        assert (second.lockgate.cache, second.lockgate.cost_usd) == ("semantic", 0)
        assert 0.9 < second.lockgate.similarity <= 1
        before = len(simulator.requests())
        with gateway.chat(**ask(SECOND.lower()), stream=True) as stream:
            text = "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)
        assert text == first.choices[0].message.content
        assert len(simulator.requests()) == before
        trap = gateway.chat(**ask(TRAP), explain=True)
        assert trap.lockgate.cache == "miss"
        assert trap.lockgate.explain["semantic"]["verdict"] == "refused"
        assert len(simulator.requests()) == before + 1


def test_the_sdk_gets_it_through_the_transport(settings, simulator):
    with lockgate.Gateway(settings, environment=ENVIRONMENT) as gateway:
        awake(gateway)
        gateway.chat(**ask(FIRST))
        known(gateway.chat)
        sdk = openai.OpenAI(api_key="any", http_client=gateway.http_client(), max_retries=0)
        raw = sdk.chat.completions.with_raw_response.create(**ask(SECOND))
        assert raw.headers["x-lockgate-cache"] == "semantic"
        assert float(raw.headers["x-lockgate-similarity"]) > 0.9


def test_it_does_not_hold_the_event_loop_up(settings):
    async def main() -> None:
        beats = 0

        async def heart() -> None:
            nonlocal beats
            while True:
                beats += 1
                await asyncio.sleep(0)

        async with lockgate.AsyncGateway(settings, environment=ENVIRONMENT) as gateway:
            await gateway.chat(**ask(FIRST))
            beating = asyncio.create_task(heart())
            deadline = time.monotonic() + SECONDS
            answer = None
            while answer is None:
                before = beats
                try:
                    answer = await gateway.chat(**ask(SECOND), cache="only")
                except lockgate.Error as error:
                    if error.code != "cache_miss":
                        raise
                    assert time.monotonic() < deadline, "the question is not kept"
                    await asyncio.sleep(0.02)
            assert answer.lockgate.cache == "semantic"
            assert beats > before
            beating.cancel()

    asyncio.run(main())
