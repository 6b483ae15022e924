"""The provider simulator: faults in, requests out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .program import Program, binary, clean_environment
from .wire import call


class Simulator:
    """A running ``lockgate-sim``."""

    def __init__(self, folder: Path) -> None:
        argv = [binary("lockgate-sim"), "--listen", "127.0.0.1:0", "--json", "--exit-with-parent"]
        self.program = Program(argv, env=clean_environment(folder), folder=folder, name="lockgate-sim")
        self.control: str = self.program.announcement["control"]
        self.gemini: str = self.program.announcement["gemini"]
        self.openai: str = self.program.announcement["openai"]
        self.ollama: str = self.program.announcement["ollama"]

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        answer = call(method, self.control + path, body)
        assert answer.status == 200, f"{method} {path}: {answer.status} {answer.body!r}"
        return answer.json()

    def script(self, *faults: dict[str, Any], provider: str = "openai") -> None:
        """Queues what meets the next requests, in order."""
        self._control("POST", "/faults", {"provider": provider, "faults": list(faults)})

    def pull(self, *models: str) -> None:
        """Puts these in place of the models that the simulated Ollama has."""
        self._control("POST", "/pulled", {"provider": "ollama", "models": list(models)})

    def reset(self) -> None:
        """Forgets scripts and requests, and what was pulled."""
        self._control("POST", "/reset")

    def requests(self, path: str = "/v1/chat/completions") -> list[dict[str, Any]]:
        """What arrived for ``path`` so far, in order."""
        return [
            request for request in self._control("GET", "/requests")["requests"] if request["path"] == path
        ]

    def settled(self, count: int) -> list[dict[str, Any]]:
        """Waits until ``count`` requests arrived and every one has ended, and returns them."""
        seen = self._control("GET", f"/requests?settled={count}&timeout_ms=10000")
        assert seen["settled"], f"expected {count} ended requests, saw {seen['requests']}"
        return seen["requests"]

    def stop(self) -> int:
        return self.program.stop()
