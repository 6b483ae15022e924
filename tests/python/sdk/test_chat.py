"""Chat without streaming: what the SDK parses, what the headers say, what reaches the provider."""

from __future__ import annotations

import json

import pydantic
import pytest

TEXT = 'Grüße aus 東京, 𝒳 und 👩‍👩‍👧 — «naïve» \u200b\u0007 "quoted" \\ /'


def test_chat(client, simulator, ask):
    simulator.script({"kind": "reply", "text": "Forty-two."})
    arguments = ask("What is the answer?")
    answer = client.chat.completions.create(**arguments, temperature=0, max_tokens=20)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == "Forty-two."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    (seen,) = simulator.settled(1)
    assert seen["body"]["messages"] == arguments["messages"]
    assert seen["body"]["temperature"] == 0
    assert seen["body"]["max_tokens"] == 20
    assert seen["usage"]["total_tokens"] == answer.usage.total_tokens


def test_the_provider_gets_the_provider_key_and_not_the_gateway_key(client, simulator, ask, key):
    client.chat.completions.create(**ask())
    (seen,) = simulator.settled(1)
    assert seen["headers"]["authorization"] == "Bearer sk-upstream-of-the-tests"
    assert key.secret not in json.dumps(seen)


def test_unicode_survives_both_ways(client, simulator, ask):
    simulator.script({"kind": "reply", "text": TEXT})
    arguments = ask(TEXT)
    answer = client.chat.completions.create(**arguments)
    assert answer.choices[0].message.content == TEXT
    assert simulator.settled(1)[0]["body"]["messages"] == arguments["messages"]


async def test_async_chat(async_client, simulator, ask):
    simulator.script({"kind": "reply", "text": "Hello from a coroutine."})
    answer = await async_client.chat.completions.create(**ask())
    assert answer.choices[0].message.content == "Hello from a coroutine."


def test_every_role_and_part_reaches_the_provider(client, simulator):
    messages = [
        {"role": "system", "content": "first system message"},
        {"role": "developer", "content": "a developer message"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "every role"}, {"type": "text", "text": "two parts"}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "a result"},
        {"role": "user", "name": "someone", "content": "and now?"},
    ]
    client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    assert simulator.settled(1)[0]["body"]["messages"] == messages


def test_headers(client_factory, gateway, ask):
    key = gateway.create_key("--requests-per-minute", "100", "--tokens-per-minute", "1000000")
    raw = client_factory(key).chat.completions.with_raw_response.create(**ask())
    headers = raw.headers
    assert headers["x-request-id"]
    assert headers["x-lockgate-provider"] == "openai"
    assert headers["x-lockgate-model"].startswith("gpt-4o-mini")
    assert headers["x-lockgate-cache"] == "miss"
    assert headers["x-lockgate-attempts"] == "openai/gpt-4o-mini=200"
    assert 0 < float(headers["x-lockgate-cost-usd"]) < 0.01
    assert headers["x-ratelimit-limit-requests"] == "100"
    assert headers["x-ratelimit-remaining-requests"] == "99"
    assert headers["x-ratelimit-reset-requests"].endswith("s")
    assert headers["x-ratelimit-limit-tokens"] == "1000000"
    assert int(headers["x-ratelimit-remaining-tokens"]) < 1000000
    assert raw.parse().choices[0].message.content


def test_the_spend_headers_show_the_cap_nearest_to_its_end(client_factory, gateway, ask):
    key = gateway.create_key("--monthly-cap", "5")
    completions = client_factory(key).chat.completions
    completions.create(**ask())
    headers = completions.with_raw_response.create(**ask()).headers
    assert float(headers["x-lockgate-cap-usd"]) == 5
    assert 0 < float(headers["x-lockgate-spend-usd"]) < 5


def test_the_caller_s_request_id_is_echoed(client, ask):
    raw = client.chat.completions.with_raw_response.create(
        **ask(), extra_headers={"X-Request-ID": "job-17/e"}
    )
    assert raw.headers["x-request-id"] == "job-17/e"


def test_unknown_request_fields_reach_the_provider(client, simulator, ask):
    future = {
        "x_future": {"b": 1, "a": [1, 2.5, None, "ü"], "nested": {"deep": {"er": True}}},
        "x_list": [],
        "x_null": None,
    }
    arguments = ask()
    arguments["messages"][0]["x_in_message"] = {"kept": True}
    client.chat.completions.create(**arguments, extra_body=future)
    body = simulator.settled(1)[0]["body"]
    assert {name: body[name] for name in future} == future
    assert body["messages"][0]["x_in_message"] == {"kept": True}


def test_unknown_response_fields_reach_the_caller(client, simulator, ask):
    answer = {
        "id": "chatcmpl-future",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4o-mini-2024-07-18",
        "x_future": {"a": [1, 2.5, None]},
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": None,
                "x_in_choice": 7,
                "message": {"role": "assistant", "content": "Hi.", "refusal": None, "x_in_message": ["kept"]},
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "x_in_usage": 1},
    }
    headers = {"content-type": "application/json"}
    simulator.script({"kind": "status", "status": 200, "body": json.dumps(answer), "headers": headers})
    parsed = client.chat.completions.create(**ask())
    assert parsed.id == "chatcmpl-future"
    assert parsed.model_extra["x_future"] == {"a": [1, 2.5, None]}
    assert parsed.choices[0].model_extra["x_in_choice"] == 7
    assert parsed.choices[0].message.model_extra["x_in_message"] == ["kept"]
    assert parsed.usage.model_extra["x_in_usage"] == 1


def test_structured_output(client, simulator, ask):
    class Event(pydantic.BaseModel):
        name: str
        day: int
        guests: list[str]

    simulator.script({"kind": "reply", "text": '{"name": "Fête", "day": 14, "guests": ["Zoë", "李"]}'})
    answer = client.chat.completions.parse(**ask(), response_format=Event)
    assert answer.choices[0].message.parsed == Event(name="Fête", day=14, guests=["Zoë", "李"])
    sent = simulator.settled(1)[0]["body"]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["strict"] is True
    assert sent["json_schema"]["schema"]["required"] == ["name", "day", "guests"]


def test_several_choices(client, ask):
    answer = client.chat.completions.create(**ask(), n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_finish_reasons(client, simulator, ask, reason):
    simulator.script({"kind": "finish", "reason": reason})
    assert client.chat.completions.create(**ask()).choices[0].finish_reason == reason
