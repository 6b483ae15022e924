"""The SDK suite once more, through the transport inside this process instead of a server.

Only the way to the gateway differs: these fixtures stand in for the ones of the server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import lockgate
import openai
import pytest
from sdk.conftest import _fresh_upstream, ask, async_client, client  # noqa: F401

from harness.gateway import Key
from harness.simulator import Simulator


def named(options: Sequence[str]) -> Any:
    """``--monthly-cap 1 --concurrency 2`` as keyword arguments."""
    given: dict[str, Any] = {}
    for name, value in zip(options[::2], options[1::2], strict=True):
        plain: Any = {"true": True, "false": False}.get(value, value)
        if name.endswith("-per-minute") or name == "--concurrency":
            plain = int(value)
        given[name.removeprefix("--").replace("-", "_")] = plain
    return given


class Embedded:
    """A gateway in this process, administered with the command line's words."""

    def __init__(self, folder: Path, simulator: Simulator, *, config: str = "") -> None:
        file = folder / "gateway.toml"
        file.write_text(config)
        self.native = lockgate.Gateway(
            file,
            environment={},
            auth="required",
            store=f"sqlite://{folder / 'lockgate.db'}",
            providers={"openai": {"api_key": "sk-upstream-of-the-tests", "base_url": simulator.openai}},
        )

    def create_key(self, *options: str, project: str = "default") -> Key:
        given = named(options)
        if model := given.pop("model", None):
            given["models"] = [model]
        made = self.native.keys.create(project=project, **given)
        assert made.secret is not None
        return Key(id=made.id, secret=made.secret)

    def cli(self, *arguments: str) -> Any:
        """What of the command line the suite uses."""
        match arguments:
            case ("customer", "set", customer, *options):
                return self.native.customers.set(customer, **named(options)).to_dict()
            case ("project", "create", name, *options):
                return self.native.projects.create(name, **named(options)).to_dict()
            case ("project", "set", name, *options):
                return self.native.projects.set(name, **named(options)).to_dict()
            case ("key", "revoke", id):
                return self.native.keys.revoke(id).to_dict()
        raise AssertionError(f"the adapter does not know {arguments}")

    def usage(self, *options: str) -> dict[str, Any]:
        assert self.native.flush()
        (total,) = self.native.usage(**named(options))
        return {**total.to_dict(), "cost_nano_usd": total.cost}

    def stop(self) -> int:
        return 0 if self.native.close() else 1


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, simulator_process: Simulator) -> Iterator[Embedded]:
    gateway = Embedded(tmp_path_factory.mktemp("embedded"), simulator_process)
    yield gateway
    assert gateway.stop() == 0


@pytest.fixture
def gateway_factory(
    tmp_path_factory: pytest.TempPathFactory, simulator: Simulator
) -> Iterator[Callable[..., Embedded]]:
    with ExitStack() as gateways:

        def make(**options: str) -> Embedded:
            made = Embedded(tmp_path_factory.mktemp("own"), simulator, **options)
            gateways.callback(made.stop)
            return made

        yield make


def settings(key: Key, options: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": options.pop("api_key", key.secret), "timeout": 20.0, **options}


@pytest.fixture
def client_factory(gateway: Embedded, key: Key) -> Iterator[Callable[..., openai.OpenAI]]:
    with ExitStack() as clients:

        def make(its_key: Key = key, **options: Any) -> openai.OpenAI:
            http = gateway.native.http_client()
            return clients.enter_context(openai.OpenAI(**settings(its_key, options), http_client=http))

        yield make


@pytest.fixture
async def async_client_factory(
    gateway: Embedded, key: Key
) -> AsyncIterator[Callable[..., openai.AsyncOpenAI]]:
    async with AsyncExitStack() as clients:

        def make(its_key: Key = key, **options: Any) -> openai.AsyncOpenAI:
            http = gateway.native.async_http_client()
            client = openai.AsyncOpenAI(**settings(its_key, options), http_client=http)
            clients.push_async_callback(client.close)
            return client

        yield make
