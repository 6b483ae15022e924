"""Calls and results of the synchronous gateway."""

from __future__ import annotations

import copy
import pickle
import threading
import time
from decimal import Decimal

import lockgate
import pytest
from conftest import ask


def test_an_answer_has_openai_s_names(gateway):
    answer = gateway.chat(**ask("Hello"))
    assert isinstance(answer, lockgate.ChatCompletion)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.tool_calls is None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.lockgate.provider == "openai"
    assert answer.lockgate.attempts.endswith("=200")
    assert answer.lockgate.cost_nano_usd == round(answer.lockgate.cost_usd * 1e9) > 0
    assert answer.lockgate.warnings == []
    with pytest.raises(AttributeError):
        answer.no_such_field


def test_a_result_is_plain_data_too(gateway):
    answer = gateway.chat(**ask("Hello"))
    data = answer.to_dict()
    assert data["choices"][0]["message"]["content"] == answer.choices[0].message.content
    data["choices"].clear()
    assert answer.choices, "to_dict gives a copy"
    assert pickle.loads(pickle.dumps(answer)) == answer == copy.deepcopy(answer)


def test_one_mapping_is_a_request(gateway, simulator):
    gateway.chat(ask("Hello", temperature=0, seed=None, stop=("a", "b")), max_tokens=5)
    (seen,) = simulator.requests()
    assert seen["body"]["stop"] == ["a", "b"]
    assert seen["body"]["max_tokens"] == 5


def test_answers_and_pydantic_models_go_back_in(gateway, simulator):
    pydantic = pytest.importorskip("pydantic")

    class Said(pydantic.BaseModel):
        role: str
        content: str
        name: str | None = None

    first = gateway.chat(**ask("Hello")).choices[0].message
    gateway.chat(model="gpt-4o-mini", messages=[first, Said(role="user", content="And?")])
    sent = simulator.requests()[-1]["body"]["messages"]
    assert sent[0]["content"] == first.content
    assert sent[1] == {"role": "user", "content": "And?"}, "unset fields stay unset"


def test_openai_s_types_go_in(gateway, simulator):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="unused", http_client=gateway.http_client())
    message = client.chat.completions.create(**ask("Hello")).choices[0].message
    missing = getattr(openai, "omit", openai.NOT_GIVEN)
    gateway.chat(model="gpt-4o-mini", messages=[message, {"role": "user", "content": "And?"}], top_p=missing)
    body = simulator.requests()[-1]["body"]
    assert body["messages"][0]["content"] == message.content
    assert "top_p" not in body


@pytest.mark.parametrize("value", [object(), b"bytes", dict, {1: 2}, float("nan")])
def test_what_json_cannot_say_is_refused_before_anything_happens(gateway, simulator, value):
    with pytest.raises((TypeError, ValueError)):
        gateway.chat(**ask("Hello"), metadata=value)
    assert simulator.requests() == []


def test_a_request_that_contains_itself(gateway):
    loop: list = []
    loop.append(loop)
    with pytest.raises(RecursionError):
        gateway.chat(**ask("Hello"), metadata=loop)


def test_exact_numbers_and_text(gateway, simulator):
    text = '\U0001f600 \u0000 " \\ é'
    gateway.chat(**ask(text), seed=2**53 + 1, metadata={"big": "1" * 40})
    body = simulator.requests()[-1]["body"]
    assert body["messages"][0]["content"] == text
    assert body["seed"] == 2**53 + 1


def test_tools(gateway):
    tool = {
        "type": "function",
        "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
    }
    answer = gateway.chat(**ask("add"), tools=[tool])
    (call,) = answer.choices[0].message.tool_calls
    assert (call.type, call.function.name) == ("function", "add")


def test_threads_wait_side_by_side(gateway, simulator):
    simulator.script({"kind": "slow_headers", "ms": 200, "times": 8})
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(gateway.chat(**ask(f"thread {n}")).id))
        for n in range(8)
    ]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 8
    assert time.monotonic() - begun < 1.2, "8 × 200 ms one after another would be 1.6 s"


def test_administration(gateway):
    project = gateway.projects.create("team-a", monthly_cap=Decimal("2.5"))
    assert project.settings.monthly_cap == "2.5"
    changed = gateway.projects.set("team-a", monthly_cap=None, require_customer=True)
    assert (changed.settings.monthly_cap, changed.settings.require_customer) == (None, True)
    assert {project.name for project in gateway.projects.list()} == {"default", "team-a"}
    key = gateway.keys.create(project="team-a", name="k", requests_per_minute=5, expires_in=60)
    assert key.secret.startswith("lg_")
    assert key.rates.requests_per_minute == 5
    assert gateway.keys.list("team-a")[0].secret is None
    with pytest.raises(lockgate.InvalidRequest):
        gateway.chat(**ask("Hello"), key=key.secret)
    gateway.chat(**ask("Hello"), key=key.secret, customer="c1", labels={"job": "x"})
    new = gateway.keys.rotate(key.id)
    with pytest.raises(lockgate.Unauthorized):
        gateway.chat(**ask("Hello"), key=key.secret, customer="c1")
    gateway.chat(**ask("Hello again"), key=new.secret, customer="c1")
    gateway.keys.revoke(new.id)
    with pytest.raises(lockgate.Unauthorized):
        gateway.chat(**ask("Hello"), key=new.secret, customer="c1")
    assert gateway.customers.set("c1", project="team-a", daily_cap="0.1").limits.daily_cap == "0.1"
    assert [customer.id for customer in gateway.customers.list("team-a")] == ["c1"]
    assert gateway.customers.forget("c1", project="team-a") is True
    assert gateway.flush()
    (total,) = gateway.usage(project="team-a")
    assert total.requests == 2
    model = next(model for model in gateway.models() if model.id == "gpt-4o-mini")
    assert (model.provider, model.kind, model.context_window) == ("openai", "chat", 128_000)
    assert (model.pricing.input, model.pricing.output) == ("0.15", "0.6")


def test_what_ollama_has_can_be_asked_for_and_costs_nothing(simulator):
    with lockgate.Gateway(environment={"OLLAMA_HOST": simulator.ollama}) as gateway:
        assert "llama3.2:latest" in [model.id for model in gateway.models()]
        answer = gateway.chat(model="llama3.2", messages=[{"role": "user", "content": "Hello"}])
        assert (answer.lockgate.provider, answer.lockgate.cost_usd) == ("ollama", 0)


def test_a_closed_gateway_says_so(simulator):
    gateway = lockgate.Gateway(simulator.settings(), environment={})
    assert gateway.close() is True
    assert gateway.close() is True
    with pytest.raises(lockgate.StoreUnavailable) as caught:
        gateway.chat(**ask("Hello"))
    assert caught.value.code == "shutting_down"


def test_settings(simulator, tmp_path):
    file = tmp_path / "lockgate.toml"
    file.write_text('[project]\nmonthly_cap = "0"\n')
    with pytest.raises(lockgate.ConfigError, match="store"):
        lockgate.Gateway(file, environment={})
    provider = simulator.settings()["providers"]
    gateway = lockgate.Gateway(file, environment={"LOCKGATE_STORE": "memory"}, providers=provider)
    with pytest.raises(lockgate.SpendCapExceeded):
        gateway.chat(**ask("Hello"))
    over = {"monthly_cap": 5}
    gateway = lockgate.Gateway(file, environment={}, store="memory", providers=provider, project=over)
    assert gateway.chat(**ask("Hello")).choices
    with pytest.raises(lockgate.ConfigError) as caught:
        lockgate.Gateway(environment={}, stroe="memory")
    assert "stroe" in str(caught.value)
    with pytest.raises(lockgate.ConfigError):
        lockgate.Gateway(environment={}, listen=object())


def test_embeddings(gateway, simulator):
    made = gateway.embed(model="text-embedding-3-small", input=["one", "two"])
    assert [vector.index for vector in made.data] == [0, 1]
    assert all(isinstance(number, float) for number in made.data[0].embedding)
    assert made.lockgate.cost_nano_usd > 0
    again = gateway.embed(model="text-embedding-3-small", input=["one", "two"])
    assert again.lockgate.cache == "exact"
    assert again.lockgate.cost_nano_usd == 0
    assert len(simulator.requests()) == 1


def test_an_equal_request_is_answered_from_the_cache(gateway, simulator):
    first = gateway.chat(**ask("Hello"))
    again = gateway.chat(**ask("Hello"))
    assert (again.lockgate.cache, again.lockgate.cost_nano_usd) == ("exact", 0)
    assert again.choices == first.choices
    assert gateway.chat(**ask("Hello"), cache="off").lockgate.cache == "miss"
    assert len(simulator.requests()) == 2
    with pytest.raises(lockgate.InvalidRequest) as caught:
        gateway.chat(**ask("Never asked"), cache="only")
    assert caught.value.code == "cache_miss"
