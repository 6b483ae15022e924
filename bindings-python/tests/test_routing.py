"""Who answers: modes, chains and downgrades from Python, and the record of why."""

from __future__ import annotations

import lockgate
import pytest
from conftest import ask


def home(simulator, **more):
    """OpenAI, and a local provider whose model is of the same tier."""
    local = {"kind": "openai", "base_url": simulator.openai, "api_key": "sk-home", "models": ["large"]}
    local |= {"local": True, "price": "free"}
    settings = simulator.settings(**more)
    settings["providers"]["home"] = local
    settings["routing"] = {"substitute": "tier", "retries": 0, "tiers": {"home": {"flagship": "large"}}}
    return settings


@pytest.mark.parametrize(
    ("mode", "answers", "stands_in"),
    [
        ("cloud_first", "openai", "home"),
        ("cloud_only", "openai", None),
        ("local_first", "home", "openai"),
        ("local_only", "home", None),
    ],
)
def test_the_mode_comes_from_one_variable(simulator, mode, answers, stands_in):
    with lockgate.Gateway(home(simulator), environment={"LOCKGATE_FAILOVER_MODE": mode}) as gateway:
        answer = gateway.chat(**{**ask("Hello"), "model": "gpt-4o"})
        assert answer.lockgate.provider == answers
        simulator.script({"kind": "status", "status": 503})
        again = {**ask("Hello again"), "model": "gpt-4o"}
        if stands_in is None:
            with pytest.raises(lockgate.ProviderError) as caught:
                gateway.chat(**again)
            assert caught.value.status == 502
        else:
            assert gateway.chat(**again).lockgate.provider == stands_in


def test_a_wrong_mode_is_named(simulator):
    with pytest.raises(lockgate.ConfigError, match=r"failover_mode.*sideways.*cloud_first"):
        lockgate.Gateway(simulator.settings(), environment={"LOCKGATE_FAILOVER_MODE": "sideways"})


def test_a_project_s_routing_is_set_from_python(gateway, simulator):
    dear = {**ask("Hello", max_tokens=1000), "model": "gpt-4o"}
    project = gateway.projects.set(
        downgrade={"gpt-4o": "gpt-4o-mini"},
        downgrade_on_cap=True,
        monthly_cap="0.002",
        chains={"gpt-4o-mini": ["gpt-4.1-nano"]},
    )
    assert project.settings.downgrade == {"gpt-4o": "gpt-4o-mini"}
    simulator.script({"kind": "status", "status": 503})
    answer = gateway.chat(**dear, explain=True)
    report = answer.lockgate
    assert (report.downgraded_from, report.model) == ("gpt-4o", "gpt-4.1-nano")
    assert report.attempts == "openai/gpt-4o-mini=503,openai/gpt-4.1-nano=200"
    assert any("in place of gpt-4o-mini" in warning for warning in report.warnings)
    explained = report.explain
    assert explained["limits"]["downgraded"] is True
    assert [told["verdict"] for told in explained["candidates"]] == ["failed", "answered"]

    gateway.projects.set(downgrade_on_cap=False)
    with pytest.raises(lockgate.SpendCapExceeded) as caught:
        gateway.chat(**dear)
    assert (caught.value.status, caught.value.code) == (402, "spend_cap_exceeded")

    gateway.projects.set(monthly_cap=None)
    gateway.customers.set("acme", daily_cap="0.002", on_limit="downgrade")
    stream = gateway.chat(**dear, customer="acme", stream=True, explain=True)
    report = list(stream)[-1].lockgate
    assert (report.downgraded_from, report.model) == ("gpt-4o", "gpt-4o-mini")
    assert report.explain["limits"]["cap_scope"] == "customer"

    gateway.projects.set(models=["gpt-4.1-nano"])
    with pytest.raises(lockgate.InvalidRequest) as caught:
        gateway.chat(**dear)
    assert caught.value.code == "model_not_found"
    gateway.projects.set(models=None, providers=["anthropic"])
    with pytest.raises(lockgate.ProviderError) as caught:
        gateway.chat(**dear)
    assert caught.value.code == "no_candidate"
