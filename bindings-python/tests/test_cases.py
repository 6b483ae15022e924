"""The behaviour cases of every language, through Python's own calls and through the drop-in client."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import lockgate
import pytest

from harness import behaviour

# The one that the `openai` beside it is built on.
LIBRARY = "httpx2" if importlib.util.find_spec("httpx2") else "httpx"


def natively(gateway: lockgate.Gateway, call: dict[str, Any], own: str | None) -> behaviour.Seen:
    options = {**call.get("options", {}), "key": behaviour.key(call, own)}
    try:
        answer = gateway.chat(call["request"], **options)
        if isinstance(answer, lockgate.ChatStream):
            return behaviour.Seen(200, behaviour.together([chunk.to_dict() for chunk in answer]))
        return behaviour.Seen(200, answer.to_dict())
    except lockgate.Error as error:
        known = "none" if error.retry_after is None else "known"
        return behaviour.Seen(error.status, None, error.code, type(error).__name__, known)


def over_http(gateway: lockgate.Gateway, call: dict[str, Any], own: str | None) -> behaviour.Seen:
    headers = behaviour.headers(call, own)
    with gateway.http_client(LIBRARY) as http:
        answer = http.post("http://lockgate/v1/chat/completions", json=call["request"], headers=headers)
    return behaviour.over_http(answer.status_code, dict(answer.headers), answer.text)


@pytest.mark.parametrize("way", [natively, over_http])
@pytest.mark.parametrize("store", behaviour.stores(), ids=lambda store: store["name"])
@pytest.mark.parametrize("case", behaviour.cases(), ids=lambda case: case["name"])
def test_case(case, store, way, simulator, tmp_path: Path):
    simulator.script(*case["upstream"])
    with behaviour.settings(store, tmp_path) as place:
        own_settings = {**place, "project": case.get("project", {})}
        with lockgate.Gateway(simulator.settings(**own_settings), environment={}) as gateway:
            for customer, limits in case.get("customers", {}).items():
                gateway.customers.set(customer, **limits)
            own = gateway.keys.create(**case["key"]).secret if "key" in case else None
            cost = sum(behaviour.judge(way(gateway, call, own), call["expect"]) for call in case["calls"])
            assert gateway.flush()
            assert gateway.inspect().open == 0
            assert sum(line.cost for line in gateway.usage()) == cost
    behaviour.judge_upstream(simulator.requests(), case)
