"""The simulator, and gateways in front of it, in this process and in others."""

from __future__ import annotations

import gc
import json
import os
import secrets
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import lockgate
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "python"))
from harness.database import database  # noqa: E402

AMBIENT = ("OPENAI_", "OLLAMA_", "LOCKGATE_STORE", "LOCKGATE_REDIS", "HTTP_PROXY", "HTTPS_PROXY")
AMBIENT += tuple(name.lower() for name in AMBIENT if name.endswith("_PROXY"))

for name in [name for name in os.environ if name.startswith(AMBIENT)]:
    del os.environ[name]


def programs() -> Path:
    given = os.environ.get("LOCKGATE_BIN_DIR")
    return Path(given) if given else ROOT / "target" / "debug"


class Simulator:
    """``lockgate-sim`` in a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [programs() / "lockgate-sim", "--listen", "127.0.0.1:0", "--json", "--exit-with-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        urls = json.loads(self.process.stdout.readline())
        self.control: str = urls["control"]
        self.anthropic: str = urls["anthropic"]
        self.gemini: str = urls["gemini"]
        self.openai: str = urls["openai"]
        self.ollama: str = urls["ollama"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def script(self, *faults: dict[str, Any]) -> None:
        self.call("POST", "/faults", {"provider": "openai", "faults": list(faults)})

    def requests(self) -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = self.call("GET", "/requests")["requests"]
        return seen

    def settled(self, count: int) -> list[dict[str, Any]]:
        """Waits until ``count`` requests arrived and all have ended."""
        seen = self.call("GET", f"/requests?settled={count}&timeout_ms=10000")
        assert seen["settled"], seen["requests"]
        requests: list[dict[str, Any]] = seen["requests"]
        return requests

    def settings(self, **more: Any) -> dict[str, Any]:
        provider = {"api_key": "sk-upstream", "base_url": self.openai}
        return {"store": "memory", "providers": {"openai": provider}, **more}

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[Simulator]:
    simulator = Simulator()
    yield simulator
    simulator.stop()


@pytest.fixture
def simulator(simulator_process: Simulator) -> Simulator:
    simulator_process.call("POST", "/reset")
    return simulator_process


@pytest.fixture
def gateway(simulator: Simulator) -> Iterator[lockgate.Gateway]:
    with lockgate.Gateway(simulator.settings(), environment={}) as gateway:
        yield gateway


@pytest.fixture
def async_gateway(simulator: Simulator) -> lockgate.AsyncGateway:
    return lockgate.AsyncGateway(simulator.settings(), environment={})


@pytest.fixture
def postgres() -> Iterator[str]:
    """A database of its own on the server that ``tests/run`` starts; its address."""
    with database() as address:
        yield address


def redis() -> dict[str, Any]:
    """The settings of limits in the Redis that ``tests/run`` starts, apart from those of all other tests."""
    address = os.environ.get("LOCKGATE_TEST_REDIS")
    assert address, "LOCKGATE_TEST_REDIS is not set: tests/run starts a Redis for these tests"
    return {"redis": address, "redis_prefix": f"{secrets.token_hex(8)}:", "redis_timeout_ms": 10_000}


@pytest.fixture(params=["memory", "sqlite", "sqlite shared", "postgres", "postgres and redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings of every store, one after another."""
    if request.param.startswith("postgres"):
        address = request.getfixturevalue("postgres")
        limits = redis() if request.param.endswith("redis") else {"single_process": True}
        return {"store": address, "state_dir": str(tmp_path / "spool"), **limits}
    if request.param.startswith("sqlite"):
        return {"store": f"sqlite://{tmp_path / 'lockgate.db'}", "shared": request.param.endswith("shared")}
    return {"store": "memory"}


@pytest.fixture
def child(simulator: Simulator, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script in a fresh interpreter: ``SETTINGS`` and ``lockgate`` are there."""

    def run(script: str, seconds: float = 30, **more: Any) -> subprocess.CompletedProcess[str]:
        settings = simulator.settings(**more)
        text = f"import lockgate\nSETTINGS = {settings!r}\n" + textwrap.dedent(script)
        return subprocess.run(
            [sys.executable, "-c", text],
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd=tmp_path,
            check=False,
        )

    return run


def ask(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **more}


def eventually(look: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Looks until there is something to see."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {seen!r}"
        time.sleep(0.01)
    return seen


def descriptors() -> int:
    """Open files and sockets."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def at_rest() -> int:
    """Open files and sockets, once those of earlier tests are closed."""
    deadline = time.monotonic() + 10
    seen, times = descriptors(), 0
    while times < 10:
        assert time.monotonic() < deadline, "the number of open files does not come to rest"
        time.sleep(0.01)
        now = descriptors()
        seen, times = now, times + 1 if now == seen else 0
    return seen


def files() -> int:
    """Open files, pipes and what else is no socket."""
    gc.collect()
    folder = Path("/proc/self/fd")
    count = 0
    for name in os.listdir(folder):
        # The one that lists the folder is gone by now.
        with suppress(FileNotFoundError):
            count += not os.readlink(folder / name).startswith("socket:")
    return count


def resident() -> int:
    """RSS in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
