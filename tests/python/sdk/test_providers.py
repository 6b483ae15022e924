"""What agents are made of, on each vendor behind the one SDK: tools, structured output, images, streams with usage.

The SDK is OpenAI's and knows no other vendor; each simulated one speaks its own protocol and shows what it was sent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import openai
import pydantic
import pytest

from harness.gateway import Key
from harness.simulator import Simulator

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
USAGE = {"stream_options": {"include_usage": True}}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
TWICE = "What is the weather in both Paris and Rome?"
RESULTS = ("17 degrees and fog", "29 degrees and sun")


@dataclass(frozen=True)
class Vendor:
    """A vendor and its models."""

    name: str
    model: str
    #: The model that sees images.
    sees: str
    #: What it counts of the prompt, and of the answer.
    counts: tuple[tuple[str, ...], tuple[str, ...]]
    free: bool = False
    #: It fetches an image by its address.
    fetches: bool = True


VENDORS = [
    Vendor("openai", "gpt-4o", "gpt-4o", (("prompt_tokens",), ("completion_tokens",))),
    Vendor(
        "anthropic",
        "claude-sonnet-4-5",
        "claude-sonnet-4-5",
        (("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), ("output_tokens",)),
    ),
    Vendor(
        "gemini",
        "gemini-2.5-flash",
        "gemini-2.5-flash",
        (("promptTokenCount",), ("candidatesTokenCount", "thoughtsTokenCount")),
    ),
    Vendor("ollama", "qwen3", "gemma3", (("prompt_eval_count",), ("eval_count",)), free=True, fetches=False),
]


class Event(pydantic.BaseModel):
    """What is asked for as structured output."""

    name: str
    day: int
    guests: list[str]


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return request.param


@pytest.fixture
def gateway(gateway_factory: Callable[..., Any], simulator: Simulator) -> Any:
    """A gateway before all four, OpenAI's settings being there in any case."""
    return gateway_factory(
        config=f"""
        [providers.anthropic]
        api_key = "sk-ant-upstream-of-the-tests"
        base_url = "{simulator.anthropic}"

        [providers.gemini]
        api_key = "upstream-of-the-tests"
        base_url = "{simulator.gemini}"

        [providers.ollama]
        base_url = "{simulator.ollama}"
        """
    )


@pytest.fixture
def key(gateway: Any) -> Key:
    return gateway.create_key("--name", "tests")


@pytest.fixture
def ask_it(vendor: Vendor, ask: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """`ask` on the vendor's model."""
    return lambda text, **more: {**ask(text, **more), "model": vendor.model}


def sent(simulator: Simulator, vendor: Vendor) -> list[dict[str, Any]]:
    """The requests for an answer, none of which went to another vendor."""
    requests = [request for request in simulator.settled(1) if request["method"] == "POST"]
    assert {request["provider"] for request in requests} == {vendor.name}
    return requests


def counted(vendor: Vendor, request: dict[str, Any]) -> tuple[int, int]:
    """The tokens that the vendor told."""
    prompt, answer = (sum(request["usage_sent"].get(name) or 0 for name in names) for names in vendor.counts)
    return prompt, answer


def after(messages: list[Any], said: Any) -> list[Any]:
    """The conversation with what was said, as the SDK has it, and the results of its calls."""
    told = zip(said.tool_calls, RESULTS, strict=True)
    return [
        *messages,
        said,
        *({"role": "tool", "tool_call_id": call.id, "content": result} for call, result in told),
    ]


def assert_called(message: Any) -> None:
    """Two calls of the tool, told apart, with arguments as they were declared."""
    assert [call.function.name for call in message.tool_calls] == ["get_weather"] * 2
    assert len({call.id for call in message.tool_calls}) == 2
    for call in message.tool_calls:
        assert list(json.loads(call.function.arguments)) == ["city"]


def assert_billed(vendor: Vendor, report: dict[str, Any]) -> None:
    assert report["provider"] == vendor.name
    assert report["cost_nano_usd"] == 0 if vendor.free else report["cost_nano_usd"] > 0


def streamed(client: openai.OpenAI, arguments: dict[str, Any], **more: Any) -> Any:
    """The answer that the SDK puts together of a stream."""
    with client.chat.completions.stream(**arguments, **USAGE, **more) as stream:
        for _event in stream:
            pass
        return stream.get_final_completion()


def test_a_conversation_with_tools(client, simulator, vendor, ask_it):
    arguments = ask_it(TWICE, tools=[TOOL])
    answer = client.chat.completions.create(**arguments)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert_called(answer.choices[0].message)
    assert_billed(vendor, answer.model_extra["lockgate"])
    arguments["messages"] = after(arguments["messages"], answer.choices[0].message)
    final = client.chat.completions.create(**arguments)
    assert final.choices[0].finish_reason == "stop"
    assert all(result in final.choices[0].message.content for result in RESULTS)
    assert len(sent(simulator, vendor)) == 2


def test_a_streamed_conversation_with_tools(client, simulator, vendor, ask_it):
    arguments = ask_it(TWICE, tools=[TOOL])
    answer = streamed(client, arguments)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert_called(answer.choices[0].message)
    for call in answer.choices[0].message.tool_calls:
        assert call.function.parsed_arguments == json.loads(call.function.arguments)
    arguments["messages"] = after(arguments["messages"], answer.choices[0].message)
    final = streamed(client, arguments)
    assert all(result in final.choices[0].message.content for result in RESULTS)
    requests = sent(simulator, vendor)
    assert [request["outcome"] for request in requests] == ["completed"] * 2
    used = final.usage
    assert (used.prompt_tokens, used.completion_tokens) == counted(vendor, requests[-1])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_conversation_that_thinks(client, simulator, vendor, ask_it, stream):
    """What was thought goes back as the SDK has it; the simulators refuse it where it was changed."""
    model = "o4-mini" if vendor.name == "openai" else vendor.model
    arguments = {**ask_it(TWICE, tools=[TOOL], reasoning_effort="low"), "model": model}

    def answer() -> Any:
        return streamed(client, arguments) if stream else client.chat.completions.create(**arguments)

    called = answer().choices[0].message
    assert_called(called)
    # OpenAI keeps its thinking to itself.
    assert bool((called.model_extra or {}).get("reasoning_content")) == (vendor.name != "openai")
    arguments["messages"] = after(arguments["messages"], called)
    said = answer().choices[0].message
    assert all(result in said.content for result in RESULTS)
    arguments["messages"] += [said, {"role": "user", "content": "Repeat: papaya"}]
    arguments["tool_choice"] = "none"
    assert "papaya" in answer().choices[0].message.content
    assert len(sent(simulator, vendor)) == 3


def test_a_tool_that_must_not_be_called(client, simulator, vendor, ask_it):
    answer = client.chat.completions.create(**ask_it(TWICE, tools=[TOOL]), tool_choice="none")
    assert answer.choices[0].finish_reason == "stop"
    assert not answer.choices[0].message.tool_calls
    assert TWICE in answer.choices[0].message.content
    assert len(sent(simulator, vendor)) == 1


# The SDK's own complaint when a parsed message is handed back to it.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_structured_output(client, simulator, vendor, ask_it):
    arguments = ask_it("Ada gives a party on the 14th.")
    answer = client.chat.completions.parse(**arguments, response_format=Event)
    assert isinstance(answer.choices[0].message.parsed, Event)
    assert_billed(vendor, answer.model_extra["lockgate"])
    (request,) = sent(simulator, vendor)
    body = json.dumps(request["body"])
    assert all(f'"{field}"' in body for field in Event.model_fields)
    # What was parsed can be handed back.
    arguments["messages"] += [answer.choices[0].message, {"role": "user", "content": "Repeat: papaya"}]
    again = client.chat.completions.create(**arguments)
    assert "papaya" in again.choices[0].message.content


def test_streamed_structured_output(client, simulator, vendor, ask_it):
    answer = streamed(client, ask_it("Ada gives a party on the 14th."), response_format=Event)
    message = answer.choices[0].message
    assert isinstance(message.parsed, Event)
    assert message.parsed == Event.model_validate_json(message.content)
    assert len(sent(simulator, vendor)) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_image(client, simulator, vendor, ask_it, stream):
    arguments = {**ask_it("What is it?"), "model": vendor.sees}
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    (message,) = arguments["messages"]
    message["content"] = [{"type": "text", "text": message["content"]}, image]
    answer = streamed(client, arguments) if stream else client.chat.completions.create(**arguments)
    assert "I can see the image you sent." in answer.choices[0].message.content
    (request,) = sent(simulator, vendor)
    assert PNG in json.dumps(request["body"])


def test_an_image_by_its_address(client, simulator, vendor, ask_it):
    arguments = {**ask_it("What is it?"), "model": vendor.sees}
    address = "https://images.example/otter.png"
    image = {"type": "image_url", "image_url": {"url": address}}
    (message,) = arguments["messages"]
    message["content"] = [{"type": "text", "text": message["content"]}, image]
    if vendor.fetches:
        answer = client.chat.completions.create(**arguments)
        assert "I can see the image you sent." in answer.choices[0].message.content
        (request,) = sent(simulator, vendor)
        assert address in json.dumps(request["body"])
    else:
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(**arguments)
        assert caught.value.code == "unsupported_parameter"
        assert caught.value.param == "messages[0].content[1].image_url.url"


def test_a_stream_with_usage(client, simulator, vendor, ask_it):
    chunks = list(client.chat.completions.create(**ask_it("Tell of otters."), stream=True, **USAGE))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "otters" in "".join(choice.delta.content or "" for choice in choices)
    assert [choice.delta.role for choice in choices if choice.delta.role] == ["assistant"]
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert len({(chunk.id, chunk.model, chunk.created) for chunk in chunks}) == 1
    (request,) = sent(simulator, vendor)
    last = chunks[-1]
    assert last.choices == []
    assert [chunk for chunk in chunks if chunk.usage] == [last]
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == counted(vendor, request)
    assert_billed(vendor, last.model_extra["lockgate"])


async def test_an_async_stream_of_calls(async_client, simulator, vendor, ask_it):
    arguments = ask_it(TWICE, tools=[TOOL])
    calls: dict[int, list[str]] = {}
    chunks = [
        chunk async for chunk in await async_client.chat.completions.create(**arguments, stream=True, **USAGE)
    ]
    for part in [
        part for chunk in chunks for choice in chunk.choices for part in choice.delta.tool_calls or []
    ]:
        call = calls.setdefault(part.index, ["", "", ""])
        call[0] += part.id or ""
        call[1] += part.function.name or ""
        call[2] += part.function.arguments or ""
    assert list(calls) == [0, 1]
    assert [name for _, name, _ in calls.values()] == ["get_weather"] * 2
    assert all(list(json.loads(arguments)) == ["city"] for _, _, arguments in calls.values())
    (request,) = await asyncio.to_thread(sent, simulator, vendor)
    used = chunks[-1].usage
    assert (used.prompt_tokens, used.completion_tokens) == counted(vendor, request)


async def test_async_structured_output(async_client, vendor, ask_it):
    arguments = ask_it("Ada gives a party on the 14th.")
    answer = await async_client.chat.completions.parse(**arguments, response_format=Event)
    assert isinstance(answer.choices[0].message.parsed, Event)
    assert_billed(vendor, answer.model_extra["lockgate"])


def test_the_models_of_all_vendors_are_one_list(client):
    models = {model.id: model for model in client.models.list()}
    for name, model in [(vendor.name, vendor.model) for vendor in VENDORS]:
        # Ollama's names have a tag.
        about = models.get(model) or models[f"{model}:latest"]
        told = about.model_extra
        assert (about.owned_by, told["provider"]) == (name, name)
        assert set(told["pricing"]) >= {"input", "output"}
        if name == "ollama":
            assert told["pricing"]["input"] == "0"
        else:
            assert told["context_window"] > 100_000
            assert told["max_output_tokens"] > 1_000
            assert float(told["pricing"]["output"]) > float(told["pricing"]["input"]) > 0


@pytest.mark.parametrize(
    ("name", "model", "dimensions"),
    [
        ("openai", "text-embedding-3-small", 1536),
        ("gemini", "gemini-embedding-001", 3072),
        ("ollama", "all-minilm", 384),
    ],
)
def test_vectors(client, simulator, name, model, dimensions):
    made = client.embeddings.create(model=model, input=["red fox", f"blue whale on {name}"])
    assert [vector.index for vector in made.data] == [0, 1]
    assert [len(vector.embedding) for vector in made.data] == [dimensions] * 2
    assert made.usage.prompt_tokens > 0
    posted = [request for request in simulator.settled(1) if request["method"] == "POST"]
    assert {request["provider"] for request in posted} == {name}


def test_a_vendor_without_vectors_says_so(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="anthropic/voyage-4", input="x")
    assert caught.value.code == "unsupported_parameter"
