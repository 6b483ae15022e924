"""A child process that announces itself with one JSON line on stdout."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

READY_SECONDS = 30
STOP_SECONDS = 15


class ProgramError(Exception):
    """The program did not start, or did not stop as it should; holds the end of its log."""


class Program:
    """Runs until :meth:`stop`. Its stderr goes to ``log``."""

    def __init__(self, argv: list[str | Path], *, env: dict[str, str], folder: Path, name: str) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(part) for part in argv],
                env=env,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.announcement = self._announced()
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _announced(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=READY_SECONDS)
        except queue.Empty:
            raise ProgramError(f"{self.name} said nothing for {READY_SECONDS} s\n{self.log_tail()}") from None
        if line is None:
            status = self._process.wait(STOP_SECONDS)
            raise ProgramError(f"{self.name} ended with status {status}\n{self.log_tail()}")
        try:
            return json.loads(line)
        except ValueError:
            raise ProgramError(f"{self.name} announced {line!r}, expected one JSON line") from None

    def log_tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def stop(self) -> int:
        """Asks it to end (SIGTERM) and returns its exit status."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Waits for an end that was asked for already, and returns the exit status."""
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise ProgramError(
                f"{self.name} did not end within {STOP_SECONDS} s of SIGTERM\n{self.log_tail()}"
            ) from None
        finally:
            self.kill()

    def kill(self) -> None:
        """Ends it at once, if it still runs, and lets go of its pipes."""
        if self.running:
            self._process.kill()
        self._process.wait()
        self._reader.join(STOP_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def clean_environment(folder: Path, **extra: str) -> dict[str, str]:
    """An environment in which nothing of the developer's own is set: no provider key, no proxy."""
    kept = {
        name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ
    }
    return {**kept, "HOME": str(folder), "TMPDIR": str(folder), "RUST_BACKTRACE": "1", **extra}


def binary(name: str) -> Path:
    """A program built by cargo; ``LOCKGATE_BIN_DIR`` says where they are."""
    root = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("LOCKGATE_BIN_DIR") or root / "target" / "debug")
    path = folder / name
    if not path.is_file():
        raise ProgramError(f"{path} is not there: run `cargo build --workspace`, or set LOCKGATE_BIN_DIR")
    return path
