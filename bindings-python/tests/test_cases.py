"""The behaviour cases of every language, through Python's own calls and the drop-in client, on every store."""

from __future__ import annotations

import json
from typing import Any

import lockgate
import pytest
from conftest import ROOT

CASES = json.loads((ROOT / "conformance" / "cases" / "behaviour.json").read_text(encoding="utf-8"))["cases"]
UNKNOWN = "lg_" + "A" * 43


def options(call: dict[str, Any], own: str | None) -> dict[str, Any]:
    given = dict(call.get("options", {}))
    if key := given.pop("key", None):
        given["key"] = {"own": own, "unknown": UNKNOWN}[key]
    return given


def together(chunks: list[Any]) -> dict[str, Any]:
    """A stream's pieces as one answer."""
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    reasons = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    message = {"content": "".join(choice["delta"].get("content") or "" for choice in choices)}
    return {
        "choices": [{"message": message, "finish_reason": reasons[-1]}],
        "lockgate": chunks[-1]["lockgate"],
    }


def natively(gateway: lockgate.Gateway, call: dict[str, Any], own: str | None) -> dict[str, Any]:
    try:
        answer = gateway.chat(call["request"], **options(call, own))
        if isinstance(answer, lockgate.ChatStream):
            return {"status": 200, **together([chunk.to_dict() for chunk in answer])}
        return {"status": 200, **answer.to_dict()}
    except lockgate.Error as error:
        return {
            "status": error.status,
            "code": error.code,
            "exception": type(error).__name__,
            "retry_after": "none" if error.retry_after is None else "known",
        }


def over_http(gateway: lockgate.Gateway, call: dict[str, Any], own: str | None) -> dict[str, Any]:
    given = options(call, own)
    names = {"customer": "x-customer-id", "cache": "x-lockgate-cache"}
    headers = {names[name]: value for name, value in given.items() if name in names}
    if key := given.get("key"):
        headers["authorization"] = f"Bearer {key}"
    with gateway.http_client() as http:
        answer = http.post("http://lockgate/v1/chat/completions", json=call["request"], headers=headers)
    if answer.status_code != 200:
        known = "known" if "retry-after" in answer.headers else "none"
        return {"status": answer.status_code, "code": answer.json()["error"]["code"], "retry_after": known}
    if answer.headers["content-type"].startswith("text/event-stream"):
        events = [
            line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")
        ]
        assert events[-1] == "[DONE]"
        return {"status": 200, **together([json.loads(event) for event in events[:-1]])}
    return {"status": 200, **answer.json()}


def check(seen: dict[str, Any], expect: dict[str, Any]) -> int:
    """Compares, and returns what the answer cost."""
    assert seen["status"] == expect["status"], seen
    for name in ("code", "retry_after", "exception"):
        if name in expect and name in seen:
            assert seen[name] == expect[name], seen
    if seen["status"] != 200:
        return 0
    (choice,) = seen["choices"]
    cost: int = seen["lockgate"]["cost_nano_usd"]
    if "text" in expect:
        assert choice["message"]["content"] == expect["text"]
    if "finish_reason" in expect:
        assert choice["finish_reason"] == expect["finish_reason"]
    if "cache" in expect:
        assert seen["lockgate"]["cache"] == expect["cache"]
    if "cost" in expect:
        assert (cost == 0) == (expect["cost"] == "zero")
    if "tool" in expect:
        assert [call["function"]["name"] for call in choice["message"]["tool_calls"]] == [expect["tool"]]
    return cost


@pytest.mark.parametrize("way", [natively, over_http])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case, way, simulator, store):
    pytest.importorskip("openai", reason="decides which HTTP library is used")
    simulator.script(*case["upstream"])
    settings = simulator.settings(project=case.get("project", {}), **store)
    with lockgate.Gateway(settings, environment={}) as gateway:
        for customer, limits in case.get("customers", {}).items():
            gateway.customers.set(customer, **limits)
        own = gateway.keys.create(**case["key"]).secret if "key" in case else None
        cost = sum(check(way(gateway, call, own), call["expect"]) for call in case["calls"])
        assert gateway.flush()
        assert gateway.inspect().open == 0
        assert sum(line.cost for line in gateway.usage()) == cost
    sent = simulator.requests()
    if "upstream_requests" in case:
        assert len(sent) == case["upstream_requests"]
    for name, value in case.get("upstream_body", {}).items():
        assert sent[-1]["body"].get(name) == value
