"""The behaviour cases of every language, the stores they run on, and what was seen beside what is expected.

An unknown field is an error, so that nothing is expected in vain. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .database import database

CASES = Path(__file__).resolve().parents[3] / "conformance" / "cases"
UNKNOWN_KEY = "lg_" + "A" * 43
HEADERS = {"customer": "x-customer-id", "cache": "x-lockgate-cache"}

CASE = {"name", "project", "customers", "key", "upstream", "calls", "upstream_requests", "upstream_body"}
CALL = {"request", "options", "expect"}
OPTIONS = {"key", "customer", "cache", "labels"}
ANSWER = {"text", "finish_reason", "cache", "cost", "cost_nano_usd", "tool", "warning"}
REPORT = {"model", "downgraded_from", "attempts"}
REFUSAL = {"code", "exception", "retry_after"}
STORE = {"name", "servers", "settings", "administered"}


def _read(name: str, entries: str, known: set[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CASES / name).read_text(encoding="utf-8"))[entries]
    assert found, f"{name} is empty"
    for entry in found:
        assert set(entry) <= known, f"{name}: unknown fields in {entry['name']!r}"
    return found


def cases() -> list[dict[str, Any]]:
    """Every case."""
    found = _read("behaviour.json", "cases", CASE)
    for case in found:
        for call in case["calls"]:
            assert set(call) <= CALL, case["name"]
            assert set(call.get("options", {})) <= OPTIONS, case["name"]
            told = ANSWER | REPORT if call["expect"]["status"] == 200 else REFUSAL
            assert set(call["expect"]) <= {"status", *told}, case["name"]
    return found


def stores() -> list[dict[str, Any]]:
    """Every store."""
    return _read("stores.json", "stores", STORE)


@contextmanager
def settings(store: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """The store's settings for one case, whose files are in ``folder``. A variable that is missing is an error."""
    unique = f"{re.sub(r'[^A-Za-z0-9]', '', folder.name)}{secrets.token_hex(4)}"
    with ExitStack() as held:
        places = {"folder": str(folder), "unique": unique, **os.environ}
        if store.get("servers"):
            places["database"] = held.enter_context(database())

        def filled(value: Any) -> Any:
            return value.format_map(places) if isinstance(value, str) else value

        yield {name: filled(value) for name, value in store["settings"].items()}


@dataclass
class Seen:
    """What came of a call."""

    status: int
    #: OpenAI's answer; of a stream, its pieces put together.
    answer: dict[str, Any] | None = None
    code: str | None = None
    #: The name of the Python exception, where the way has one.
    exception: str | None = None
    retry_after: str = "none"


def key(call: dict[str, Any], own: str | None) -> str | None:
    """The gateway key of a call."""
    which = call.get("options", {}).get("key")
    return None if which is None else {"own": own, "unknown": UNKNOWN_KEY}[which]


def headers(call: dict[str, Any], own: str | None) -> dict[str, str]:
    """A call's options as headers."""
    given = call.get("options", {})
    out = {HEADERS[name]: value for name, value in given.items() if name in HEADERS}
    out.update({f"x-lockgate-label-{name}": value for name, value in given.get("labels", {}).items()})
    bearer = key(call, own)
    return out if bearer is None else {**out, "authorization": f"Bearer {bearer}"}


def over_http(status: int, fields: dict[str, str], text: str) -> Seen:
    """An HTTP answer; header names in lower case."""
    if status != 200:
        known = "known" if "retry-after" in fields else "none"
        return Seen(status, code=json.loads(text)["error"]["code"], retry_after=known)
    if fields["content-type"].startswith("text/event-stream"):
        events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
        assert events.pop() == "[DONE]"
        answer = together([json.loads(event) for event in events])
    else:
        answer = json.loads(text)
    # The headers say the same.
    for name in {"provider", *REPORT}:
        header = fields.get(f"x-lockgate-{name.replace('_', '-')}") or None
        assert header == answer["lockgate"].get(name), name
    return Seen(200, answer)


def together(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """A stream's pieces as one answer."""
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    reasons = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    calls = [call for choice in choices for call in choice["delta"].get("tool_calls") or []]
    named = [call for call in calls if call["function"].get("name")]
    message = {"content": text, "tool_calls": named}
    return {
        "choices": [{"message": message, "finish_reason": reasons[-1] if reasons else None}],
        "lockgate": chunks[-1]["lockgate"],
    }


def judge(seen: Seen, expect: dict[str, Any]) -> int:
    """Compares, and returns what the answer cost, in nano-USD."""
    assert seen.status == expect["status"], seen
    for name in REFUSAL & set(expect):
        if name != "exception" or seen.exception is not None:
            assert getattr(seen, name) == expect[name], seen
    if seen.answer is None:
        return 0
    (choice,) = seen.answer["choices"]
    message, report = choice["message"], seen.answer["lockgate"]
    cost: int = report["cost_nano_usd"]
    shown = {
        "text": message["content"],
        "finish_reason": choice["finish_reason"],
        "cache": report["cache"],
        "cost": "positive" if cost else "zero",
        "cost_nano_usd": cost,
        **{name: report.get(name) for name in REPORT},
    }
    if "tool" in expect:
        (call,) = message["tool_calls"]
        shown["tool"] = call["function"]["name"]
    if "warning" in expect:
        told = [warning for warning in report["warnings"] if expect["warning"] in warning]
        shown["warning"] = expect["warning"] if told else report["warnings"]
    wanted = {name: value for name, value in expect.items() if name in ANSWER | REPORT}
    assert {name: shown[name] for name in wanted} == wanted, seen
    return cost


def judge_upstream(sent: list[dict[str, Any]], case: dict[str, Any]) -> None:
    """What the provider saw."""
    if "upstream_requests" in case:
        assert len(sent) == case["upstream_requests"]
    for name, value in case.get("upstream_body", {}).items():
        assert sent[-1]["body"].get(name) == value
