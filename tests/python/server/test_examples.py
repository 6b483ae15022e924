"""The examples in ``examples/http``, run as they are against a gateway."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.gateway import Gateway
from harness.simulator import Simulator

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "http"


@dataclass(frozen=True)
class Example:
    """Runs examples against a gateway of its own."""

    gateway: Gateway
    key: str
    folder: Path

    def __call__(self, *command: str | Path) -> str:
        """Runs one to its end and returns what it printed."""
        done = subprocess.run(
            [str(part) for part in command],
            env={
                "PATH": os.environ["PATH"],
                "LOCKGATE_URL": self.gateway.base_url,
                "LOCKGATE_KEY": self.key,
            },
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def run(gateway_factory: Callable[..., Gateway], tmp_path: Path) -> Example:
    gateway = gateway_factory()
    return Example(gateway, gateway.create_key("--name", "examples").secret, tmp_path)


def test_chat(run: Example) -> None:
    printed = run(EXAMPLES / "01_chat.sh")
    assert "x-lockgate-cache: miss" in printed
    assert "x-lockgate-cost-usd: 0.0000" in printed
    assert "five languages" in printed
    assert '"cost_nano_usd":' in printed
    assert "x-lockgate-cache: exact" in run(EXAMPLES / "01_chat.sh")


def test_stream(run: Example) -> None:
    printed = run(EXAMPLES / "02_stream.sh")
    assert printed.count("data: ") > 20
    assert printed.rstrip().endswith("data: [DONE]")
    assert '"cost_nano_usd":' in printed.rstrip().splitlines()[-3]


def test_customer(run: Example, simulator: Simulator) -> None:
    for _ in range(2):
        assert '"cache":"miss"' in run(EXAMPLES / "03_customer.sh")
    assert len(simulator.settled(2)) == 2
    (alice,) = run.gateway.cli("usage", "--by", "customer")
    assert (alice["group"], alice["requests"]) == ("alice", 2)


def test_openai_sdk(run: Example) -> None:
    printed = run(sys.executable, EXAMPLES / "04_openai_sdk.py")
    assert "five languages" in printed
    assert "cache: miss" in printed
    assert printed.rstrip().endswith("19, 20")
