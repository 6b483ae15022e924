"""``lockgate serve`` with a store of its own, and the CLI beside it."""

from __future__ import annotations

import copy
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .program import Program, binary, clean_environment
from .simulator import Simulator

CLI_SECONDS = 30
T = TypeVar("T")


@dataclass(frozen=True)
class Key:
    """A gateway key: its id for administration, its secret for calls."""

    id: str
    secret: str


class Gateway:
    """A running gateway in front of ``simulator``; administration goes through the CLI, as an operator's."""

    def __init__(
        self,
        folder: Path,
        simulator: Simulator,
        *,
        config: str = "",
        store: str | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        """``config`` is the text of a configuration file; ``store`` is by default a file of its own."""
        self.folder = folder
        self.store = store or f"sqlite://{folder / 'lockgate.db'}"
        self._env = clean_environment(
            folder,
            OPENAI_API_KEY="sk-upstream-of-the-tests",
            OPENAI_BASE_URL=simulator.openai,
            **(environment or {}),
        )
        self._serve = [
            binary("lockgate"),
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--store",
            self.store,
            "--json",
        ]
        # What administers reads what the server reads.
        self._config: list[str | Path] = []
        if config:
            file = folder / "gateway.toml"
            file.write_text(config)
            self._config = ["--config", file]
        self._serve += self._config
        self.start()

    def start(self) -> None:
        self.program = Program(self._serve, env=self._env, folder=self.folder, name="lockgate-serve")
        self.url: str = self.program.announcement["listen"]
        self.base_url: str = self.program.announcement["base_url"]

    def twin(self) -> Gateway:
        """Another server on the same store, with the same configuration."""
        twin = copy.copy(self)
        twin.start()
        return twin

    def stop(self) -> int:
        return self.program.stop()

    def cli(self, *arguments: str) -> Any:
        """Runs ``lockgate ARGUMENTS --store … --json`` and returns what it printed."""
        done = self.run(*arguments, "--json")
        shown = " ".join(arguments)
        assert done.returncode == 0, f"lockgate {shown}: status {done.returncode}\n{done.stderr}"
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"lockgate {shown} printed no JSON: {done.stdout!r}") from None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs ``lockgate ARGUMENTS --store …`` to its end."""
        return subprocess.run(
            [str(binary("lockgate")), *arguments, "--store", self.store, *self._config],
            env=self._env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CLI_SECONDS,
            check=False,
        )

    def create_key(self, *options: str, project: str = "default") -> Key:
        """``create_key("--requests-per-minute", "1")``."""
        made = self.cli("key", "create", "--project", project, *options)
        return Key(id=made["id"], secret=made["key"])

    def usage(self, *options: str) -> dict[str, Any]:
        """The ledger's total: requests, cost_nano_usd, …"""
        (total,) = self.cli("usage", *options)
        return total


def eventually(look: Callable[[], T], accept: Callable[[T], bool], seconds: float = 10.0) -> T:
    """Looks until ``accept``; the last look is returned or shown in the failure."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if accept(seen):
            return seen
        assert time.monotonic() < deadline, f"not within {seconds} s; last seen: {seen!r}"
        time.sleep(0.02)
