"""Every malformed request gets an OpenAI error object that names the fault, and consumes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cases import load, raw_request
from harness.gateway import Gateway, Key, eventually
from harness.simulator import Simulator
from harness.wire import Answer, call, exchange

CASES = load("bad_input.json")
RATE = 1000
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "after all the bad ones"}]}


@pytest.fixture(scope="module")
def limited(gateway: Gateway) -> Key:
    """The key of all cases: its rate shows what they consumed."""
    return gateway.create_key("--requests-per-minute", str(RATE), "--monthly-cap", "100")


@pytest.fixture(scope="module")
def keys(gateway: Gateway, limited: Key) -> dict[str, str]:
    revoked, expired, rotated, narrow = (
        gateway.create_key(),
        gateway.create_key("--expires-in", "0s"),
        gateway.create_key(),
        gateway.create_key("--model", "gpt-4o"),
    )
    gateway.cli("key", "revoke", revoked.id)
    gateway.cli("key", "rotate", rotated.id, "--overlap", "0s")
    return {
        "valid": limited.secret,
        "revoked": revoked.secret,
        "expired": expired.secret,
        "rotated": rotated.secret,
        "narrow": narrow.secret,
    }


@pytest.fixture(scope="module")
def before(gateway: Gateway, keys: dict[str, str]) -> Any:
    """The books before the first case."""
    assert keys
    return gateway.usage()


def check_error_object(answer: Answer, expect: dict[str, Any]) -> None:
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    assert answer.headers["x-request-id"]
    body = answer.json()
    assert list(body) == ["error"]
    error = body["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert 0 < len(error["message"]) < 2000
    for name in ("type", "code"):
        if name in expect:
            assert error[name] == expect[name], error
    if "param" in expect:
        assert (error["param"] or "").lower() == (expect["param"] or "").lower(), error


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.usefixtures("before")
def test_bad_input(
    gateway: Gateway, simulator: Simulator, keys: dict[str, str], case: dict[str, Any]
) -> None:
    answer = exchange(gateway.url, raw_request(case["request"], keys))
    assert answer is not None, "the connection was closed without an answer"
    expect = case["expect"]
    assert answer.status == expect["status"], answer.body[:500]
    if not expect.get("bare"):
        check_error_object(answer, expect)
    if expect["status"] == 405:
        assert answer.headers["allow"]
    shown = answer.body.decode("latin-1")
    assert not [secret for secret in keys.values() if secret in shown], "the answer repeats a key"
    assert simulator.requests() == []


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES)


def test_a_body_cut_short_is_no_request(gateway: Gateway, simulator: Simulator, limited: Key) -> None:
    """The caller announces more than it sends, and leaves."""
    request = {"body_text": '{"model":"gpt-4o-mini","messages":[]', "content_length": 5000}
    raw = raw_request(request, {"valid": limited.secret})
    answer = exchange(gateway.url, raw, half_close=True)
    assert answer is None or answer.status == 400
    assert simulator.requests() == []


def test_nothing_was_consumed(gateway: Gateway, simulator: Simulator, limited: Key, before: Any) -> None:
    """After all of the above the books are as they were, and the next good request is the first."""
    assert gateway.usage() == before
    bearer = {"authorization": f"Bearer {limited.secret}"}
    answer = call("POST", gateway.base_url + "/chat/completions", CHAT, bearer)
    assert answer.status == 200
    assert answer.headers["x-ratelimit-remaining-requests"] == str(RATE - 1)
    assert len(simulator.requests()) == 1
    requests = before["requests"]
    eventually(gateway.usage, lambda usage: usage["requests"] == requests + 1)
