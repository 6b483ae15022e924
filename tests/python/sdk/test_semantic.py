"""A question in other words, as the SDK sees it."""

from __future__ import annotations

import os
import time

import openai
import pytest

# A machine under load is late now and then.
CONFIG = '[timeouts]\nsemantic_ms = 20000\n[project.semantic]\nmode = "on"\n'
SECONDS = 60


def told(chunks) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def kept(ask):
    """Asks until the answer is known: questions are kept off the caller's path, so a moment may pass."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return ask()
        except openai.NotFoundError:
            assert time.monotonic() < deadline, "the question is not kept"
            time.sleep(0.02)


@pytest.fixture(params=["sqlite", "postgres"])
def paraphrasing(request, gateway_factory) -> openai.OpenAI:
    """A client of a gateway whose semantic cache has its model and is ready."""
    options = {"environment": {"LOCKGATE_MODEL_DIR": os.environ["LOCKGATE_MODEL_DIR"]}, "config": CONFIG}
    if request.param == "postgres":
        options["store"] = os.environ["LOCKGATE_TEST_POSTGRES"]
        options["config"] = f"single_process = true\n{CONFIG}"
    gateway = gateway_factory(**options)
    # The database may be that of an earlier run.
    gateway.cli("cache", "purge")
    key = gateway.create_key("--name", "semantic")
    client = openai.OpenAI(base_url=gateway.base_url, api_key=key.secret, max_retries=0)
    deadline = time.monotonic() + SECONDS
    turn = 0
    while True:
        turn += 1
        answer = client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": f"Is anybody there, number {turn}?"}],
            extra_headers={"X-Lockgate-Explain": "1"},
        )
        verdict = answer.model_extra["lockgate"]["explain"]["semantic"]["verdict"]
        if verdict not in ("late", "failed"):
            return client
        assert time.monotonic() < deadline, f"the model does not get ready: {verdict}"


def test_a_paraphrase_is_answered_whole_and_in_pieces(paraphrasing, simulator):
    def ask(text, **more):
        return paraphrasing.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=[{"role": "user", "content": text}], **more
        )

    first = ask("How do I reset my password?").parse()
    before = len(simulator.requests())
    raw = kept(lambda: ask("How can I reset my password?", extra_headers={"X-Lockgate-Cache": "only"}))
    second = raw.parse()
    assert raw.headers["x-lockgate-cache"] == "semantic"
    assert 0.9 < float(raw.headers["x-lockgate-similarity"]) <= 1
    assert float(raw.headers["x-lockgate-cost-usd"]) == 0
    assert second.choices == first.choices
    stream = paraphrasing.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "Please, how can I reset my password?"}],
        stream=True,
    )
    chunks = list(stream)
    assert told(chunks) == first.choices[0].message.content
    assert chunks[-1].model_extra["lockgate"]["cache"] == "semantic"
    assert chunks[-1].model_extra["lockgate"]["cost_nano_usd"] == 0
    assert len(simulator.requests()) == before
    other = ask("How do I reset my password in 5 minutes?")
    assert other.headers["x-lockgate-cache"] == "miss"
