"""The behaviour cases of every language over HTTP, each on a server of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import behaviour
from harness.gateway import Gateway, eventually
from harness.simulator import Simulator
from harness.wire import call

# A server's projects, keys and customers are made by another process.
STORES = [store for store in behaviour.stores() if store["administered"] == "anywhere"]


def flags(options: dict[str, Any]) -> list[str]:
    """``{"monthly_cap": "1"}`` as the command line's words."""
    return [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def toml(settings: dict[str, Any], prefix: str = "") -> str:
    """Settings as TOML; their strings, numbers, flags and lists are written as in JSON."""
    lines = []
    for name, value in settings.items():
        nested = isinstance(value, dict)
        lines.append(toml(value, f"{prefix}{name}.") if nested else f"{prefix}{name} = {json.dumps(value)}\n")
    return "".join(lines)


@pytest.mark.parametrize("store", STORES, ids=lambda store: store["name"])
@pytest.mark.parametrize("case", behaviour.cases(), ids=lambda case: case["name"])
def test_case(case: dict[str, Any], store: dict[str, Any], simulator: Simulator, tmp_path: Path) -> None:
    simulator.script(*case["upstream"])
    with behaviour.settings(store, tmp_path) as settings:
        run(case, settings, simulator, tmp_path)


def run(case: dict[str, Any], settings: dict[str, Any], simulator: Simulator, folder: Path) -> None:
    config = toml({**settings, "auth": "optional", "project": case.get("project", {})})
    gateway = Gateway(folder, simulator, config=config, store=settings["store"])
    try:
        for customer, limits in case.get("customers", {}).items():
            gateway.cli("customer", "set", customer, *flags(limits))
        own = gateway.create_key(*flags(case["key"])).secret if "key" in case else None
        cost = sum(ask(gateway, each, own) for each in case["calls"])
        books = eventually(gateway.usage, lambda usage: usage["cost_nano_usd"] == cost)
        assert books["cost_nano_usd"] == cost
        behaviour.judge_upstream(simulator.requests(), case)
        # It ends well only when nothing is left to settle.
        assert gateway.stop() == 0
    finally:
        gateway.program.kill()


def ask(gateway: Gateway, each: dict[str, Any], own: str | None) -> int:
    url = gateway.base_url + "/chat/completions"
    answer = call("POST", url, each["request"], behaviour.headers(each, own))
    seen = behaviour.over_http(answer.status, answer.headers, answer.body.decode())
    return behaviour.judge(seen, each["expect"])
