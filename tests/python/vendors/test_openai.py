"""OpenAI's own SDK accepts the simulated OpenAI. No gateway is involved: this proves the simulator."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from harness.simulator import Simulator

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
USAGE = {"stream_options": {"include_usage": True}}


class Place(BaseModel):
    """Structured output."""

    city: str
    days: int


@pytest.fixture
def client(simulator: Simulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sk-test", base_url=simulator.openai, timeout=20, max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(simulator: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key="sk-test", base_url=simulator.openai, timeout=20) as client:
        yield client


def ask(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **more}


def gathered(client: openai.OpenAI, asked: dict[str, Any], **more: Any) -> Any:
    """The answer that the SDK puts together of a stream."""
    with client.chat.completions.stream(**asked, **USAGE, **more) as stream:
        for _event in stream:
            pass
        return stream.get_final_completion()


def test_an_answer_has_every_field(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(**ask("Tell of otters"))
    answer = raw.parse()
    assert answer.id.startswith("chatcmpl-")
    assert (answer.object, answer.model) == ("chat.completion", "gpt-4o-mini-2024-07-18")
    assert answer.created > 1_700_000_000
    (choice,) = answer.choices
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "stop", "assistant")
    assert "otters" in (choice.message.content or "")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.completion_tokens_details is not None
    assert raw.headers["x-request-id"].startswith("req_")
    for what in ("requests", "tokens"):
        assert int(raw.headers[f"x-ratelimit-limit-{what}"]) > 0
        assert raw.headers[f"x-ratelimit-remaining-{what}"].isdigit()
        assert raw.headers[f"x-ratelimit-reset-{what}"]


def test_a_stream_adds_up_to_the_answer(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(**ask("Tell of otters"))
    chunks = list(client.chat.completions.create(**ask("Tell of otters"), stream=True, **USAGE))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == whole.choices[0].message.content
    assert len({chunk.id for chunk in chunks}) == 1
    assert [choice.delta.role for choice in choices if choice.delta.role] == ["assistant"]
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert not any(chunk.usage for chunk in chunks[:-1])


async def test_the_asynchronous_client_streams_too(async_client: openai.AsyncOpenAI) -> None:
    text = ""
    async for chunk in await async_client.chat.completions.create(**ask("Tell of otters"), stream=True):
        text += chunk.choices[0].delta.content or ""
    answer = await async_client.chat.completions.create(**ask("Tell of otters"))
    assert answer.choices[0].message.content == text


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_tools_are_called_and_their_results_told(client: openai.OpenAI, streamed: bool) -> None:
    asked = ask("What is the weather in both Oslo and Rome?", tools=[TOOL])

    def answer() -> Any:
        return gathered(client, asked) if streamed else client.chat.completions.create(**asked)

    (choice,) = answer().choices
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_weather"]
    assert len({call.id for call in calls}) == 2
    assert all(list(json.loads(call.function.arguments)) == ["city"] for call in calls)
    asked["messages"] += [
        choice.message,
        *({"role": "tool", "tool_call_id": call.id, "content": "snow"} for call in calls),
    ]
    (told,) = answer().choices
    assert told.finish_reason == "stop"
    assert told.message.content.count("The result of get_weather is snow.") == 2


def test_structured_output_is_parsed(client: openai.OpenAI) -> None:
    asked = ask("Three days in Paris, 3 of them")
    whole = client.chat.completions.parse(**asked, response_format=Place)
    assert whole.choices[0].message.parsed == Place(city="Paris", days=3)
    streamed = gathered(client, asked, response_format=Place)
    assert streamed.choices[0].message.parsed == Place(city="Paris", days=3)


def test_images_choices_probabilities_and_limits(client: openai.OpenAI) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    seen = ask("x", messages=[{"role": "user", "content": [{"type": "text", "text": "Well?"}, image]}])
    answer = client.chat.completions.create(**seen, n=2, logprobs=True, top_logprobs=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    for choice in answer.choices:
        assert "I can see the image you sent." in (choice.message.content or "")
        assert choice.logprobs is not None
        assert choice.logprobs.content
        assert len(choice.logprobs.content[0].top_logprobs) == 2
    cut = client.chat.completions.create(**ask("count to 20"), max_tokens=5)
    assert cut.choices[0].finish_reason == "length"
    stopped = client.chat.completions.create(**ask("count to 20"), stop=[", 7"])
    assert stopped.choices[0].message.content == "1, 2, 3, 4, 5, 6"
    refused = client.chat.completions.create(**ask("please refuse"))
    assert refused.choices[0].message.refusal


def test_models_that_think_count_it(client: openai.OpenAI) -> None:
    asked = {**ask("Why?"), "model": "o4-mini"}
    usage = client.chat.completions.create(**asked, reasoning_effort="low").usage
    assert usage is not None
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 64
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**asked, max_tokens=50)
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "max_tokens")


def test_vectors_and_models(client: openai.OpenAI) -> None:
    made = client.embeddings.create(model="text-embedding-3-small", input=["red fox", "blue whale"])
    assert [vector.index for vector in made.data] == [0, 1]
    assert len(made.data[0].embedding) == 1536
    short = client.embeddings.create(model="text-embedding-3-small", input="red fox", dimensions=4)
    assert len(short.data[0].embedding) == 4
    assert "gpt-4o-mini" in {model.id for model in client.models.list()}
    assert client.models.retrieve("gpt-4o-mini").object == "model"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_statuses_are_typed_errors(
    client: openai.OpenAI, simulator: Simulator, status: int, kind: type[openai.APIStatusError]
) -> None:
    simulator.script({"kind": "status", "status": status, "message": "told", "code": "why"})
    with pytest.raises(kind, match="told") as caught:
        client.chat.completions.create(**ask("x"))
    assert (caught.value.status_code, caught.value.code) == (status, "why")
    assert caught.value.request_id


def test_the_sdk_retries_as_it_is_told(client: openai.OpenAI, simulator: Simulator) -> None:
    simulator.script({"kind": "status", "status": 429, "retry_after": "0", "retry_after_ms": 1, "times": 2})
    assert client.with_options(max_retries=2).chat.completions.create(**ask("x")).choices
    assert len(simulator.requests()) == 3


def test_an_error_inside_the_stream_is_raised(client: openai.OpenAI, simulator: Simulator) -> None:
    simulator.script({"kind": "error_in_stream", "after_events": 3, "message": "told"})
    with pytest.raises(openai.APIError, match="told"):
        list(client.chat.completions.create(**ask("x"), stream=True))


def test_bad_requests_are_the_callers_fault(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**ask("x"), temperature=7)
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(**{**ask("x"), "model": "claude-opus-4-8"})
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-bad-1").chat.completions.create(**ask("x"))
