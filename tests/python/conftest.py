"""The programs under test, for every suite below."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from harness.gateway import Gateway, Key
from harness.simulator import Simulator

# What would change how an SDK connects, or which key it sends.
AMBIENT = (
    "OPENAI_",
    "OLLAMA_",
    "GEMINI_",
    "GOOGLE_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
)

for name in [name for name in os.environ if name.startswith(AMBIENT)]:
    del os.environ[name]


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path_factory.mktemp("simulator"))
    try:
        yield simulator
        assert simulator.stop() == 0
    finally:
        simulator.program.kill()


@pytest.fixture
def simulator(simulator_process: Simulator) -> Simulator:
    """The upstream, with no script and no request of an earlier test."""
    simulator_process.reset()
    return simulator_process


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, simulator_process: Simulator) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), simulator_process)
    try:
        yield gateway
        assert gateway.stop() == 0
    finally:
        gateway.program.kill()


@pytest.fixture
def gateway_factory(
    tmp_path_factory: pytest.TempPathFactory, simulator: Simulator
) -> Iterator[Callable[..., Gateway]]:
    """`gateway_factory(config="…")`: a gateway of the test's own, ended after it if not before."""
    gateways: list[Gateway] = []

    def make(**options: str) -> Gateway:
        gateways.append(Gateway(tmp_path_factory.mktemp("own"), simulator, **options))
        return gateways[-1]

    try:
        yield make
    finally:
        for gateway in gateways:
            gateway.program.kill()


@pytest.fixture(scope="session")
def key(gateway: Gateway) -> Key:
    """A key of the default project, without limits."""
    return gateway.create_key("--name", "tests")
