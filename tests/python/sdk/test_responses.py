"""The Responses API, without state: as the SDK asks and reads it."""

from __future__ import annotations

import json

import openai
import pytest
from pydantic import BaseModel

TEXT = "Ein Strom von Wörtern: 雪 fällt, 👩‍👩‍👧 lacht — and it ends here."
MODEL = "gpt-4o-mini"
TOOLS = [
    {
        "type": "function",
        "name": name,
        "description": f"{name} of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    }
    for name in ("weather", "population")
]
CALLS = [
    {"name": "weather", "arguments": {"city": "Zürich"}},
    {"name": "population", "arguments": {"city": "北京"}},
]


@pytest.fixture
def unique(request):
    return f"Say something. [{request.node.nodeid}]"


def test_answer(client, simulator, unique):
    simulator.script({"kind": "reply", "text": TEXT})
    answer = client.responses.create(model=MODEL, instructions="Be brief.", input=unique, max_output_tokens=99)
    assert answer.output_text == TEXT
    assert answer.status == "completed"
    assert answer.object == "response"
    assert answer.store is False
    assert answer.instructions == "Be brief."
    (seen,) = simulator.settled(1)
    assert seen["path"] == "/v1/chat/completions"
    assert seen["body"]["messages"] == [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": unique},
    ]
    assert seen["body"]["max_completion_tokens"] == 99
    assert answer.usage.input_tokens == seen["usage"]["prompt_tokens"]
    assert answer.usage.output_tokens == seen["usage"]["completion_tokens"]
    about = answer.model_extra["lockgate"]
    assert about["provider"] == "openai"
    assert about["cost_nano_usd"] > 0


def test_stream_helper_gathers_the_answer(client, simulator, unique):
    simulator.script({"kind": "reply", "text": TEXT})
    kinds, numbers, text = [], [], ""
    with client.responses.stream(model=MODEL, input=unique) as stream:
        for event in stream:
            kinds.append(event.type)
            numbers.append(event.sequence_number)
            if event.type == "response.output_text.delta":
                text += event.delta
        final = stream.get_final_response()
    assert text == TEXT
    assert final.output_text == TEXT
    assert numbers == list(range(len(numbers)))
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert final.usage.total_tokens > 0
    assert final.model_extra["lockgate"]["cost_nano_usd"] > 0


async def test_async_stream(async_client, simulator, unique):
    simulator.script({"kind": "reply", "text": TEXT})
    text = ""
    async for event in await async_client.responses.create(model=MODEL, input=unique, stream=True):
        if event.type == "response.output_text.delta":
            text += event.delta
    assert text == TEXT


def test_a_conversation_with_tools(client, simulator, unique):
    simulator.script({"kind": "tool_calls", "calls": CALLS}, {"kind": "reply", "text": TEXT})
    talk = [{"role": "user", "content": unique}]
    first = client.responses.create(model=MODEL, input=talk, tools=TOOLS)
    calls = [item for item in first.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["weather", "population"]
    assert [json.loads(call.arguments) for call in calls] == [call["arguments"] for call in CALLS]
    talk += [item.model_dump(exclude_none=True) for item in first.output]
    talk += [{"type": "function_call_output", "call_id": call.call_id, "output": "42"} for call in calls]
    second = client.responses.create(model=MODEL, input=talk, tools=TOOLS)
    assert second.output_text == TEXT
    _, seen = simulator.settled(2)
    said = seen["body"]["messages"]
    assert [message["role"] for message in said] == ["user", "assistant", "tool", "tool"]
    assert [call["id"] for call in said[1]["tool_calls"]] == [call.call_id for call in calls]
    assert [message["tool_call_id"] for message in said[2:]] == [call.call_id for call in calls]
    assert seen["body"]["tools"][0]["function"]["name"] == "weather"


def test_streamed_tool_calls(client, simulator, unique):
    simulator.script({"kind": "tool_calls", "calls": CALLS})
    with client.responses.stream(model=MODEL, input=unique, tools=TOOLS) as stream:
        deltas = [event for event in stream if event.type == "response.function_call_arguments.delta"]
        final = stream.get_final_response()
    calls = [item for item in final.output if item.type == "function_call"]
    assert [json.loads(call.arguments) for call in calls] == [call["arguments"] for call in CALLS]
    assert {event.output_index for event in deltas} == {0, 1}


def test_structured_output(client, simulator, unique):
    class City(BaseModel):
        name: str
        people: int

    answer = client.responses.parse(model=MODEL, input=unique, text_format=City)
    assert isinstance(answer.output_parsed, City)
    sent = simulator.settled(1)[0]["body"]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["name"] == "City"
    assert sent["json_schema"]["strict"] is True


def test_vision_input(client, unique):
    picture = "data:image/png;base64,iVBORw0KGgo="
    parts = [
        {"type": "input_text", "text": unique},
        {"type": "input_image", "image_url": picture, "detail": "low"},
    ]
    answer = client.responses.create(model=MODEL, input=[{"role": "user", "content": parts}])
    assert "image" in answer.output_text


def test_an_answer_that_is_cut_is_incomplete(client, unique):
    answer = client.responses.create(model=MODEL, input=f"{unique} count to 500", max_output_tokens=16)
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"
    last = list(
        client.responses.create(model=MODEL, input=f"{unique} count to 501", max_output_tokens=16, stream=True)
    )[-1]
    assert last.type == "response.incomplete"


def test_refusal(client, unique):
    answer = client.responses.create(model=MODEL, input=f"please refuse {unique}")
    assert answer.output[0].content[0].type == "refusal"
    final = list(client.responses.create(model=MODEL, input=f"please refuse {unique}", stream=True))[-1]
    assert final.response.output[0].content[0].refusal == answer.output[0].content[0].refusal


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("store", True),
        ("background", True),
        ("prompt", {"id": "pmpt_1"}),
    ],
)
def test_what_needs_state_is_refused(client, simulator, unique, field, value):
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=MODEL, input=unique, **{field: value})
    assert caught.value.code == "unsupported_parameter"
    assert caught.value.param == field
    assert simulator.requests() == []


def test_errors_name_the_caller_s_own_fields(client, simulator, unique):
    for arguments, field in [
        ({"input": [{"role": "user", "content": unique}, {"type": "web_search_call"}]}, "input[1].type"),
        ({"input": unique, "max_output_tokens": 0}, "max_output_tokens"),
        ({"input": unique, "tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": []}, "input"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
    ]:
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model=MODEL, **arguments)
        assert caught.value.param == field, caught.value
    assert simulator.requests() == []


def test_a_failure_in_the_middle_is_raised(client, simulator, unique):
    simulator.script({"kind": "cut", "after_events": 4, "and": [{"kind": "reply", "text": TEXT}]})
    text, kinds = "", []
    with pytest.raises(openai.APIError):
        for event in client.responses.create(model=MODEL, input=unique, stream=True):
            kinds.append(event.type)
            text += event.delta if event.type == "response.output_text.delta" else ""
    assert text
    assert TEXT.startswith(text)
    assert kinds[-1] == "response.failed"
    assert "response.completed" not in kinds


def test_the_cache_knows_the_same_question(client, simulator, unique):
    first = client.responses.create(model=MODEL, input=unique)
    again = client.responses.create(model=MODEL, input=unique)
    streamed = list(client.responses.create(model=MODEL, input=unique, stream=True))[-1].response
    assert first.output_text == again.output_text == streamed.output_text
    assert again.model_extra["lockgate"]["cache"] == "exact"
    assert streamed.model_extra["lockgate"]["cost_nano_usd"] == 0
    assert len(simulator.requests()) == 1


def test_reasoning_travels_sealed(client, simulator, unique):
    simulator.script({"kind": "reply", "text": TEXT})
    talk = [
        {"role": "user", "content": unique},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "someone else's"},
        {"role": "assistant", "content": "Earlier."},
        {"role": "user", "content": "Go on."},
    ]
    answer = client.responses.create(model=MODEL, input=talk)
    warnings = answer.model_extra["lockgate"]["warnings"]
    assert any("encrypted_content" in warning for warning in warnings)
    said = simulator.settled(1)[0]["body"]["messages"]
    assert [message["role"] for message in said] == ["user", "assistant", "user"]
