"""Rates and caps as an SDK user meets them."""

from __future__ import annotations

import openai
import pytest

from harness.gateway import eventually


def test_request_rate(client_factory, gateway, simulator, ask):
    key = gateway.create_key("--requests-per-minute", "2")
    client = client_factory(key, max_retries=0)
    client.chat.completions.create(**ask())
    client.chat.completions.create(**ask())
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**ask())
    headers = caught.value.response.headers
    assert caught.value.code == "rate_limit_exceeded"
    assert 1 <= int(headers["retry-after"]) <= 30
    assert int(headers["retry-after"]) == -(-int(headers["retry-after-ms"]) // 1000)
    assert headers["x-ratelimit-limit-requests"] == "2"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert headers["x-request-id"]
    assert len(simulator.requests()) == 2


def test_larger_than_the_token_bucket(client_factory, gateway, simulator, ask):
    key = gateway.create_key("--tokens-per-minute", "50")
    with pytest.raises(openai.RateLimitError) as caught:
        client_factory(key, max_retries=0).chat.completions.create(**ask(), max_tokens=1000)
    assert caught.value.code == "request_too_large"
    assert "retry-after" not in caught.value.response.headers
    assert simulator.requests() == []


def test_concurrency(client_factory, gateway, simulator, ask):
    key = gateway.create_key("--concurrency", "1")
    client = client_factory(key, max_retries=0)
    simulator.script({"kind": "stall", "after_events": 2}, {"kind": "reply", "text": "after"})
    with client.chat.completions.create(**ask(), stream=True) as stream:
        next(iter(stream))
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(**ask())
        assert caught.value.response.headers["retry-after"] == "1"
        assert len(simulator.requests()) == 1
    simulator.settled(1)

    def again() -> str | None:
        try:
            return client.chat.completions.create(**ask()).choices[0].message.content
        except openai.RateLimitError:
            return None

    assert eventually(again, bool) == "after"


def test_a_key_s_spend_cap(client_factory, gateway, simulator, ask):
    key = gateway.create_key("--monthly-cap", "0")
    with pytest.raises(openai.APIStatusError) as caught:
        client_factory(key, max_retries=3).chat.completions.create(**ask())
    assert caught.value.status_code == 402
    assert caught.value.code == "spend_cap_exceeded"
    assert caught.value.type == "insufficient_quota"
    assert caught.value.response.headers["x-should-retry"] == "false"
    # A cap of 0 allows nothing: no time to wait would be true.
    assert "retry-after" not in caught.value.response.headers
    assert simulator.requests() == []


def test_a_project_s_spend_cap(client_factory, gateway, simulator, ask):
    gateway.cli("project", "create", "capped")
    gateway.cli("project", "set", "capped", "--monthly-cap", "0.0000001")
    key = gateway.create_key(project="capped")
    with pytest.raises(openai.APIStatusError) as caught:
        client_factory(key).chat.completions.create(**ask())
    assert caught.value.status_code == 402
    assert "project" in str(caught.value)
    assert simulator.requests() == []


def test_a_cap_ends_a_run_of_requests_and_is_never_passed(client_factory, gateway, ask):
    cap = 0.002
    key = gateway.create_key("--monthly-cap", str(cap))
    completions = client_factory(key).chat.completions
    spent: list[float] = []

    def spend() -> None:
        for _ in range(1000):
            raw = completions.with_raw_response.create(**ask(), max_tokens=1000)
            spent.append(float(raw.headers["x-lockgate-cost-usd"]))

    with pytest.raises(openai.APIStatusError) as caught:
        spend()
    assert caught.value.code == "spend_cap_exceeded"
    assert int(caught.value.response.headers["retry-after"]) > 0
    assert spent
    assert sum(spent) <= cap


@pytest.mark.parametrize("option", ["--daily-cap", "--monthly-cap", "--per-request-cap"])
def test_a_customer_s_caps(client, gateway, simulator, ask, option):
    customer = f"capped{option}"
    gateway.cli("customer", "set", customer, option, "0", "--on-limit", "block")

    def refused() -> openai.RateLimitError | None:
        try:
            client.chat.completions.create(**ask(), extra_headers={"X-Customer-ID": customer})
        except openai.RateLimitError as error:
            return error
        return None

    error = eventually(refused, bool)
    assert error.code == "customer_spend_exceeded"
    assert error.type == "insufficient_quota"
    assert error.response.headers["x-should-retry"] == "false"
    before = len(simulator.requests())
    assert refused()
    assert len(simulator.requests()) == before


def test_another_customer_is_not_capped(client, gateway, ask):
    gateway.cli("customer", "set", "poor", "--daily-cap", "0")
    answer = client.chat.completions.create(**ask(), extra_headers={"X-Customer-ID": "rich"})
    assert answer.choices[0].message.content


def test_a_project_may_demand_a_customer(client_factory, gateway, simulator, ask):
    gateway.cli("project", "create", "demanding")
    gateway.cli("project", "set", "demanding", "--require-customer", "true")
    client = client_factory(gateway.create_key(project="demanding"))
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**ask())
    assert caught.value.status_code == 400
    assert "X-Customer-ID" in str(caught.value)
    assert simulator.requests() == []
    assert client.chat.completions.create(**ask(), extra_headers={"X-Customer-ID": "ada"}).choices


def test_a_rate_is_per_key(client_factory, gateway, ask):
    spent, fresh = (gateway.create_key("--requests-per-minute", "1") for _ in range(2))
    client_factory(spent).chat.completions.create(**ask())
    with pytest.raises(openai.RateLimitError):
        client_factory(spent, max_retries=0).chat.completions.create(**ask())
    assert client_factory(fresh).chat.completions.create(**ask()).choices
