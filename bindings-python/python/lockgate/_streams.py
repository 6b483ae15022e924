"""Answers in pieces, for loops with and without ``async``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from lockgate import _host, _native
from lockgate._native import Pending
from lockgate.types import ChatCompletionChunk, Metadata


class _Base:
    #: What the gateway did: who answers from the start, cost and tokens once the last chunk was read.
    lockgate: Metadata

    def __init__(self, native: _native.Stream, report: dict[str, Any]) -> None:
        self._native = native
        self._ready: list[dict[str, Any]] = []
        self._at_once = False
        self.lockgate = Metadata(report)
        _host.watch_stream(native)

    @property
    def closed(self) -> bool:
        """Whether the request is over: read to its end, failed or closed."""
        return self._native.closed

    def _take(self, batch: list[dict[str, Any]]) -> None:
        batch.reverse()
        self._ready = batch

    def _pop(self) -> ChatCompletionChunk:
        data = self._ready.pop()
        if (metadata := data.get("lockgate")) is not None:
            self.lockgate = Metadata(metadata)
        return ChatCompletionChunk(data)

    def _close(self) -> None:
        self._ready = []
        self._native.close()


class ChatStream(_Base):
    """The chunks of an answer. Leaving the loop early, closing it or losing it cancels the request and settles it."""

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        return _Walk(self)

    def __next__(self) -> ChatCompletionChunk:
        while not self._ready:
            batch = self._native.next(None, True)
            if batch is None:
                raise StopIteration
            self._take(batch)
        return self._pop()

    def close(self) -> None:
        """Cancels the request, if it is not over."""
        self._close()

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


class AsyncChatStream(_Base):
    """The chunks of an answer. Leaving the loop early, closing it or losing it cancels the request and settles it."""

    def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        return _AsyncWalk(self)

    async def __anext__(self) -> ChatCompletionChunk:
        while not self._ready:
            if self._at_once:
                # What came last was there already, and so may be all that follows: others get their turn between.
                await _host.turn()
            batch = self._native.next(None, False)
            self._at_once = type(batch) is not Pending
            if type(batch) is Pending:
                batch = await _host.wait(batch)
            if batch is None:
                raise StopAsyncIteration
            self._take(batch)
        return self._pop()

    async def aclose(self) -> None:
        """Cancels the request, if it is not over."""
        self._close()

    close = aclose

    async def __aenter__(self) -> AsyncChatStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()


class _Walk:
    """One loop over a stream. ``break`` drops it, and so ends the stream even where the stream itself is kept."""

    def __init__(self, stream: ChatStream) -> None:
        self._stream = stream

    def __iter__(self) -> _Walk:
        return self

    def __next__(self) -> ChatCompletionChunk:
        return self._stream.__next__()

    def __del__(self) -> None:
        self._stream._close()


class _AsyncWalk:
    def __init__(self, stream: AsyncChatStream) -> None:
        self._stream = stream

    def __aiter__(self) -> _AsyncWalk:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        return await self._stream.__anext__()

    def __del__(self) -> None:
        self._stream._close()
