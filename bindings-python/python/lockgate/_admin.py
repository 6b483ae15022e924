"""Projects, keys and customers, for both gateways."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from lockgate._calls import capped, given, milliseconds, usd
from lockgate.types import Customer, Key, Project

if TYPE_CHECKING:
    from datetime import timedelta
    from decimal import Decimal

    Usd = str | int | float | Decimal | None

_Call = Callable[[str, dict[str, Any]], Any]
_AsyncCall = Callable[[str, dict[str, Any]], Awaitable[Any]]


def project_arguments(project: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {"project": project, "settings": capped(settings)}


def usage_arguments(
    project: str | None, key: str | None, customer: str | None, since: Any, until: Any, by: str
) -> dict[str, Any]:
    return given(
        project=project,
        key=key,
        customer=customer,
        since=milliseconds(since),
        until=milliseconds(until),
        by=by,
    )


def seconds(span: float | timedelta | None) -> float | None:
    if span is None:
        return None
    return float(span) if isinstance(span, (int, float)) else span.total_seconds()


class Projects:
    """Projects: the units that own keys, caps and caches."""

    def __init__(self, call: _Call) -> None:
        self._call = call

    def create(self, project: str, **settings: Any) -> Project:
        """Makes a project: ``create("team-a", monthly_cap="20", require_customer=True)``."""
        return Project(self._call("projects.create", project_arguments(project, settings)))

    def get(self, project: str = "default") -> Project:
        """A project by its name or id."""
        return Project(self._call("projects.get", {"project": project}))

    def list(self) -> builtins.list[Project]:
        """All projects, by name."""
        return [Project(data) for data in self._call("projects.list", {})]

    def set(self, project: str = "default", **settings: Any) -> Project:
        """Changes the settings that are given; ``None`` takes one away. Counts from the next request on."""
        return Project(self._call("projects.set", project_arguments(project, settings)))

    def purge_cache(self, project: str = "default") -> int:
        """Forgets all cached answers, those just being written too. Returns how many the store had."""
        removed: int = self._call("projects.purge_cache", {"project": project})
        return removed


class Keys:
    """Gateway keys."""

    def __init__(self, call: _Call) -> None:
        self._call = call

    def create(
        self,
        *,
        project: str = "default",
        name: str = "",
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        concurrency: int | None = None,
        monthly_cap: Usd = None,
        models: Sequence[str] | None = None,
        customer: str | None = None,
        expires_in: float | timedelta | None = None,
    ) -> Key:
        """Makes a key; its ``secret`` is shown this once. Limits left out do not limit."""
        rates = given(
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            concurrency=concurrency,
        )
        arguments = given(
            project=project,
            name=name,
            rates=rates,
            monthly_cap=usd(monthly_cap),
            models=models,
            customer=customer,
            expires_in=seconds(expires_in),
        )
        return Key(self._call("keys.create", arguments))

    def list(self, project: str = "default") -> builtins.list[Key]:
        """A project's keys, newest first."""
        return [Key(data) for data in self._call("keys.list", {"project": project})]

    def rotate(self, id: str, *, overlap: float | timedelta = 0.0) -> Key:
        """Replaces a key by one with the same limits, counted together. The old one stays good for ``overlap``."""
        return Key(self._call("keys.rotate", {"id": id, "overlap": seconds(overlap)}))

    def revoke(self, id: str) -> Key:
        """Ends a key from its next use on, in every process."""
        return Key(self._call("keys.revoke", {"id": id}))


class Customers:
    """Customers with limits of their own."""

    def __init__(self, call: _Call) -> None:
        self._call = call

    def set(
        self,
        id: str,
        *,
        project: str = "default",
        daily_cap: Usd = None,
        monthly_cap: Usd = None,
        per_request_cap: Usd = None,
        on_limit: Literal["block", "downgrade"] = "block",
    ) -> Customer:
        """Sets all limits of a customer; those left out do not limit."""
        limits = given(
            daily_cap=usd(daily_cap),
            monthly_cap=usd(monthly_cap),
            per_request_cap=usd(per_request_cap),
            on_limit=on_limit,
        )
        return Customer(self._call("customers.set", {"project": project, "id": id, "limits": limits}))

    def list(
        self, project: str = "default", *, after: str | None = None, limit: int = 1000
    ) -> builtins.list[Customer]:
        """Customers by id, after ``after``."""
        arguments = given(project=project, after=after, limit=limit)
        return [Customer(data) for data in self._call("customers.list", arguments)]

    def forget(self, id: str, *, project: str = "default") -> bool:
        """Forgets limits and name. What was spent stays counted. Returns whether the customer was known."""
        known: bool = self._call("customers.forget", {"project": project, "id": id})
        return known


class AsyncProjects:
    """Projects: the units that own keys, caps and caches."""

    def __init__(self, call: _AsyncCall) -> None:
        self._call = call

    async def create(self, project: str, **settings: Any) -> Project:
        """Makes a project: ``create("team-a", monthly_cap="20", require_customer=True)``."""
        return Project(await self._call("projects.create", project_arguments(project, settings)))

    async def get(self, project: str = "default") -> Project:
        """A project by its name or id."""
        return Project(await self._call("projects.get", {"project": project}))

    async def list(self) -> builtins.list[Project]:
        """All projects, by name."""
        return [Project(data) for data in await self._call("projects.list", {})]

    async def set(self, project: str = "default", **settings: Any) -> Project:
        """Changes the settings that are given; ``None`` takes one away. Counts from the next request on."""
        return Project(await self._call("projects.set", project_arguments(project, settings)))

    async def purge_cache(self, project: str = "default") -> int:
        """Forgets all cached answers, those just being written too. Returns how many the store had."""
        removed: int = await self._call("projects.purge_cache", {"project": project})
        return removed


class AsyncKeys:
    """Gateway keys."""

    def __init__(self, call: _AsyncCall) -> None:
        self._call = call

    async def create(
        self,
        *,
        project: str = "default",
        name: str = "",
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        concurrency: int | None = None,
        monthly_cap: Usd = None,
        models: Sequence[str] | None = None,
        customer: str | None = None,
        expires_in: float | timedelta | None = None,
    ) -> Key:
        """Makes a key; its ``secret`` is shown this once. Limits left out do not limit."""
        rates = given(
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            concurrency=concurrency,
        )
        arguments = given(
            project=project,
            name=name,
            rates=rates,
            monthly_cap=usd(monthly_cap),
            models=models,
            customer=customer,
            expires_in=seconds(expires_in),
        )
        return Key(await self._call("keys.create", arguments))

    async def list(self, project: str = "default") -> builtins.list[Key]:
        """A project's keys, newest first."""
        return [Key(data) for data in await self._call("keys.list", {"project": project})]

    async def rotate(self, id: str, *, overlap: float | timedelta = 0.0) -> Key:
        """Replaces a key by one with the same limits, counted together. The old one stays good for ``overlap``."""
        return Key(await self._call("keys.rotate", {"id": id, "overlap": seconds(overlap)}))

    async def revoke(self, id: str) -> Key:
        """Ends a key from its next use on, in every process."""
        return Key(await self._call("keys.revoke", {"id": id}))


class AsyncCustomers:
    """Customers with limits of their own."""

    def __init__(self, call: _AsyncCall) -> None:
        self._call = call

    async def set(
        self,
        id: str,
        *,
        project: str = "default",
        daily_cap: Usd = None,
        monthly_cap: Usd = None,
        per_request_cap: Usd = None,
        on_limit: Literal["block", "downgrade"] = "block",
    ) -> Customer:
        """Sets all limits of a customer; those left out do not limit."""
        limits = given(
            daily_cap=usd(daily_cap),
            monthly_cap=usd(monthly_cap),
            per_request_cap=usd(per_request_cap),
            on_limit=on_limit,
        )
        return Customer(await self._call("customers.set", {"project": project, "id": id, "limits": limits}))

    async def list(
        self, project: str = "default", *, after: str | None = None, limit: int = 1000
    ) -> builtins.list[Customer]:
        """Customers by id, after ``after``."""
        arguments = given(project=project, after=after, limit=limit)
        return [Customer(data) for data in await self._call("customers.list", arguments)]

    async def forget(self, id: str, *, project: str = "default") -> bool:
        """Forgets limits and name. What was spent stays counted. Returns whether the customer was known."""
        known: bool = await self._call("customers.forget", {"project": project, "id": id})
        return known
