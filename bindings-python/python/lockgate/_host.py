"""Manners in a host process: event loops, forks, the end of the interpreter."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from types import coroutine
from typing import TYPE_CHECKING, Any

from lockgate import _native
from lockgate._native import Bell, Pending

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Generator

#: A settlement on its way when the interpreter ends gets so many seconds.
LAST_SECONDS = 5.0

_gateways: weakref.WeakSet[_native.Gateway] = weakref.WeakSet()
_streams: weakref.WeakSet[_native.Stream] = weakref.WeakSet()
_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


class Hub:
    """What of an event loop's is under way, and the bell that it watches."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.bell = Bell()
        self.waiting: dict[int, asyncio.Future[None]] = {}
        loop.add_reader(self.bell.fileno(), self._rung)

    def _rung(self) -> None:
        for token in self.bell.drain():
            future = self.waiting.pop(token, None)
            if future is not None and not future.done():
                future.set_result(None)

    async def wait(self, loop: asyncio.AbstractEventLoop, pending: Pending) -> Any:
        future = loop.create_future()
        self.waiting[pending.token] = future
        try:
            pending.spawn(self.bell)
            await future
        except BaseException:
            self.waiting.pop(pending.token, None)
            pending.cancel()
            raise
        return pending.take()


@coroutine
def turn() -> Generator[None, None, None]:
    """Lets the event loop's other tasks have their turn."""
    yield


async def wait(pending: Pending) -> Any:
    """The result of ``pending``. Cancelling the task cancels it."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        for other in list(_hubs):
            if other.is_closed():
                del _hubs[other]
        try:
            hub = _hubs[loop] = Hub(loop)
        except NotImplementedError:
            return await _wait_in_a_thread(loop, pending)
    return await hub.wait(loop, pending)


async def _wait_in_a_thread(loop: asyncio.AbstractEventLoop, pending: Pending) -> Any:
    """For event loops that watch no pipes: the one of Windows."""
    try:
        return await loop.run_in_executor(None, pending.wait)
    except BaseException:
        pending.cancel()
        raise


def watch_gateway(gateway: _native.Gateway) -> None:
    _gateways.add(gateway)


def watch_stream(stream: _native.Stream) -> None:
    _streams.add(stream)


def _before_fork() -> None:
    _heed_multiprocessing()
    for gateway in list(_gateways):
        gateway.rest()


def _heed_multiprocessing() -> None:
    """Children of ``multiprocessing`` end without the interpreter's exit handlers, but with handlers of its own."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not _heeded:
        _heeded.append(True)
        util.register_after_fork(Hub, lambda _: util.Finalize(None, _at_exit, exitpriority=0))


_heeded: list[bool] = []


def _after_fork_in_child() -> None:
    _native.forked()
    for gateway in list(_gateways):
        gateway.inherit()
    _hubs.clear()
    _streams.clear()


def _at_exit() -> None:
    # Streams left open are cancelled, which settles them; then what is settled is written.
    _native.shut_down()
    for stream in list(_streams):
        stream.close()
    for gateway in list(_gateways):
        gateway.close(LAST_SECONDS, True)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
