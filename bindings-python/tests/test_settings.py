"""Where settings come from, and what is refused at the start."""

from __future__ import annotations

import inspect
import os
from datetime import timedelta
from decimal import Decimal

import lockgate
import pytest
from conftest import ask
from lockgate import _admin


def test_the_order_of_layers(simulator, tmp_path):
    """Explicit before environment before file before default."""
    file = tmp_path / "gateway.toml"
    file.write_text(
        '[providers.openai]\napi_key = "sk-file"\nbase_url = "http://127.0.0.1:1/v1"\n'
        "[project]\nrequire_customer = true\n"
    )
    environment = {"OPENAI_API_KEY": "sk-environment", "OPENAI_BASE_URL": "http://127.0.0.1:2/v1"}
    explicit = {"openai": {"base_url": simulator.openai}}
    with lockgate.Gateway(file, environment=environment, providers=explicit) as gateway:
        with pytest.raises(lockgate.InvalidRequest, match="customer"):
            gateway.chat(**ask("Hello"))
        gateway.chat(**ask("Hello"), customer="c")
    (seen,) = simulator.requests()
    assert seen["headers"]["authorization"] == "Bearer sk-environment"


def test_keywords_are_laid_over_a_mapping(simulator):
    settings = simulator.settings(project={"monthly_cap": "1", "require_customer": True})
    with lockgate.Gateway(settings, environment={}, project={"require_customer": False}) as gateway:
        project = gateway.projects.get().settings
    assert (project.monthly_cap, project.require_customer) == ("1", False)
    assert settings["project"]["require_customer"] is True, "the caller's mapping stays as it was"


def test_the_process_s_environment_is_the_default(simulator, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-process")
    monkeypatch.setenv("OPENAI_BASE_URL", simulator.openai)
    with lockgate.Gateway() as gateway:
        gateway.chat(**ask("Hello"))
    assert simulator.requests()[0]["headers"]["authorization"] == "Bearer sk-of-the-process"


def test_nothing_is_looked_for_on_disk_and_nothing_left_there(simulator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lockgate.toml").write_text("this = is not what a library reads")
    provider = {"openai": {"api_key": "sk", "base_url": simulator.openai}}
    with lockgate.Gateway(environment={}, providers=provider) as gateway:
        gateway.chat(**ask("Hello"))
    assert os.listdir(tmp_path) == ["lockgate.toml"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"project": {"monthly_cap": "1"}}, ["spend cap", "store"]),
        ({"store": "postgres//x"}, ["store", "postgres//x"]),
        ({"store": "memory", "project": {"monthly_cap": "much"}}, ["project.monthly_cap", "much"]),
        ({"store": "memory", "no_such_setting": 1}, ["no_such_setting"]),
        ({"store": "memory", "timeouts": {"connect_ms": "soon"}}, ["timeouts.connect_ms", "soon"]),
        ({"store": object()}, ["object"]),
        ({1: "memory"}, ["1"]),
    ],
)
def test_a_wrong_setting_is_named(settings, named):
    with pytest.raises(lockgate.ConfigError) as caught:
        lockgate.Gateway(settings, environment={})
    assert (caught.value.code, caught.value.status) == ("config_error", 500)
    for word in named:
        assert word in str(caught.value)


def test_a_file_that_is_not_there():
    with pytest.raises(lockgate.ConfigError, match=r"nowhere\.toml"):
        lockgate.Gateway("nowhere.toml", environment={})


def test_amounts_and_spans_may_be_what_python_has_for_them(gateway):
    gateway.projects.set(monthly_cap=Decimal("0.1"))
    assert gateway.projects.get().settings.monthly_cap == "0.1"
    key = gateway.keys.create(monthly_cap=2, expires_in=timedelta(hours=1))
    assert key.monthly_cap == "2"
    assert 3_590_000 < key.expires_at - key.created_at <= 3_600_000
    with pytest.raises(lockgate.InvalidRequest) as caught:
        gateway.keys.create(expires_in=-1)
    assert caught.value.param == "expires_in"


def surface(kind: type) -> dict[str, str]:
    """Public methods with their parameters; what they return differs by `await` alone."""
    methods = inspect.getmembers(kind, inspect.isfunction)
    parameters = {name: inspect.signature(method).replace(return_annotation="") for name, method in methods}
    return {name: str(signature) for name, signature in parameters.items() if not name.startswith("_")}


@pytest.mark.parametrize(
    ("sync", "asynchronous"),
    [
        (lockgate.Gateway, lockgate.AsyncGateway),
        (lockgate.ChatStream, lockgate.AsyncChatStream),
        (_admin.Projects, _admin.AsyncProjects),
        (_admin.Keys, _admin.AsyncKeys),
        (_admin.Customers, _admin.AsyncCustomers),
    ],
)
def test_both_gateways_have_one_surface(sync, asynchronous):
    theirs = surface(asynchronous)
    theirs.pop("aclose", None)
    assert surface(sync) == theirs
    documented = [name for name in surface(sync) if not getattr(sync, name).__doc__]
    assert documented == [], "without documentation"
    for name in surface(sync):
        assert getattr(sync, name).__doc__ == getattr(asynchronous, name).__doc__, name
