"""Streams: whole, with usage, with the metadata frame, to loops that know nothing of it."""

from __future__ import annotations

import asyncio

TEXT = "Ein Strom von Wörtern: 雪 fällt, 👩‍👩‍👧 lacht — and it ends here."
USAGE = {"stream_options": {"include_usage": True}}


def joined(chunks) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_stream_is_whole_and_reports_usage(client, simulator, ask):
    simulator.script({"kind": "reply", "text": TEXT})
    chunks = list(client.chat.completions.create(**ask(), stream=True, **USAGE))
    assert joined(chunks) == TEXT
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == [
        "stop"
    ]
    (seen,) = simulator.settled(1)
    assert seen["outcome"] == "completed"
    usage = [chunk.usage for chunk in chunks if chunk.usage]
    assert usage, "no chunk carries usage"
    for reported in usage:
        assert reported.prompt_tokens == seen["usage"]["prompt_tokens"]
        assert reported.completion_tokens == seen["usage"]["completion_tokens"]


def test_chunks_belong_together(client, simulator, ask):
    simulator.script({"kind": "reply", "text": TEXT})
    chunks = list(client.chat.completions.create(**ask(), stream=True, **USAGE))
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].id
    assert len({chunk.model for chunk in chunks}) == 1
    assert len({chunk.created for chunk in chunks}) == 1
    assert chunks[0].created > 0
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    roles = [choice.delta.role for chunk in chunks for choice in chunk.choices if choice.delta.role]
    assert roles == ["assistant"]


def test_metadata_frame_is_harmless_to_a_naive_loop(client, simulator, ask):
    simulator.script({"kind": "reply", "text": TEXT})
    text = ""
    for chunk in client.chat.completions.create(**ask(), stream=True):
        text += chunk.choices[0].delta.content or ""
    assert text == TEXT


def test_metadata_frame_without_include_usage(client, ask):
    last = list(client.chat.completions.create(**ask(), stream=True))[-1]
    assert len(last.choices) == 1
    assert last.choices[0].index == 0
    assert last.choices[0].finish_reason is None
    assert last.choices[0].delta.content is None
    assert last.usage.total_tokens > 0
    assert last.model_extra["lockgate"]["provider"] == "openai"


def test_metadata_frame_with_include_usage(client, ask):
    chunks = list(client.chat.completions.create(**ask(), stream=True, **USAGE))
    last = chunks[-1]
    assert last.choices == []
    assert last.usage.total_tokens > 0
    about = last.model_extra["lockgate"]
    assert about["provider"] == "openai"
    assert about["model"].startswith("gpt-4o-mini")
    assert about["cache"] == "miss"
    assert about["request_id"]
    assert about["warnings"] == []
    assert about["latency_ms"] >= 0
    assert isinstance(about["cost_nano_usd"], int)
    assert about["cost_nano_usd"] > 0
    assert abs(about["cost_usd"] - about["cost_nano_usd"] / 1e9) < 1e-12
    assert not [chunk for chunk in chunks[:-1] if "lockgate" in (chunk.model_extra or {})]


def test_a_stream_costs_what_the_same_answer_costs_whole(client, simulator, ask):
    arguments = ask("the same price")
    simulator.script(*[{"kind": "reply", "text": TEXT}] * 2)
    off = {"X-Lockgate-Cache": "off"}
    raw = client.chat.completions.with_raw_response.create(**arguments, extra_headers=off)
    chunks = list(client.chat.completions.create(**arguments, extra_headers=off, stream=True, **USAGE))
    assert float(raw.headers["x-lockgate-cost-usd"]) == chunks[-1].model_extra["lockgate"]["cost_usd"]


def test_include_usage_is_asked_of_the_provider_in_any_case(client, simulator, ask):
    list(client.chat.completions.create(**ask(), stream=True))
    assert simulator.settled(1)[0]["body"]["stream_options"]["include_usage"] is True


def test_headers_of_a_stream(client, ask):
    with client.chat.completions.with_streaming_response.create(**ask(), stream=True) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-request-id"]
        assert response.headers["x-lockgate-provider"] == "openai"
        assert response.headers["x-lockgate-cache"] == "miss"
        text = "".join(response.iter_text())
    assert text.rstrip().endswith("data: [DONE]")
    assert text.count("data: [DONE]") == 1


def test_the_first_chunk_is_seen_before_the_upstream_has_finished(client, simulator, ask):
    simulator.script({"kind": "stall", "after_events": 3, "and": [{"kind": "reply", "text": TEXT}]})
    with client.chat.completions.create(**ask(), stream=True) as stream:
        assert next(stream).choices
        assert [request["outcome"] for request in simulator.requests()] == ["open"]
    assert simulator.settled(1)[0]["outcome"] == "aborted"


async def test_the_first_chunk_of_an_async_stream(async_client, simulator, ask):
    simulator.script({"kind": "stall", "after_events": 3, "and": [{"kind": "reply", "text": TEXT}]})
    async with await async_client.chat.completions.create(**ask(), stream=True) as stream:
        assert (await anext(stream)).choices
        assert [request["outcome"] for request in simulator.requests()] == ["open"]
    assert (await asyncio.to_thread(simulator.settled, 1))[0]["outcome"] == "aborted"


async def test_async_stream(async_client, simulator, ask):
    simulator.script({"kind": "reply", "text": TEXT})
    chunks = [
        chunk async for chunk in await async_client.chat.completions.create(**ask(), stream=True, **USAGE)
    ]
    assert joined(chunks) == TEXT
    assert chunks[-1].model_extra["lockgate"]["cache"] == "miss"


async def test_async_naive_loop(async_client, simulator, ask):
    simulator.script({"kind": "reply", "text": TEXT})
    text = ""
    async for chunk in await async_client.chat.completions.create(**ask(), stream=True):
        text += chunk.choices[0].delta.content or ""
    assert text == TEXT


def test_the_sdk_s_own_stream_helper(client, simulator, ask):
    simulator.script({"kind": "reply", "text": TEXT})
    with client.chat.completions.stream(**ask(), **USAGE) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content == TEXT
    assert final.usage.total_tokens > 0


def test_bytes_split_anywhere_arrive_whole(client, simulator, ask):
    simulator.script({"kind": "split_utf8", "and": [{"kind": "reply", "text": TEXT}]})
    assert joined(client.chat.completions.create(**ask(), stream=True, **USAGE)) == TEXT


def test_several_choices_stay_apart(client, ask):
    texts: dict[int, str] = {}
    for chunk in client.chat.completions.create(**ask(), n=2, stream=True, **USAGE):
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
    assert sorted(texts) == [0, 1]
    assert all(texts.values())
