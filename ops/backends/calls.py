"""The path of every call to a backend: sharing, queue, deadline and circuit breaker.

    read ──> an identical one ──> breaker ──> queue for one ──> breaker ──> deadline ──> backend
             is under way?        open?       of 16 slots       open?       write ───────^
             wait for it          refuse      20 s: Busy        refuse

Every call has a deadline. Identical reads are shared (see ops.caching), so that a backend's load
does not grow with the number of people watching. Only a few calls run at a time; the others
queue here, and the time in the queue does not count against the backend. The breaker (see
ops.backends.breaker) is checked before the queue, so that nobody waits for a refusal, and after
it, because the backend may have failed meanwhile.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import TypeVar

from ops import metrics
from ops.backends.breaker import Breaker, Clock
from ops.caching import Shared
from ops.errors import BackendTimeout, Busy
from ops.vocabulary import timerange

T = TypeVar("T")

AT_ONCE = 16  # calls; Prometheus itself runs 20 queries at a time
PATIENCE = 20 * timerange.SECOND  # in the queue


class Calls:
    """The calls to one backend, within one event loop.

    `kind` is the backend's label in the metrics; `name` and `place` ("Jaeger of production at
    host:port") are used in sentences. `timeout` and `patience` are in nanoseconds; `patience` is
    how long a call may queue for one of the `at_once` slots.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        place: str,
        timeout: int,
        clock: Clock = time.monotonic,
        *,
        at_once: int = AT_ONCE,
        patience: int = PATIENCE,
    ) -> None:
        self.kind = kind
        self.name = name
        self.place = place
        self.timeout = timeout
        self._breaker = Breaker(clock)
        self._shared = Shared(clock)
        self._slots = asyncio.Semaphore(at_once)
        self._patience = patience

    async def read(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to the read that `key` identifies, shared with identical reads.

        Raises what the call raises, BackendTimeout, BackendUnavailable, or Busy.
        """
        return await self._shared.answer(key, lambda: self.once(call))

    async def once(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make one read that is not shared, with queue, deadline and breaker."""
        # Before the queue: nobody should wait for a refusal.
        self._breaker.check()
        async with self._slot():
            with self._breaker.watch():
                return await self.write(call)

    async def write(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make one call with a deadline only.

        A user's change is always tried, once: earlier failures do not refuse it.
        """
        with metrics.backend_call(self.kind):
            try:
                async with asyncio.timeout(self.timeout / timerange.SECOND) as limit:
                    return await call()
            except TimeoutError as error:
                if not limit.expired():  # the call's own, which it must explain itself
                    raise
                raise self.too_slow() from error

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience / timerange.SECOND):
                await self._slots.acquire()
        except TimeoutError as error:
            raise Busy(
                f"too many calls to {self.place} are already waiting; try again in a moment"
            ) from error
        try:
            yield
        finally:
            self._slots.release()

    def too_slow(self) -> BackendTimeout:
        """Return the error for a backend that did not answer in time."""
        return BackendTimeout(
            f"{self.place} did not answer within {timerange.format_duration(self.timeout)}; "
            "check that it is running, not overloaded and reachable from here",
            backend=self.name,
        )
