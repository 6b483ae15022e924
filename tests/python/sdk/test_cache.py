"""Answers from the cache, and embeddings, as the SDK reads them."""

from __future__ import annotations


def told(chunks) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_a_hit_reads_like_the_answer_and_costs_nothing(client, simulator, ask):
    question = ask("What is known already?")
    first = client.chat.completions.create(**question)
    raw = client.chat.completions.with_raw_response.create(**question)
    second = raw.parse()
    assert raw.headers["x-lockgate-cache"] == "exact"
    assert float(raw.headers["x-lockgate-cost-usd"]) == 0
    assert second.choices == first.choices
    assert second.usage == first.usage
    lockgate = second.model_extra["lockgate"]
    assert lockgate["cache"] == "exact"
    assert lockgate["cost_nano_usd"] == 0
    assert lockgate["saved_usd"] == first.model_extra["lockgate"]["cost_usd"] > 0
    assert len(simulator.requests()) == 1


def test_a_hit_is_told_as_a_stream(client, simulator, ask):
    question = ask("Say it again, in pieces.")
    first = client.chat.completions.create(**question)
    chunks = list(
        client.chat.completions.create(**question, stream=True, stream_options={"include_usage": True})
    )
    assert told(chunks) == first.choices[0].message.content
    assert chunks[-1].usage == first.usage
    assert chunks[-1].model_extra["lockgate"]["cost_nano_usd"] == 0
    assert len(simulator.requests()) == 1


def test_a_stream_is_kept_for_who_asks_whole(client, simulator, ask):
    question = ask("In pieces first.")
    text = told(client.chat.completions.create(**question, stream=True))
    second = client.chat.completions.create(**question)
    assert second.choices[0].message.content == text
    assert second.model_extra["lockgate"]["cache"] == "exact"
    assert len(simulator.requests()) == 1


def test_the_cache_can_be_left_out(client, simulator, ask):
    question = ask("Anew each time.")
    for _ in range(2):
        answer = client.chat.completions.create(**question, extra_headers={"X-Lockgate-Cache": "off"})
        assert answer.model_extra["lockgate"]["cache"] == "miss"
    assert len(simulator.requests()) == 2


def test_tool_calls_come_back_from_the_cache(client, simulator, ask):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "weather", "parameters": parameters}}
    question = ask("How is the weather?", tools=[tool])
    first, second = (client.chat.completions.create(**question) for _ in range(2))
    assert first.choices[0].message.tool_calls
    assert second.choices == first.choices
    assert len(simulator.requests()) == 1


def test_embeddings(client):
    words = {"model": "text-embedding-3-small", "input": ["one", "two"]}
    first, second = (client.embeddings.create(**words) for _ in range(2))
    assert [len(vector.embedding) for vector in first.data] == [1536, 1536]
    assert first.usage.prompt_tokens > 0
    assert [vector.embedding for vector in second.data] == [vector.embedding for vector in first.data]
    assert first.model_extra["lockgate"]["cost_nano_usd"] > 0
    assert second.model_extra["lockgate"]["cache"] == "exact"
