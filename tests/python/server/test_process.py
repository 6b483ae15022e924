"""The server as a program: how it starts, stops, and keeps what it knows."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.gateway import Gateway, Key, eventually
from harness.simulator import Simulator
from harness.wire import Answer, call

Factory = Callable[..., Gateway]
LONG = " ".join(f"word{number}" for number in range(60))


def chat(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **more}


def ask(gateway: Gateway, key: Key, text: str = "hello", **more: Any) -> Answer:
    bearer = {"authorization": f"Bearer {key.secret}"}
    return call("POST", gateway.base_url + "/chat/completions", chat(text, **more), bearer)


@contextmanager
def open_stream(gateway: Gateway, key: Key) -> Iterator[http.client.HTTPResponse]:
    """A stream of which the first bytes have arrived."""
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=20)
    headers = {"authorization": f"Bearer {key.secret}", "content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(chat("stream", stream=True)), headers)
    with closing(connection), connection.getresponse() as response:
        assert response.status == 200
        assert response.readline().startswith(b"data: ")
        yield response


def test_the_announcement(gateway: Gateway) -> None:
    said = gateway.program.announcement
    assert said["listen"].startswith("http://127.0.0.1:")
    assert said["base_url"] == said["listen"] + "/v1"
    assert "sk-upstream" not in json.dumps(said)


@pytest.mark.parametrize("path", ["/live", "/ready", "/health"])
def test_health(gateway: Gateway, path: str) -> None:
    assert call("GET", gateway.url + path).status == 200


def test_no_secret_in_the_log(gateway: Gateway, key: Key, simulator: Simulator) -> None:
    simulator.script({"kind": "status", "status": 401, "times": 10})
    assert ask(gateway, key, "a secret prompt").status == 502
    log = gateway.program.log.read_text()
    for secret in (key.secret, "sk-upstream-of-the-tests", "a secret prompt"):
        assert secret not in log


def test_a_restart_keeps_keys_and_spend(gateway_factory: Factory) -> None:
    gateway = gateway_factory()
    key = gateway.create_key("--monthly-cap", "1")
    answers = [ask(gateway, key, f"hello {number}") for number in range(3)]
    spent = [float(answer.headers["x-lockgate-cost-usd"]) for answer in answers]
    assert gateway.stop() == 0
    before = gateway.usage()
    assert before["requests"] == 3
    gateway.start()
    assert gateway.usage() == before
    headers = ask(gateway, key, "after the restart").headers
    cost = float(headers["x-lockgate-cost-usd"])
    assert float(headers["x-lockgate-spend-usd"]) == pytest.approx(sum(spent) + cost, abs=1e-12)
    assert gateway.stop() == 0


def test_a_kill_loses_no_answered_request(gateway_factory: Factory) -> None:
    gateway = gateway_factory()
    key = gateway.create_key()
    for number in range(5):
        assert ask(gateway, key, f"hello {number}").status == 200
    gateway.program.kill()
    gateway.start()
    usage = eventually(gateway.usage, lambda usage: usage["requests"] >= 5)
    assert usage["requests"] == 5
    assert gateway.stop() == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_a_stream_end(gateway_factory: Factory, simulator: Simulator, how: int) -> None:
    gateway = gateway_factory()
    key = gateway.create_key()
    simulator.script({"kind": "slow_events", "ms": 10, "and": [{"kind": "reply", "text": LONG}]})
    with open_stream(gateway, key) as response:
        gateway.program.signal(how)
        assert response.read().rstrip().endswith(b"data: [DONE]")
    # A second signal would end it at once.
    assert gateway.program.ended() == 0
    usage = gateway.usage()
    assert usage["requests"] == 1
    assert usage["cost_nano_usd"] > 0


def test_a_second_gateway_on_the_same_file_is_refused(gateway: Gateway) -> None:
    done = gateway.run("serve", "--listen", "127.0.0.1:0")
    assert done.returncode != 0
    assert "shared" in done.stderr
    assert "edis" in done.stderr


def test_two_gateways_share_a_file_when_told(gateway_factory: Factory) -> None:
    first = gateway_factory(config="shared = true\n")
    second = first.twin()
    try:
        key = first.create_key("--requests-per-minute", "2")
        assert [ask(gateway, key, gateway.url).status for gateway in (first, second)] == [200, 200]
        assert [ask(gateway, key, "one too many").status for gateway in (first, second)] == [429, 429]
    finally:
        second.program.kill()


def test_a_wrong_setting_is_named(gateway: Gateway) -> None:
    done = gateway.run("serve", "--listen", "nowhere")
    assert done.returncode != 0
    assert "listen" in done.stderr
    assert "nowhere" in done.stderr


@pytest.mark.parametrize("stream", [False, True])
def test_a_silent_provider_is_a_504(gateway_factory: Factory, simulator: Simulator, stream: bool) -> None:
    config = "[timeouts]\nfirst_byte_ms = 150\nfirst_byte_json_ms = 150\nidle_ms = 150\n"
    gateway = gateway_factory(config=config)
    simulator.script({"kind": "stall", "stage": "headers", "times": 10})
    answer = ask(gateway, gateway.create_key(), stream=stream)
    assert answer.status == 504
    assert answer.json()["error"]["code"] == "deadline_exceeded"
    assert answer.headers["x-should-retry"] == "false"
    assert {request["outcome"] for request in simulator.settled(1)} == {"aborted"}


def test_a_stream_that_falls_silent_ends_in_error(gateway_factory: Factory, simulator: Simulator) -> None:
    gateway = gateway_factory(config="[timeouts]\nidle_ms = 150\n")
    simulator.script({"kind": "stall", "after_events": 3, "and": [{"kind": "reply", "text": LONG}]})
    answer = ask(gateway, gateway.create_key(), stream=True)
    assert answer.status == 200
    frames = [line[6:] for line in answer.body.splitlines() if line.startswith(b"data: ")]
    errors = [json.loads(frame)["error"] for frame in frames if frame.startswith(b'{"error"')]
    assert len(errors) == 1
    assert errors[0]["code"]
    assert simulator.settled(1)[0]["outcome"] == "aborted"


def test_a_body_limit_of_one_s_own(gateway_factory: Factory, simulator: Simulator) -> None:
    gateway = gateway_factory(config="max_body_bytes = 2000\n")
    key = gateway.create_key()
    assert ask(gateway, key, "x" * 1000).status == 200
    assert ask(gateway, key, "x" * 2000).status == 413
    assert len(simulator.requests()) == 1


def test_key_rotation_with_overlap(gateway: Gateway) -> None:
    key = gateway.create_key()
    made = gateway.cli("key", "rotate", key.id, "--overlap", "1h")
    fresh = Key(id=made["id"], secret=made["key"])
    assert fresh.secret != key.secret
    assert [ask(gateway, each, "both work").status for each in (key, fresh)] == [200, 200]


def test_a_listing_shows_no_key(gateway: Gateway, key: Key) -> None:
    listed = json.dumps(gateway.cli("key", "list"))
    assert key.id in listed
    assert key.secret not in listed
