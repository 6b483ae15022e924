"""Ollama's own SDK accepts the simulated Ollama. No gateway is involved: this proves the simulator."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import AsyncIterator, Iterator
from typing import Any

import ollama
import pytest
from pydantic import BaseModel

from harness.simulator import Simulator

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def client(simulator: Simulator) -> Iterator[ollama.Client]:
    with ollama.Client(host=simulator.ollama, timeout=20) as client:
        yield client


@pytest.fixture
async def async_client(simulator: Simulator) -> AsyncIterator[ollama.AsyncClient]:
    async with ollama.AsyncClient(host=simulator.ollama, timeout=20) as client:
        yield client


def ask(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def get_weather(city: str) -> str:
    """Tells the weather.

    Args:
        city: The name of the city

    Returns:
        str: The weather
    """
    return f"snow in {city}"


def test_an_answer_has_every_field(client: ollama.Client) -> None:
    answer = client.chat("llama3.2", ask("Tell of otters"))
    assert answer.model == "llama3.2"
    assert answer.message.role == "assistant"
    assert "otters" in (answer.message.content or "")
    assert (answer.done, answer.done_reason) == (True, "stop")
    assert (answer.prompt_eval_count or 0) > 0
    assert (answer.eval_count or 0) > 0
    assert (answer.total_duration or 0) > (answer.eval_duration or 0) > 0
    assert answer.created_at is not None
    assert answer.created_at.endswith("Z")


def test_a_stream_adds_up_to_the_answer(client: ollama.Client) -> None:
    whole = client.chat("llama3.2", ask("count to 30"))
    pieces = list(client.chat("llama3.2", ask("count to 30"), stream=True))
    assert "".join(piece.message.content or "" for piece in pieces) == whole.message.content
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert pieces[-1].eval_count == whole.eval_count


async def test_the_asynchronous_client_streams_too(async_client: ollama.AsyncClient) -> None:
    text = ""
    async for piece in await async_client.chat("llama3.2", ask("Tell of otters"), stream=True):
        text += piece.message.content or ""
    assert "otters" in text
    answer = await async_client.chat("llama3.2", ask("Tell of otters"))
    assert answer.message.content == text


def test_a_function_is_called_and_its_result_told(client: ollama.Client) -> None:
    messages = ask("What is the weather in Oslo?")
    answer = client.chat("llama3.2", messages, tools=[get_weather])
    (call,) = answer.message.tool_calls or []
    assert call.function.name == "get_weather"
    assert call.function.arguments == {"city": "Oslo"}
    result = get_weather(**call.function.arguments)
    told: list[Any] = [
        *messages,
        answer.message,
        {"role": "tool", "tool_name": call.function.name, "content": result},
    ]
    answer = client.chat("llama3.2", told, tools=[get_weather])
    assert "get_weather is snow in Oslo" in (answer.message.content or "")


def test_calls_are_streamed_whole(client: ollama.Client) -> None:
    pieces = list(
        client.chat("llama3.2", ask("Weather in both Oslo and Rome"), tools=[get_weather], stream=True)
    )
    calls = [call for piece in pieces for call in piece.message.tool_calls or []]
    assert [call.function.name for call in calls] == ["get_weather", "get_weather"]
    assert pieces[-1].done_reason == "stop"


def test_thinking_stands_apart(client: ollama.Client) -> None:
    answer = client.chat("qwen3", ask("Why?"), think=True)
    assert answer.message.thinking
    assert answer.message.thinking not in (answer.message.content or "")
    assert not client.chat("qwen3", ask("Why?"), think=False).message.thinking
    pieces = list(client.chat("gpt-oss:20b", ask("Why?"), think="high", stream=True))
    thinking = [bool(piece.message.thinking) for piece in pieces]
    assert thinking == sorted(thinking, reverse=True)
    assert sum(thinking) == 64


def test_a_schema_is_met(client: ollama.Client) -> None:
    class Person(BaseModel):
        name: str
        age: int

    answer = client.chat("llama3.2", ask("Her name is Ada, aged 36"), format=Person.model_json_schema())
    person = Person.model_validate_json(answer.message.content or "")
    assert (person.name, person.age) == ("Ada", 36)
    assert isinstance(
        json.loads(client.chat("llama3.2", ask("x"), format="json").message.content or ""), dict
    )


def test_options_images_and_log_probabilities(client: ollama.Client) -> None:
    answer = client.chat("llama3.2", ask("count to 30"), options={"num_predict": 5, "temperature": 0})
    assert (answer.done_reason, answer.eval_count) == ("length", 5)
    stopped = client.chat("llama3.2", ask("count to 30"), options=ollama.Options(stop=["4"]))
    assert stopped.message.content == "1, 2, 3, "
    seen = client.chat("gemma3", [{"role": "user", "content": "What is it?", "images": [PNG]}])
    assert "I can see the image" in (seen.message.content or "")
    told = client.chat("llama3.2", ask("Hi"), logprobs=True, top_logprobs=2)
    assert told.logprobs is not None
    assert len(told.logprobs) == told.eval_count
    assert len(told.logprobs[0].top_logprobs or []) == 2


def test_generations(client: ollama.Client) -> None:
    answer = client.generate("llama3.2", "Tell of otters", system="Be brief")
    assert "otters" in (answer.response or "")
    assert answer.context
    pieces = list(client.generate("qwen3", "Tell of otters", stream=True))
    assert any(piece.thinking for piece in pieces)
    assert "otters" in "".join(piece.response or "" for piece in pieces)


def test_embeddings(client: ollama.Client) -> None:
    answer = client.embed("all-minilm", ["red fox", "red fox", "blue whale"])
    first, same, other = answer.embeddings
    assert first == same != other
    assert len(first) == 384
    assert math.isclose(sum(number * number for number in other), 1, rel_tol=1e-5)
    assert answer.prompt_eval_count == 6
    assert len(client.embed("all-minilm", "red fox", dimensions=8).embeddings[0]) == 8
    assert len(client.embeddings("all-minilm", "red fox").embedding) == 384


def test_models_are_listed_shown_pulled_and_deleted(client: ollama.Client, simulator: Simulator) -> None:
    names = [model.model for model in client.list().models]
    assert "llama3.2:latest" in names
    assert all(model.details and model.modified_at and model.size for model in client.list().models)
    shown = client.show("qwen3")
    assert shown.capabilities == ["completion", "tools", "thinking"]
    assert (shown.modelinfo or {})["qwen3.context_length"] == 131_072
    assert client.ps().models == []
    with pytest.raises(ollama.ResponseError):
        client.show("mistral")
    assert [step.status for step in client.pull("mistral", stream=True)][-1] == "success"
    assert client.show("mistral").details is not None
    assert client.delete("mistral").status == "success"
    with pytest.raises(ollama.ResponseError):
        client.delete("mistral")
    simulator.pull("phi4")
    assert [model.model for model in client.list().models] == ["phi4:latest"]


@pytest.mark.parametrize(
    ("model", "options", "status", "words"),
    [
        ("mistral", {}, 404, "model 'mistral' not found"),
        ("llama3.2", {"think": True}, 400, "does not support thinking"),
        ("gemma3", {"tools": [get_weather]}, 400, "does not support tools"),
        ("all-minilm", {}, 400, "does not support chat"),
        ("llama3.2", {"options": {"seed": "x"}}, 500, "must be of type integer"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_have_status_and_words(
    client: ollama.Client, stream: bool, model: str, options: dict[str, Any], status: int, words: str
) -> None:
    with pytest.raises(ollama.ResponseError) as told:
        list(client.chat(model, ask("x"), stream=stream, **options))
    assert told.value.status_code == status
    assert words in told.value.error


def test_faults_reach_the_sdk(client: ollama.Client, simulator: Simulator) -> None:
    simulator.script({"kind": "status", "status": 503}, provider="ollama")
    with pytest.raises(ollama.ResponseError) as told:
        client.chat("llama3.2", ask("x"))
    assert told.value.status_code == 503
    simulator.script({"kind": "error_in_stream", "after_events": 3, "message": "gone"}, provider="ollama")
    seen: list[ollama.ChatResponse] = []
    with pytest.raises(ollama.ResponseError, match="gone"):
        seen.extend(client.chat("llama3.2", ask("count to 30"), stream=True))
    assert len(seen) == 3
    simulator.script({"kind": "malformed_json", "after_events": 2}, provider="ollama")
    with pytest.raises(json.JSONDecodeError):
        list(client.chat("llama3.2", ask("count to 30"), stream=True))
    simulator.script({"kind": "split_utf8"}, provider="ollama")
    answer = client.chat("llama3.2", ask("Grüße, 雪"))
    assert "Grüße, 雪" in (answer.message.content or "")
