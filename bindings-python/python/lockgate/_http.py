"""Clients of ``httpx`` and ``httpx2`` whose requests the gateway answers in process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from lockgate import _host, _native
from lockgate._errors import ConfigError
from lockgate._native import Pending

#: What SDKs expect of a client: ten minutes for an answer. There is nothing to connect to.
SECONDS = 600.0
#: Paths of OpenAI's API below its version, for base URLs that have none.
UNVERSIONED = ("/chat/completions", "/responses", "/embeddings", "/models")


def client(native: _native.Gateway, library: str | None) -> Any:
    httpx = _library(library)
    # trust_env: a proxy of the environment's would take the requests away from here.
    return httpx.Client(transport=_transports(httpx)[0](native), timeout=SECONDS, trust_env=False)


def async_client(native: _native.Gateway, library: str | None) -> Any:
    httpx = _library(library)
    return httpx.AsyncClient(transport=_transports(httpx)[1](native), timeout=SECONDS, trust_env=False)


def _library(named: str | None) -> Any:
    """The module to use: the one named, else the installed ``openai``'s, else the only one there is."""
    from importlib import import_module
    from importlib.metadata import PackageNotFoundError, version
    from importlib.util import find_spec

    if named is not None and named not in ("httpx", "httpx2"):
        raise _undecided(f"library = {named!r}")
    if named is None:
        try:
            named = "httpx2" if int(version("openai").split(".")[0]) >= 3 else "httpx"
        except PackageNotFoundError:
            present = [name for name in ("httpx2", "httpx") if find_spec(name) is not None]
            if len(present) != 1:
                raise _undecided(f"installed: {', '.join(present) or 'neither'}") from None
            named = present[0]
    try:
        return import_module(named)
    except ImportError as missing:
        raise _undecided(f"{named} is not installed") from missing


def _undecided(why: str) -> ConfigError:
    return ConfigError(
        f'{why}: the drop-in client needs "httpx2" (openai 3 and later) or "httpx" (before); '
        "install one, or name it: http_client(library=…)",
        code="config_error",
        param="library",
    )


def _path(raw: str) -> str:
    """The path below the host that the SDK believes in, whatever its base URL was."""
    at = raw.find("/v1/")
    if at >= 0:
        return raw[at:]
    plain = raw.partition("?")[0]
    if plain.endswith(UNVERSIONED) or "/models/" in plain:
        return "/v1" + raw[raw.rindex(next(path for path in UNVERSIONED if path in raw)) :]
    return raw


_made: dict[str, tuple[Any, Any]] = {}


def _transports(httpx: Any) -> tuple[Any, Any]:
    """The transports for ``httpx``, which is either of the two libraries."""
    made = _made.get(httpx.__name__)
    if made is not None:
        return made

    def limit(request: Any) -> float | None:
        seconds: float | None = request.extensions.get("timeout", {}).get("read")
        return seconds

    def late(request: Any) -> Exception:
        error: Exception = httpx.ReadTimeout("nothing came in time", request=request)
        return error

    def response(request: Any, answer: Any, body: type) -> Any:
        status, headers, content = answer
        if isinstance(content, bytes):
            return Whole(status, headers, content, request)
        _host.watch_stream(content)
        return httpx.Response(status, headers=headers, stream=body(content, request), request=request)

    class Whole(httpx.Response):  # type: ignore[misc]
        """An answer that is here already: reading it takes no walk through decoders and chunkers."""

        is_stream_consumed: bool

        def __init__(self, status: int, headers: Any, content: bytes, request: Any) -> None:
            headers.append((b"content-length", b"%d" % len(content)))
            super().__init__(status, headers=headers, stream=httpx.ByteStream(content), request=request)
            self._whole = content

        def read(self) -> bytes:
            if self.is_stream_consumed:
                return super().read()  # type: ignore[no-any-return]
            self._content, self.is_stream_consumed = self._whole, True
            self.close()
            return self._whole

        async def aread(self) -> bytes:
            if self.is_stream_consumed:
                return await super().aread()  # type: ignore[no-any-return]
            self._content, self.is_stream_consumed = self._whole, True
            await self.aclose()
            return self._whole

        def __reduce__(self) -> Any:
            return object.__new__, (httpx.Response,), self.__getstate__()

    class Body(httpx.SyncByteStream):  # type: ignore[misc]
        def __init__(self, native: _native.Stream, request: Any) -> None:
            self._native = native
            self._request = request

        def __iter__(self) -> Iterator[bytes]:
            seconds = limit(self._request)
            while True:
                try:
                    piece = self._native.next(seconds, True)
                except TimeoutError:
                    raise late(self._request) from None
                if piece is None:
                    return
                yield piece

        def close(self) -> None:
            self._native.close()

    class AsyncBody(httpx.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, native: _native.Stream, request: Any) -> None:
            self._native = native
            self._request = request

        async def __aiter__(self) -> AsyncIterator[bytes]:
            seconds = limit(self._request)
            at_once = False
            while True:
                if at_once:
                    await _host.turn()
                try:
                    piece = self._native.next(seconds, False)
                    at_once = type(piece) is not Pending
                    if type(piece) is Pending:
                        piece = await _host.wait(piece)
                except TimeoutError:
                    raise late(self._request) from None
                if piece is None:
                    return
                yield piece

        async def aclose(self) -> None:
            self._native.close()

    class Transport(httpx.BaseTransport):  # type: ignore[misc]
        def __init__(self, native: _native.Gateway) -> None:
            self._native = native

        def handle_request(self, request: Any) -> Any:
            path = _path(request.url.raw_path.decode("ascii"))
            body = request.read()
            try:
                answer = self._native.handle(
                    request.method, path, request.headers.raw, body, limit(request), True
                )
            except TimeoutError:
                raise late(request) from None
            return response(request, answer, Body)

    class AsyncTransport(httpx.AsyncBaseTransport):  # type: ignore[misc]
        def __init__(self, native: _native.Gateway) -> None:
            self._native = native

        async def handle_async_request(self, request: Any) -> Any:
            path = _path(request.url.raw_path.decode("ascii"))
            body = await request.aread()
            try:
                answer = self._native.handle(
                    request.method, path, request.headers.raw, body, limit(request), False
                )
                if type(answer) is Pending:
                    answer = await _host.wait(answer)
            except TimeoutError:
                raise late(request) from None
            return response(request, answer, AsyncBody)

    made = _made[httpx.__name__] = (Transport, AsyncTransport)
    return made
