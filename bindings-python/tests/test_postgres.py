"""A gateway on Postgres, in this process."""

from __future__ import annotations

import subprocess

import lockgate
import pytest
from conftest import ask
from test_host import FORK, ok


def settings(address: str, tmp_path) -> dict[str, object]:
    return {"store": address, "single_process": True, "state_dir": str(tmp_path / "spool")}


def test_spend_and_keys_outlive_the_gateway(simulator, postgres, tmp_path):
    given = simulator.settings(project={"monthly_cap": "20"}, **settings(postgres, tmp_path))
    with lockgate.Gateway(given, environment={}) as gateway:
        secret = gateway.keys.create(name="app").secret
        cost = gateway.chat(**ask("Hello"), key=secret, customer="ann").lockgate.cost_usd
        assert cost > 0
    with lockgate.Gateway(given, environment={}) as gateway:
        (total,) = gateway.usage()
        assert total.requests == 1
        # The answer is in the database, too.
        assert gateway.chat(**ask("Hello"), key=secret).lockgate.cache == "exact"
        (key,) = gateway.keys.list()
        gateway.keys.revoke(key.id)
        with pytest.raises(lockgate.Unauthorized):
            gateway.chat(**ask("Hello"), key=secret)


def test_what_cannot_be_is_said_without_the_password(simulator, postgres, tmp_path):
    user, _, place = postgres.rpartition("@")
    password = user.rpartition(":")[2]
    wrong = [
        (simulator.settings(store=postgres), "single_process"),
        (simulator.settings(**settings(f"{user}x@{place}", tmp_path)), "password"),
        (simulator.settings(**settings(f"{postgres}_not", tmp_path)), "no such database"),
    ]
    for given, said in wrong:
        with pytest.raises(lockgate.ConfigError, match=said) as caught:
            lockgate.Gateway(given, environment={})
        error: BaseException | None = caught.value
        while error is not None:
            assert password not in f"{error!r} {error}"
            error = error.__cause__


def test_a_forked_child_is_told_the_ways_out(child, postgres, tmp_path):
    script = (
        FORK
        + """
gateway = lockgate.Gateway(SETTINGS)
chat("parent")
def work():
    try:
        chat("child")
    except lockgate.ConfigError as error:
        assert "redis" in str(error) and "fork" in str(error), error
    else:
        raise AssertionError("two that count alone")
assert forked(work) == 0
chat("parent again")
print(gateway.flush(), gateway.usage()[0].requests)
"""
    )
    assert ok(child(script, **settings(postgres, tmp_path))) == "True 2"


def test_a_second_gateway_is_refused(child, simulator, postgres, tmp_path):
    given = settings(postgres, tmp_path)
    with lockgate.Gateway(simulator.settings(**given), environment={}):
        done: subprocess.CompletedProcess[str] = child("lockgate.Gateway(SETTINGS)", **given)
    assert done.returncode == 1
    assert "ConfigError" in done.stderr
    assert "in use" in done.stderr and "redis" in done.stderr
