"""Google's own SDK accepts the simulated Gemini. No gateway is involved: this proves the simulator."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from harness.simulator import Simulator

ARGON = "gemini-4-argon"
FLASH = "gemini-2.5-flash"
EMBEDDING = "gemini-embedding-2"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def options(simulator: Simulator) -> types.HttpOptions:
    # The SDK adds the version by itself.
    return types.HttpOptions(base_url=simulator.gemini.removesuffix("/v1beta"), timeout=20_000)


@pytest.fixture
def client(simulator: Simulator) -> Iterator[genai.Client]:
    client = genai.Client(api_key="AIza-test", http_options=options(simulator))
    yield client
    client.close()


@pytest.fixture
async def aclient(simulator: Simulator) -> AsyncIterator[genai.client.AsyncClient]:
    client = genai.Client(api_key="AIza-test", http_options=options(simulator))
    yield client.aio
    await client.aio.aclose()
    client.close()


def get_weather(city: str) -> str:
    """Tells the weather.

    Args:
        city: The name of the city
    """
    return f"snow in {city}"


def declared() -> types.Tool:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    function = types.FunctionDeclaration(name="get_weather", parameters_json_schema=schema)
    return types.Tool(function_declarations=[function])


def test_an_answer_has_every_field(client: genai.Client, simulator: Simulator) -> None:
    config = types.GenerateContentConfig(
        system_instruction="Be brief.", temperature=0.0, top_p=0.5, max_output_tokens=400, seed=7
    )
    answer = client.models.generate_content(model=ARGON, contents="Tell of otters", config=config)
    assert "otters" in (answer.text or "")
    assert answer.model_version == ARGON
    assert answer.response_id
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage is not None
    assert usage.prompt_token_count and usage.candidates_token_count and usage.thoughts_token_count
    assert usage.total_token_count == (
        usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count
    )
    assert usage.prompt_tokens_details
    assert usage.prompt_tokens_details[0].modality == types.MediaModality.TEXT
    (request,) = simulator.requests(f"/v1/models/{ARGON}:generateContent")
    assert request["headers"]["x-goog-api-key"] == "AIza-test"


def test_a_stream_is_the_same_answer(client: genai.Client) -> None:
    whole = client.models.generate_content(model=ARGON, contents="Tell of otters").text
    chunks = list(client.models.generate_content_stream(model=ARGON, contents="Tell of otters"))
    assert "".join(chunk.text or "" for chunk in chunks) == whole
    assert len({chunk.response_id for chunk in chunks}) == 1
    last = chunks[-1]
    assert last.candidates and last.candidates[0].finish_reason == types.FinishReason.STOP
    assert last.usage_metadata and last.usage_metadata.candidates_token_count


async def test_the_same_without_blocking(aclient: genai.client.AsyncClient) -> None:
    whole = await aclient.models.generate_content(model=FLASH, contents="Tell of otters")
    stream = await aclient.models.generate_content_stream(model=FLASH, contents="Tell of otters")
    assert "".join([chunk.text or "" async for chunk in stream]) == whole.text


def test_thinking_is_shown_and_sealed(client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW, include_thoughts=True)
    )
    answer = client.models.generate_content(model=ARGON, contents="Why?", config=config)
    assert answer.parts
    assert answer.parts[0].thought
    assert answer.parts[-1].thought_signature
    assert answer.usage_metadata and answer.usage_metadata.thoughts_token_count == 64
    parts = [
        part
        for chunk in client.models.generate_content_stream(model=ARGON, contents="Why?", config=config)
        for part in chunk.parts or []
    ]
    assert any(part.thought for part in parts)
    assert parts[-1].thought_signature


def test_a_function_is_called_by_the_sdk_itself(client: genai.Client) -> None:
    config = types.GenerateContentConfig(tools=[get_weather])
    answer = client.models.generate_content(model=ARGON, contents="Weather in Oslo?", config=config)
    assert "snow in Oslo" in (answer.text or "")
    assert len(answer.automatic_function_calling_history or []) == 3


@pytest.mark.parametrize("model", [ARGON, FLASH])
def test_a_conversation_with_calls_goes_on(client: genai.Client, model: str) -> None:
    config = types.GenerateContentConfig(
        tools=[declared()],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        thinking_config=types.ThinkingConfig(include_thoughts=True),
    )
    chat = client.chats.create(model=model, config=config)
    calls = [
        call
        for chunk in chat.send_message_stream("What is the weather in both Oslo and Rome?")
        for call in chunk.function_calls or []
    ]
    assert [call.name for call in calls] == ["get_weather", "get_weather"]
    results = [
        types.Part(
            function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"output": "snow"}
            )
        )
        for call in calls
    ]
    answer = chat.send_message(results)
    assert "The result of get_weather is snow." in (answer.text or "")
    # What was thought and sealed goes back with the history; the simulator would refuse it changed.
    assert chat.send_message("Thanks, count to 3").function_calls


def test_a_changed_signature_is_refused(client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        tools=[declared()],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    first = client.models.generate_content(model=ARGON, contents="Weather in Oslo?", config=config)
    assert first.candidates and first.candidates[0].content and first.function_calls
    content = first.candidates[0].content
    assert content.parts and content.parts[0].thought_signature
    content.parts[0].thought_signature = content.parts[0].thought_signature[:-1] + b"x"
    result = types.Part.from_function_response(name="get_weather", response={"output": "snow"})
    contents = [types.UserContent("Weather in Oslo?"), content, types.UserContent(result)]
    with pytest.raises(errors.ClientError, match="Thought signature is not valid") as caught:
        client.models.generate_content(model=ARGON, contents=contents, config=config)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


def test_tools_that_must_and_must_not_be_called(client: genai.Client) -> None:
    for mode, called in [("ANY", True), ("NONE", False), ("VALIDATED", True)]:
        calling = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode(mode))
        config = types.GenerateContentConfig(
            tools=[declared()],
            tool_config=types.ToolConfig(function_calling_config=calling),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        answer = client.models.generate_content(model=FLASH, contents="Hello", config=config)
        assert bool(answer.function_calls) is called, mode


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def test_an_answer_matches_its_schema(client: genai.Client) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Person)
    answer = client.models.generate_content(model=ARGON, contents="That is Ada, 36", config=config)
    assert answer.parsed == Person(name="Ada", age=36)


def test_images_are_seen(client: genai.Client) -> None:
    contents = [
        types.Part.from_bytes(data=PNG, mime_type="image/png"),
        types.Part.from_uri(file_uri="https://example.com/cat.jpg", mime_type="image/jpeg"),
        types.Part(text="What is this?"),
    ]
    answer = client.models.generate_content(model=ARGON, contents=types.UserContent(contents))
    assert "I can see the 2 images you sent." in (answer.text or "")


def test_several_candidates_and_log_probabilities(client: genai.Client) -> None:
    config = types.GenerateContentConfig(candidate_count=2, response_logprobs=True, logprobs=3)
    answer = client.models.generate_content(model=FLASH, contents="A colour", config=config)
    assert [candidate.index for candidate in answer.candidates or []] == [0, 1]
    assert answer.candidates and answer.candidates[0].logprobs_result
    top = answer.candidates[0].logprobs_result.top_candidates
    assert top and len(top[0].candidates or []) == 3


def test_a_blocked_prompt(client: genai.Client) -> None:
    answer = client.models.generate_content(model=ARGON, contents="please refuse")
    assert answer.candidates is None
    assert answer.prompt_feedback
    assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT


def test_vectors(client: genai.Client) -> None:
    config = types.EmbedContentConfig(output_dimensionality=16, task_type="RETRIEVAL_QUERY")
    texts = [types.UserContent("cats"), types.UserContent("dogs")]
    answer = client.models.embed_content(model=EMBEDDING, contents=texts, config=config)
    assert [len(vector.values or []) for vector in answer.embeddings or []] == [16, 16]
    assert answer.usage_metadata and answer.usage_metadata.prompt_token_count == 2
    whole = client.models.embed_content(model="gemini-embedding-001", contents="cats")
    assert [len(vector.values or []) for vector in whole.embeddings or []] == [3072]


def test_models_and_counts(client: genai.Client) -> None:
    names = [model.name for model in client.models.list(config={"page_size": 5})]
    assert f"models/{ARGON}" in names
    assert f"models/{EMBEDDING}" in names
    assert client.models.get(model=ARGON).output_token_limit == 65_536
    counted = client.models.count_tokens(model=ARGON, contents="Hello there")
    answer = client.models.generate_content(model=ARGON, contents="Hello there")
    assert answer.usage_metadata
    assert counted.total_tokens == answer.usage_metadata.prompt_token_count


def test_errors_are_the_vendors(client: genai.Client, simulator: Simulator) -> None:
    simulator.script({"kind": "status", "status": 429, "retry_after": "2"}, provider="gemini")
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=ARGON, contents="x")
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
    simulator.script({"kind": "status", "status": 503}, provider="gemini")
    with pytest.raises(errors.ServerError, match="overloaded"):
        client.models.generate_content(model=ARGON, contents="x")
    with pytest.raises(errors.ClientError, match="is not found for API version") as caught:
        client.models.generate_content(model="gemini-9-does-not-exist", contents="x")
    assert caught.value.status == "NOT_FOUND"
    bad = genai.Client(api_key="sk-bad", http_options=options(simulator))
    with pytest.raises(errors.ClientError, match="API key not valid"):
        bad.models.generate_content(model=ARGON, contents="x")
    bad.close()


def test_an_error_inside_a_stream(client: genai.Client, simulator: Simulator) -> None:
    simulator.script({"kind": "error_in_stream", "after_events": 2}, provider="gemini")
    seen = []
    with pytest.raises(errors.ServerError) as caught:
        seen.extend(
            chunk.text for chunk in client.models.generate_content_stream(model=ARGON, contents="Otters")
        )
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")
