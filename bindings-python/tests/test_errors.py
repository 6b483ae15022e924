"""The closed list of exceptions."""

from __future__ import annotations

import pickle

import lockgate
import pytest
from conftest import ask
from lockgate import _native

KINDS = {
    lockgate.InvalidRequest,
    lockgate.Unauthorized,
    lockgate.SpendCapExceeded,
    lockgate.RateLimited,
    lockgate.ProviderError,
    lockgate.Timeout,
    lockgate.StoreUnavailable,
    lockgate.ConfigError,
}


def test_the_list_is_closed():
    assert set(lockgate.Error.__subclasses__()) == KINDS


def test_one_table_with_rust_s_kinds():
    """Every kind of error has its exception here, and every exception its kinds."""
    kinds = _native.kinds()
    assert len(kinds) == len({code for code, _, _ in kinds})
    assert {name for _, _, name in kinds} == {"Error", *(kind.__name__ for kind in KINDS)}
    for code, status, name in kinds:
        assert issubclass(getattr(lockgate, name), lockgate.Error)
        assert 400 <= status < 600, code
    table = {code: (status, name) for code, status, name in kinds}
    assert table["spend_cap_exceeded"] == (402, "SpendCapExceeded")
    assert table["customer_spend_exceeded"] == (429, "SpendCapExceeded")
    assert table["deadline_exceeded"] == (504, "Timeout")


def refuse(gateway, **more):
    with pytest.raises(lockgate.Error) as caught:
        gateway.chat(**{**ask("Hello"), **more})
    return caught.value


def test_by_kind(gateway, simulator):
    bad = refuse(gateway, temperature="hot")
    assert (type(bad), bad.status, bad.param) == (lockgate.InvalidRequest, 400, "temperature")
    unknown = refuse(gateway, model="nobody-has-this")
    assert (type(unknown), unknown.code, unknown.status) == (lockgate.InvalidRequest, "model_not_found", 404)
    key = refuse(gateway, key="lg_" + "A" * 43)
    assert (type(key), key.code, key.status) == (lockgate.Unauthorized, "invalid_api_key", 401)
    gateway.projects.set(monthly_cap=0)
    cap = refuse(gateway)
    assert (type(cap), cap.code, cap.status) == (lockgate.SpendCapExceeded, "spend_cap_exceeded", 402)
    gateway.projects.set(monthly_cap=None)
    gateway.customers.set("c", daily_cap=0)
    customer = refuse(gateway, customer="c")
    assert (type(customer), customer.code, customer.status) == (
        lockgate.SpendCapExceeded,
        "customer_spend_exceeded",
        429,
    )
    limited = gateway.keys.create(requests_per_minute=0)
    rate = refuse(gateway, key=limited.secret)
    assert (type(rate), rate.code, rate.status) == (lockgate.RateLimited, "rate_limit_exceeded", 429)
    assert simulator.requests() == [], "a refused request reaches no provider"


def test_a_provider_s_fault(gateway, simulator):
    simulator.script({"kind": "status", "status": 500, "times": 10})
    failed = refuse(gateway)
    assert (type(failed), failed.status) == (lockgate.ProviderError, 502)
    assert failed.request_id.startswith("req_")
    assert "=500" in failed.attempts


def test_a_timeout(gateway, simulator):
    simulator.script({"kind": "stall", "stage": "headers"})
    late = refuse(gateway, timeout=0.1)
    assert (type(late), late.code, late.status) == (lockgate.Timeout, "deadline_exceeded", 504)
    (seen,) = simulator.settled(1)
    assert seen["outcome"] == "aborted"


def test_a_failure_within_a_stream_comes_after_what_came_before(gateway, simulator):
    simulator.script({"kind": "cut", "after_events": 5, "close": "drop"})
    seen = []
    with pytest.raises(lockgate.ProviderError):
        for chunk in gateway.chat(**ask("count to 50"), stream=True):
            seen.append(chunk)
    assert seen


def test_causes_are_chained(tmp_path):
    file = tmp_path / "not-a-database"
    file.write_bytes(b"text, and no database at all. " * 100)
    with pytest.raises(lockgate.Error) as caught:
        lockgate.Gateway(store=f"sqlite://{file}", environment={})
    assert caught.value.__cause__ is not None


def test_errors_travel_between_processes():
    error = lockgate.RateLimited("slow", code="rate_limit_exceeded", status=429, retry_after=1.5)
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), back.message, back.code, back.retry_after) == (
        lockgate.RateLimited,
        "slow",
        "rate_limit_exceeded",
        1.5,
    )
