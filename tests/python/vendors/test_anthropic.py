"""Anthropic's own SDK accepts the simulated Anthropic. No gateway is involved: this proves the simulator."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
import pytest
from anthropic.types import RawMessageStreamEvent, TextBlock, ThinkingBlock, ToolUseBlock
from pydantic import BaseModel

from harness.simulator import Simulator

HAIKU = "claude-haiku-4-5"
SONNET = "claude-sonnet-5"
PNG = base64.b64encode(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
).decode()
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture
def client(simulator: Simulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        api_key="sk-ant-test", base_url=simulator.anthropic, timeout=20, max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def async_client(simulator: Simulator) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        api_key="sk-ant-test", base_url=simulator.anthropic, timeout=20, max_retries=0
    ) as client:
        yield client


def ask(text: str, **more: Any) -> dict[str, Any]:
    return {"model": HAIKU, "max_tokens": 4000, "messages": [{"role": "user", "content": text}], **more}


def told(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_an_answer_has_every_field(client: anthropic.Anthropic) -> None:
    answer = client.messages.create(**ask("Tell of otters"))
    assert answer.id.startswith("msg_01")
    assert (answer.type, answer.role, answer.model) == ("message", "assistant", "claude-haiku-4-5-20251001")
    assert "otters" in told(answer)
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    assert answer.usage.cache_creation is not None
    assert answer.usage.service_tier == "standard"
    assert (answer._request_id or "").startswith("req_011C")


def test_a_stream_has_the_vendors_events_and_adds_up(client: anthropic.Anthropic) -> None:
    seen: list[RawMessageStreamEvent] = list(client.messages.create(**ask("Tell of otters"), stream=True))
    kinds = [event.type for event in seen]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    with client.messages.stream(**ask("Tell of otters")) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    whole = client.messages.create(**ask("Tell of otters"))
    assert text == told(final) == told(whole)
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.stop_reason == "end_turn"


async def test_the_async_client_gets_the_same(async_client: anthropic.AsyncAnthropic) -> None:
    answer = await async_client.messages.create(**ask("Tell of otters"))
    async with async_client.messages.stream(**ask("Tell of otters")) as stream:
        assert "".join([text async for text in stream.text_stream]) == told(answer)
    models = [model.id async for model in async_client.models.list()]
    assert "claude-opus-5-5" in models


@pytest.mark.parametrize("streamed", [False, True])
def test_tools_are_called_and_their_results_told(client: anthropic.Anthropic, streamed: bool) -> None:
    asked = ask("The weather in both Paris and Rome?", tools=[WEATHER])
    if streamed:
        with client.messages.stream(**asked) as stream:
            answer = stream.get_final_message()
    else:
        answer = client.messages.create(**asked)
    assert answer.stop_reason == "tool_use"
    calls = [block for block in answer.content if isinstance(block, ToolUseBlock)]
    assert [(call.name, call.input) for call in calls] == [("get_weather", {"city": "Paris"})] * 2
    assert all(call.id.startswith("toolu_01") for call in calls)
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"} for call in calls]
    asked["messages"] += [
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": results},
    ]
    assert "The result of get_weather is 18 degrees." in told(client.messages.create(**asked))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("model", "thinking", "shown"),
    [
        (HAIKU, {"type": "enabled", "budget_tokens": 2048}, True),
        (SONNET, {"type": "adaptive"}, False),
        (SONNET, {"type": "adaptive", "display": "summarized"}, True),
    ],
)
def test_thinking_is_told_and_goes_back(
    client: anthropic.Anthropic, model: str, thinking: dict[str, Any], shown: bool, streamed: bool
) -> None:
    asked = ask("The weather in Paris?", tools=[WEATHER], thinking=thinking)
    asked["model"] = model
    if streamed:
        with client.messages.stream(**asked) as stream:
            kinds = [event.type for event in stream]
            answer = stream.get_final_message()
        assert ("thinking" in kinds) == shown
        assert "signature" in kinds
    else:
        answer = client.messages.create(**asked)
    thought, call = answer.content
    assert isinstance(thought, ThinkingBlock)
    assert isinstance(call, ToolUseBlock)
    assert bool(thought.thinking) == shown
    assert thought.signature
    assert answer.usage.output_tokens_details is not None
    assert answer.usage.output_tokens_details.thinking_tokens > 0
    result = [{"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}]
    asked["messages"] += [
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": result},
    ]
    assert "18 degrees" in told(client.messages.create(**asked))

    thought.signature = (
        thought.signature[:40] + ("x" if thought.signature[40] != "x" else "y") + thought.signature[41:]
    )
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature` in `thinking` block"):
        client.messages.create(**asked)


def test_structured_output_is_parsed(client: anthropic.Anthropic) -> None:
    class Place(BaseModel):
        city: str
        days: int

    parsed = client.messages.parse(**ask("Three days in Paris, 3 of them"), output_format=Place)
    assert parsed.parsed_output == Place(city="Paris", days=3)
    with client.messages.stream(**ask("Three days in Paris, 3 of them"), output_format=Place) as stream:
        assert stream.get_final_message().parsed_output == Place(city="Paris", days=3)


def test_images_documents_and_citations(client: anthropic.Anthropic) -> None:
    content: list[dict[str, Any]] = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {
            "type": "document",
            "title": "Nature",
            "source": {"type": "text", "media_type": "text/plain", "data": "Grass is green. Water is wet."},
            "citations": {"enabled": True},
        },
        {"type": "text", "text": "Well?"},
    ]
    asked = ask("x", messages=[{"role": "user", "content": content}])
    answer = client.messages.create(**asked)
    assert "I can see the image you sent." in told(answer)
    cited = answer.content[-1]
    assert isinstance(cited, TextBlock)
    assert cited.citations is not None
    assert cited.citations[0].type == "char_location"
    assert cited.citations[0].cited_text == cited.text == "Grass is green."
    with client.messages.stream(**asked) as stream:
        assert any(event.type == "citation" for event in stream)
        final = stream.get_final_message().content[-1]
    assert isinstance(final, TextBlock)
    assert (final.text, final.citations) == (cited.text, cited.citations)


def test_refusals_stops_and_limits(client: anthropic.Anthropic) -> None:
    refused = client.messages.create(**ask("please refuse"))
    assert (refused.stop_reason, refused.content) == ("refusal", [])
    assert refused.stop_details is not None
    assert refused.stop_details.explanation
    stopped = client.messages.create(**ask("count to 20", stop_sequences=[", 7"]))
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", ", 7")
    assert told(stopped) == "1, 2, 3, 4, 5, 6"
    cut = client.messages.create(**{**ask("count to 20"), "max_tokens": 5})
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 5)


def test_tokens_are_counted_and_models_listed(client: anthropic.Anthropic) -> None:
    asked = ask("How long is this?", system="Be terse.", tools=[WEATHER])
    del asked["max_tokens"]
    counted = client.messages.count_tokens(**asked)
    answer = client.messages.create(**asked, max_tokens=50)
    assert counted.input_tokens == answer.usage.input_tokens
    models = list(client.models.list())
    assert len(models) > 5
    one = client.models.retrieve(HAIKU)
    assert (one.id, one.display_name, one.type) == ("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "model")
    assert one.created_at.year == 2025


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (413, anthropic.APIStatusError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.InternalServerError),
    ],
)
def test_statuses_are_typed_errors(
    client: anthropic.Anthropic, simulator: Simulator, status: int, kind: type[anthropic.APIStatusError]
) -> None:
    simulator.script({"kind": "status", "status": status, "message": "told"}, provider="anthropic")
    with pytest.raises(kind) as caught:
        client.messages.create(**ask("x"))
    assert caught.value.status_code == status
    assert (caught.value.request_id or "").startswith("req_011C")
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["message"] == "told"
    assert caught.value.body["request_id"] == caught.value.request_id


def test_the_sdk_retries_as_it_is_told(client: anthropic.Anthropic, simulator: Simulator) -> None:
    fault = {"kind": "status", "status": 429, "retry_after": "0", "retry_after_ms": 1, "times": 2}
    simulator.script(fault, provider="anthropic")
    assert told(client.with_options(max_retries=2).messages.create(**ask("x")))
    assert len(simulator.requests("/v1/messages")) == 3


@pytest.mark.parametrize("after", [0, 1, 4])
def test_an_error_inside_the_stream_is_raised(
    client: anthropic.Anthropic, simulator: Simulator, after: int
) -> None:
    simulator.script({"kind": "error_in_stream", "after_events": after}, provider="anthropic")
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(client.messages.create(**ask("x"), stream=True))
    assert caught.value.type == "overloaded_error"
    assert caught.value.api_message == "Overloaded"


def test_bad_requests_are_the_callers_fault(client: anthropic.Anthropic) -> None:
    for more, words in [
        ({"extra_body": {"colour": "red"}}, "colour: Extra inputs are not permitted"),
        ({"tools": [{**WEATHER, "name": "a b"}]}, "tools.0.custom.name"),
        ({"tools": [WEATHER], "tool_choice": {"type": "must"}}, "tool_choice: Input tag 'must'"),
        ({"thinking": {"type": "adaptive"}}, "adaptive thinking is not supported on this model"),
    ]:
        with pytest.raises(anthropic.BadRequestError, match=words):
            client.messages.create(**ask("x"), **more)
    with pytest.raises(anthropic.NotFoundError, match="model: gpt-4o"):
        client.messages.create(**{**ask("x"), "model": "gpt-4o"})
    with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
        client.with_options(api_key="sk-bad-1").messages.create(**ask("x"))


def test_input_without_json_is_told_as_it_is(client: anthropic.Anthropic, simulator: Simulator) -> None:
    call = {"name": "get_weather", "arguments": {"city": "雪"}}
    simulator.script(
        {"kind": "tool_calls", "calls": [call, {"name": "now", "arguments": {}}]}, provider="anthropic"
    )
    with client.messages.stream(**ask("x", tools=[WEATHER])) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        calls = [block for block in stream.get_final_message().content if isinstance(block, ToolUseBlock)]
    assert json.loads("".join(pieces)) == {"city": "雪"}
    assert [call.input for call in calls] == [{"city": "雪"}, {}]
