"""What the two gateways have in common: how arguments become a call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from lockgate import _host, _native
from lockgate._errors import ConfigError

Config = str | os.PathLike[str] | Mapping[str, Any] | None
CacheMode = Literal["off", "refresh", "only"]
Group = Literal["total", "day", "model", "provider", "key", "customer"]
Library = Literal["httpx", "httpx2"]


def start(
    config: Config, overrides: dict[str, Any], environment: Mapping[str, str] | None
) -> _native.Gateway:
    """Settings in their order: overrides, then a mapping, then the environment, then a file."""
    file: str | os.PathLike[str] | None = None
    explicit: dict[str, Any] = {}
    if isinstance(config, Mapping):
        explicit = _merged(config, overrides)
    else:
        file, explicit = config, overrides
    variables = os.environ if environment is None else environment
    try:
        native = _native.Gateway(file, explicit, dict(variables))
    except (TypeError, ValueError) as wrong:
        raise ConfigError(str(wrong), code="config_error", status=500) from wrong
    _host.watch_gateway(native)
    return native


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return merged


def request(body: Any, parameters: dict[str, Any]) -> Any:
    """One mapping (or pydantic model), keyword arguments, or a mapping with some of its fields given anew."""
    if body is None:
        return parameters
    if not parameters:
        return body
    if isinstance(body, Mapping):
        return {**body, **parameters}
    if hasattr(body, "model_dump"):
        return {**body.model_dump(mode="json", exclude_unset=True, by_alias=True), **parameters}
    raise TypeError(f"a request is a mapping or a pydantic model, not {type(body).__name__}")


def options(
    key: str | None,
    customer: str | None,
    labels: Mapping[str, str] | None,
    cache: str | None,
    timeout: float | None,
    request_id: str | None,
    explain: bool,
) -> Any:
    """What a caller says beside the request, as the native module takes it."""
    return key, customer, None if labels is None else dict(labels), cache, timeout, request_id, explain


def usd(value: Any) -> Any:
    """An amount of US dollars as exact text: 5, "12.50", Decimal("0.1"), 0.25."""
    return None if value is None else str(value)


#: Not by how a name ends: ``downgrade_on_cap`` is no amount.
_CAPS = frozenset({"daily_cap", "monthly_cap", "per_request_cap"})


def capped(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings whose caps may be decimals."""
    out: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            value = capped(dict(value))
        elif name in _CAPS:
            value = usd(value)
        out[name] = value
    return out


def given(**arguments: Any) -> dict[str, Any]:
    """Only what is not None."""
    return {name: value for name, value in arguments.items() if value is not None}


def milliseconds(moment: Any) -> int | None:
    """A datetime with a time zone, or seconds since 1970, as milliseconds."""
    if moment is None:
        return None
    if hasattr(moment, "timestamp"):
        if moment.tzinfo is None:
            raise ValueError(f"{moment!r} has no time zone: usage is counted in UTC")
        return int(moment.timestamp() * 1000)
    return int(moment * 1000)
