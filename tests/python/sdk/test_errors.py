"""Each refusal becomes the SDK's own exception, and consumes nothing."""

from __future__ import annotations

import openai
import pytest

from harness.wire import call


def test_unknown_key(client_factory, simulator, ask):
    client = client_factory(api_key="lg_" + "x" * 43)
    with pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(**ask())
    assert caught.value.status_code == 401
    assert caught.value.code == "invalid_api_key"
    assert "x" * 20 not in str(caught.value), "the message repeats the key"
    assert simulator.requests() == []


def test_missing_key(gateway, simulator, ask):
    answer = call("POST", gateway.base_url + "/chat/completions", ask())
    assert answer.status == 401
    error = answer.json()["error"]
    assert error["code"] == "invalid_api_key"
    assert error["type"] == "authentication_error"
    assert simulator.requests() == []


def test_another_vendor_s_key(client_factory, simulator, ask):
    with pytest.raises(openai.AuthenticationError):
        client_factory(api_key="sk-not-one-of-ours").chat.completions.create(**ask())
    assert simulator.requests() == []


def test_revoked_key(client_factory, gateway, simulator, ask):
    key = gateway.create_key()
    client = client_factory(key)
    client.chat.completions.create(**ask())
    gateway.cli("key", "revoke", key.id)
    with pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(**ask())
    assert len(simulator.requests()) == 1


def test_bad_request_names_the_field(client, simulator, ask):
    arguments = ask()
    arguments["messages"][0]["role"] = "narrator"
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**arguments)
    assert caught.value.param == "messages[0].role"
    assert caught.value.type == "invalid_request_error"
    assert "narrator" in str(caught.value)
    assert simulator.requests() == []


async def test_async_bad_request(async_client, ask):
    with pytest.raises(openai.BadRequestError) as caught:
        await async_client.chat.completions.create(**ask(), max_tokens=-1)
    assert caught.value.param == "max_tokens"


def test_unknown_model(client, simulator, ask):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(**{**ask(), "model": "no-such-model"})
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert "no-such-model" in str(caught.value)
    assert simulator.requests() == []


def test_a_model_the_key_may_not_use(client_factory, gateway, simulator, ask):
    key = gateway.create_key("--model", "gpt-4o")
    with pytest.raises(openai.NotFoundError) as caught:
        client_factory(key).chat.completions.create(**ask())
    assert caught.value.code == "model_not_found"
    assert simulator.requests() == []


def test_an_unsupported_path_names_the_supported(client, simulator):
    with pytest.raises(openai.NotFoundError) as caught:
        client.images.generate(prompt="a cat", model="gpt-image-1")
    assert caught.value.code == "not_found"
    assert "/v1/chat/completions" in str(caught.value)
    assert simulator.requests("/v1/images/generations") == []


def test_too_large(client, simulator, ask):
    arguments = ask()
    arguments["messages"][0]["content"] = "x" * (33 << 20)
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**arguments)
    assert caught.value.status_code == 413
    assert caught.value.code == "payload_too_large"
    assert simulator.requests() == []


def test_a_stream_s_refusal_is_an_exception_before_the_first_chunk(client, simulator, ask):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**ask(), n=0, stream=True)
    assert simulator.requests() == []


def attempts(error: openai.APIStatusError) -> int:
    """How many upstream attempts the gateway says it made."""
    return len(error.response.headers["x-lockgate-attempts"].split(","))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [500, 503])
def test_upstream_failure_is_final(client_factory, simulator, ask, status, stream):
    """The plan is exhausted: the SDK, told so, does not multiply the attempts by its own."""
    simulator.script({"kind": "status", "status": status, "times": 100})
    with pytest.raises(openai.InternalServerError) as caught:
        client_factory(max_retries=3).chat.completions.create(**ask(), stream=stream)
    assert caught.value.status_code == 502
    assert caught.value.code == "provider_error"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(simulator.requests()) == attempts(caught.value)


async def test_async_upstream_failure_is_final(async_client_factory, simulator, ask):
    simulator.script({"kind": "status", "status": 500, "times": 20})
    with pytest.raises(openai.InternalServerError) as caught:
        await async_client_factory(max_retries=3).chat.completions.create(**ask())
    assert len(simulator.requests()) == attempts(caught.value)


def test_upstream_rate_limit(client_factory, simulator, ask):
    simulator.script({"kind": "status", "status": 429, "retry_after": "70", "times": 100})
    with pytest.raises(openai.RateLimitError) as caught:
        client_factory(max_retries=3).chat.completions.create(**ask())
    assert caught.value.code == "upstream_rate_limited"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(simulator.requests()) == attempts(caught.value)


def test_upstream_refuses_our_key(client_factory, simulator, ask):
    simulator.script({"kind": "status", "status": 401, "times": 100})
    with pytest.raises(openai.InternalServerError) as caught:
        client_factory(max_retries=3).chat.completions.create(**ask())
    assert caught.value.status_code == 502
    assert caught.value.code == "provider_auth_failed"
    assert "sk-upstream" not in str(caught.value)
    assert len(simulator.requests()) == attempts(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (404, openai.NotFoundError),
        (422, openai.UnprocessableEntityError),
    ],
)
def test_the_provider_s_refusal_keeps_status_and_message(client, simulator, ask, status, kind):
    simulator.script(
        {"kind": "status", "status": status, "message": "your seed is too ripe", "code": "ripe_seed"}
    )
    with pytest.raises(kind) as caught:
        client.chat.completions.create(**ask())
    assert caught.value.status_code == status
    assert caught.value.code == "ripe_seed"
    assert "your seed is too ripe" in str(caught.value)
    assert len(simulator.requests()) == 1


def test_an_error_before_the_first_content_of_a_stream_is_an_exception(client_factory, simulator, ask):
    simulator.script({"kind": "error_in_stream", "after_events": 0, "times": 100})
    with pytest.raises(openai.InternalServerError) as caught:
        client_factory(max_retries=3).chat.completions.create(**ask(), stream=True)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(simulator.requests()) == attempts(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error_in_stream", "after_events": 3},
        {"kind": "cut", "after_events": 3},
        {"kind": "malformed_json", "after_events": 3},
        # Room for the role and some words, whatever the padding of their events.
        {"kind": "reset_after", "bytes": 1500},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_stream_that_breaks_after_content_raises_and_is_not_repeated(client_factory, simulator, ask, fault):
    simulator.script({**fault, "and": [{"kind": "reply", "text": "one two three four five six seven eight"}]})
    stream = client_factory(max_retries=3).chat.completions.create(**ask(), stream=True)
    with pytest.raises(openai.APIError):
        for _chunk in stream:
            pass
    assert len(simulator.requests()) == 1
