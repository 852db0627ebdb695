"""Threads for work that uses the ORM: ours, and those on which Django answers a request.

`sync_to_async` would run everything on one thread; a thread per call, or per request as Django
has it, would each hold a connection. Here every piece of work starts without a connection and
ends without one.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from django.db import Error, close_old_connections, connections

from ops.database import metrics, waiting
from ops.database.errors import busy, explained, is_of_text, refused_text

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 8
REQUEST_THREADS = 64
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="database")
_of_requests = ThreadPoolExecutor(REQUEST_THREADS, thread_name_prefix="request")
_thread = threading.local()
log = logging.getLogger(__name__)


async def in_database(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a function that uses the ORM on a database thread and return what it returns.

    Raises DatabaseBusy if its turn does not come in time, DatabaseAway if the database does not
    answer, and whatever the function raises.
    """
    asked = time.monotonic()
    turns = _turns()
    await turns.take(asked)
    work = partial(copy_context().run, _ours, asked, partial(function, *args, **kwargs))
    running = _pool.submit(work)
    loop = asyncio.get_running_loop()
    running.add_done_callback(lambda _: _soon(loop, turns.give_back))
    return await asyncio.wrap_future(running)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has closed meanwhile
        loop.call_soon_threadsafe(call)


class _Turns:
    """THREADS pieces of work at a time in one event loop; the rest waits here, not on threads."""

    def __init__(self) -> None:
        self._free = THREADS
        self._queue: deque[asyncio.Future[None]] = deque()

    async def take(self, asked: float) -> None:
        """Wait for a turn, requested at `asked`; raises DatabaseBusy."""
        if self._free:
            self._free -= 1
            return
        if waiting.is_too_long(len(self._queue)):
            raise metrics.refused(busy())
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        metrics.waiting.inc()
        try:
            await asyncio.wait((turn,), timeout=waiting.seconds_left(asked))
        except BaseException:
            if turn.done():
                self.give_back()
            else:
                self._queue.remove(turn)
            raise
        finally:
            metrics.waiting.dec()
        if not turn.done():
            self._queue.remove(turn)
            raise metrics.refused(busy())

    def give_back(self) -> None:
        """Let the next one continue."""
        if self._queue:
            self._queue.popleft().set_result(None)
        else:
            self._free += 1


_turns_of: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()


def _turns() -> _Turns:
    return _turns_of.setdefault(asyncio.get_running_loop(), _Turns())


class RequestThreads(Executor):
    """The threads of one request: they run Django's pieces of it, one at a time.

    For asgiref's ThreadSensitiveContext. Pieces need not run on the same thread, because each
    leaves nothing behind on it.
    """

    def __init__(self) -> None:
        self._one = threading.Lock()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return _of_requests.submit(self._piece, time.monotonic(), partial(fn, *args, **kwargs))

    def _piece(self, asked: float, work: Callable[[], R]) -> R:
        with self._one:
            _thread.in_request = True
            try:
                return _whole(asked, work)
            finally:
                _thread.in_request = False
                connections.close_all()


def in_request() -> bool:
    """Return whether this thread does Django's work for a request."""
    return getattr(_thread, "in_request", False)


def in_piece() -> bool:
    """Return whether this thread runs a piece of work from here, as in all serving processes."""
    return getattr(_thread, "in_piece", False)


def asked_at() -> float:
    """Return when this thread's work was requested; it may have waited for the thread."""
    return getattr(_thread, "asked", 0.0) or time.monotonic()


def _ours(asked: float, work: Callable[[], R]) -> R:
    close_old_connections()
    try:
        return _whole(asked, work)
    finally:
        close_old_connections()


def _whole(asked: float, work: Callable[[], R]) -> R:
    _thread.in_piece, _thread.asked = True, asked
    try:
        return work()
    except Error as error:
        if is_of_text(error):
            raise refused_text() from error
        if (shown := explained(error)) is None or shown is error:
            raise
        log.warning("the database failed: %s", error)
        raise shown from error
    finally:
        _thread.in_piece, _thread.asked = False, 0.0
