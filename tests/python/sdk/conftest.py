"""Clients of the official SDK, whichever version the environment has.

`client_factory` and `async_client_factory` are the only places that say how an SDK reaches Lockgate: another
transport is another pair of these fixtures, and every test below stays as it is.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import openai
import pytest

from harness.gateway import Gateway, Key
from harness.simulator import Simulator

ClientFactory = Callable[..., openai.OpenAI]
AsyncClientFactory = Callable[..., openai.AsyncOpenAI]


def settings(gateway: Gateway, key: Key, options: dict[str, Any]) -> dict[str, Any]:
    secret = options.pop("api_key", key.secret)
    return {"api_key": secret, "base_url": gateway.base_url, "timeout": 20.0, **options}


@pytest.fixture(autouse=True)
def _fresh_upstream(simulator: Simulator) -> None:
    """Also tests that do not look upstream start without another's scripts."""
    assert simulator.requests() == []


@pytest.fixture
def client_factory(gateway: Gateway, key: Key) -> Iterator[ClientFactory]:
    """`client_factory(key, max_retries=0)`: a client with that gateway key; by default one without limits."""
    with ExitStack() as clients:

        def make(its_key: Key = key, **options: Any) -> openai.OpenAI:
            return clients.enter_context(openai.OpenAI(**settings(gateway, its_key, options)))

        yield make


@pytest.fixture
async def async_client_factory(gateway: Gateway, key: Key) -> AsyncIterator[AsyncClientFactory]:
    """The same for `AsyncOpenAI`. (It needs a coroutine's exit.)"""
    async with AsyncExitStack() as clients:

        def make(its_key: Key = key, **options: Any) -> openai.AsyncOpenAI:
            client = openai.AsyncOpenAI(**settings(gateway, its_key, options))
            clients.push_async_callback(client.close)
            return client

        yield make


@pytest.fixture
def client(client_factory: ClientFactory) -> openai.OpenAI:
    return client_factory()


@pytest.fixture
def async_client(async_client_factory: AsyncClientFactory) -> openai.AsyncOpenAI:
    return async_client_factory()


@pytest.fixture
def ask(request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """`ask("text")`: arguments of a chat that no other test makes, so that no cache answers it."""
    counter = itertools.count()

    def arguments(text: str = "Say something.", **more: Any) -> dict[str, Any]:
        unique = f"{text} [{request.node.nodeid} {next(counter)}]"
        return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": unique}], **more}

    return arguments
