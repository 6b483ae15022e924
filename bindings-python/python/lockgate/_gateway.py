"""The gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, overload

from lockgate import _calls, _http
from lockgate._admin import Customers, Keys, Projects, usage_arguments
from lockgate._streams import ChatStream
from lockgate.types import ChatCompletion, EmbeddingResponse, Inspection, Model, UsageLine

CacheMode = Literal["off", "refresh", "only"]


class Gateway:
    """An LLM gateway in this process.

    ``config`` is the path of a TOML file or a mapping; keyword arguments are settings, too, and win:
    ``Gateway(store="sqlite://lockgate.db", project={"monthly_cap": "20"})``. ``environment`` stands in for
    ``os.environ``. Threads may share it; waiting releases the GIL.
    """

    def __init__(
        self,
        config: _calls.Config = None,
        *,
        environment: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self._native = _calls.start(config, settings, environment)
        self.projects = Projects(self._administer)
        self.keys = Keys(self._administer)
        self.customers = Customers(self._administer)

    @overload
    def chat(
        self,
        request: Any = None,
        /,
        *,
        stream: Literal[False] = False,
        customer: str | None = None,
        labels: Mapping[str, str] | None = None,
        cache: CacheMode | None = None,
        key: str | None = None,
        timeout: float | None = None,
        request_id: str | None = None,
        **parameters: Any,
    ) -> ChatCompletion: ...
    @overload
    def chat(
        self,
        request: Any = None,
        /,
        *,
        stream: Literal[True],
        customer: str | None = None,
        labels: Mapping[str, str] | None = None,
        cache: CacheMode | None = None,
        key: str | None = None,
        timeout: float | None = None,
        request_id: str | None = None,
        **parameters: Any,
    ) -> ChatStream: ...
    @overload
    def chat(
        self,
        request: Any = None,
        /,
        *,
        stream: bool,
        customer: str | None = None,
        labels: Mapping[str, str] | None = None,
        cache: CacheMode | None = None,
        key: str | None = None,
        timeout: float | None = None,
        request_id: str | None = None,
        **parameters: Any,
    ) -> ChatCompletion | ChatStream: ...
    def chat(
        self,
        request: Any = None,
        /,
        *,
        stream: bool = False,
        customer: str | None = None,
        labels: Mapping[str, str] | None = None,
        cache: CacheMode | None = None,
        key: str | None = None,
        timeout: float | None = None,
        request_id: str | None = None,
        **parameters: Any,
    ) -> ChatCompletion | ChatStream:
        """Asks for an answer: OpenAI's parameters as keywords, or all of them as one mapping or pydantic model.

        ``timeout`` is in seconds and for the whole answer, all attempts together. ``cache`` is ``"off"`` (neither
        read nor write), ``"refresh"`` (only write) or ``"only"`` (a miss is an error). ``key`` is a gateway key.
        """
        if stream:
            parameters["stream"] = True
        body = _calls.request(request, parameters)
        options = (key, customer, None if labels is None else dict(labels), cache, timeout, request_id)
        answer = self._native.chat(body, options, True)
        return ChatCompletion(answer) if type(answer) is dict else ChatStream(*answer)

    def embed(
        self,
        request: Any = None,
        /,
        *,
        customer: str | None = None,
        labels: Mapping[str, str] | None = None,
        cache: CacheMode | None = None,
        key: str | None = None,
        timeout: float | None = None,
        request_id: str | None = None,
        **parameters: Any,
    ) -> EmbeddingResponse:
        """Asks for embeddings: ``embed(model="text-embedding-3-small", input=["one", "two"])``."""
        body = _calls.request(request, parameters)
        options = (key, customer, None if labels is None else dict(labels), cache, timeout, request_id)
        return EmbeddingResponse(self._native.embed(body, options, True))

    def models(self) -> list[Model]:
        """The models that can be asked for; Ollama is asked which it has."""
        return [Model(model) for model in self._native.models(True)]

    def usage(
        self,
        *,
        project: str | None = None,
        key: str | None = None,
        customer: str | None = None,
        since: Any = None,
        until: Any = None,
        by: Literal["total", "day", "model", "provider", "key", "customer"] = "total",
    ) -> list[UsageLine]:
        """Sums of the ledger. ``since`` and ``until`` are datetimes with a time zone, or seconds since 1970."""
        arguments = usage_arguments(project, key, customer, since, until, by)
        return [UsageLine(line) for line in self._administer("usage", arguments)]

    def inspect(self, project: str = "default") -> Inspection:
        """What is under way in a project right now."""
        return Inspection(self._administer("inspect", {"project": project}))

    def http_client(self, library: Literal["httpx", "httpx2"] | None = None) -> Any:
        """A client of ``httpx2`` or ``httpx`` whose requests this gateway answers, without a socket.

        For SDKs that take one: ``openai.OpenAI(api_key=key, http_client=gateway.http_client())``. It serves OpenAI's
        routes. Without ``library`` it is the one that the installed ``openai`` uses, else the only one installed.
        """
        return _http.client(self._native, library)

    def async_http_client(self, library: Literal["httpx", "httpx2"] | None = None) -> Any:
        """The same for the SDKs' asyncio clients: ``openai.AsyncOpenAI(http_client=…)``."""
        return _http.async_client(self._native, library)

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all that has ended is in the ledger. Returns whether it is."""
        done: bool = self._native.flush(timeout, True)
        return done

    def close(self, timeout: float = 5.0) -> bool:
        """Ends the gateway and waits for what is to be written. Returns whether all is."""
        done: bool = self._native.close(timeout, True)
        return done

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _administer(self, step: str, arguments: dict[str, Any]) -> Any:
        return self._native.administer(step, arguments, True)
