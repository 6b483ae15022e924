"""Tool calls, whole and streamed."""

from __future__ import annotations

import json

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"{name} of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
            "strict": True,
        },
    }
    for name in ("weather", "population")
]
CALLS = [
    {"name": "weather", "arguments": {"city": "Zürich"}},
    {"name": "population", "arguments": {"city": "北京"}},
]


def test_tool_calls(client, simulator, ask):
    simulator.script({"kind": "tool_calls", "calls": CALLS})
    answer = client.chat.completions.create(**ask(), tools=TOOLS, tool_choice="auto")
    calls = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in calls] == ["weather", "population"]
    assert [json.loads(call.function.arguments) for call in calls] == [call["arguments"] for call in CALLS]
    assert len({call.id for call in calls}) == 2
    body = simulator.settled(1)[0]["body"]
    assert body["tools"] == TOOLS
    assert body["tool_choice"] == "auto"


def test_streamed_tool_calls(client, simulator, ask):
    simulator.script({"kind": "tool_calls", "calls": CALLS})
    calls: dict[int, dict[str, str]] = {}
    reasons = []
    for chunk in client.chat.completions.create(**ask(), tools=TOOLS, stream=True):
        for choice in chunk.choices:
            if choice.finish_reason:
                reasons.append(choice.finish_reason)
            for part in choice.delta.tool_calls or []:
                call = calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
                call["id"] += part.id or ""
                call["name"] += part.function.name or ""
                call["arguments"] += part.function.arguments or ""
    assert reasons == ["tool_calls"]
    assert [call["name"] for call in calls.values()] == ["weather", "population"]
    assert [json.loads(call["arguments"]) for call in calls.values()] == [call["arguments"] for call in CALLS]
    assert len({call["id"] for call in calls.values()}) == 2


def test_the_sdk_s_own_stream_helper_gathers_tool_calls(client, simulator, ask):
    simulator.script({"kind": "tool_calls", "calls": CALLS})
    with client.chat.completions.stream(**ask(), tools=TOOLS) as stream:
        for _event in stream:
            pass
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert [call.function.parsed_arguments for call in calls] == [call["arguments"] for call in CALLS]
