"""The path of every call to a backend: sharing, queue, deadline and circuit breaker.

Every call has a deadline. Identical reads are shared (see ops.caching), so that a backend's load
does not grow with the number of people watching. Only a few calls run at a time; the others
queue here, and the time in the queue does not count against the backend. After a few failures in
a row the breaker opens for a while, then lets one call through: meanwhile, callers get the
reason immediately instead of waiting.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from ops import metrics
from ops.caching import Shared
from ops.errors import BackendTimeout, BackendUnavailable, Busy, OpsError
from ops.vocabulary import timerange

T = TypeVar("T")
Clock = Callable[[], float]

FAILURES = 3  # in a row, until the breaker opens
PAUSE = 5.0  # seconds until the next attempt
AT_ONCE = 16  # calls; Prometheus itself runs 20 queries at a time
PATIENCE = 20 * timerange.SECOND  # in the queue


class Breaker:
    """Circuit breaker: refuses calls to a backend that does not answer, with reason and time."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        # Only strings: an exception would keep alive everything its frames refer to, such as a
        # large answer, until the backend fails again.
        self._last: tuple[str, str] | None = None
        self._retry_at = 0.0
        self._probing = False

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Let one call through and learn from its outcome; raises BackendUnavailable.

        Only a backend that does not answer counts as failing: a refusal is an answer, and a
        cancelled call proves nothing.
        """
        probe = self._admit()
        try:
            yield
        except OpsError as error:
            if isinstance(error, BackendUnavailable) and not error.answered:
                self._failed(error)
            else:
                self._failures = 0
            raise
        else:
            self._failures = 0
        finally:
            if probe:
                self._probing = False

    def check(self) -> None:
        """Raise BackendUnavailable if a call would be refused now."""
        if self._failures < FAILURES or self._last is None:
            return
        wait = self._retry_at - self._clock()
        if wait > 0 or self._probing:
            sentence, backend = self._last
            again = f"next try in {math.ceil(wait)} s" if wait > 0 else "trying again now"
            raise BackendUnavailable(
                f"{sentence} (failed {self._failures} times in a row; {again})",
                backend=backend,
            )

    def _admit(self) -> bool:
        """Raise if the call is refused; note whether it is the attempt after a pause."""
        self.check()
        self._probing = self._failures >= FAILURES
        return self._probing

    def _failed(self, error: BackendUnavailable) -> None:
        self._failures += 1
        self._last = str(error), error.backend
        self._retry_at = self._clock() + PAUSE


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
        self._turns = asyncio.Semaphore(at_once)
        self._patience = patience

    async def read(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to the read that `key` identifies, shared with identical reads.

        Raises what the call raises, BackendTimeout, BackendUnavailable, or Busy.
        """
        return await self._shared.answer(key, lambda: self.once(call))

    async def once(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make one read that is not shared, with queue, deadline and breaker."""
        self._breaker.check()
        async with self._turn():
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
                if not limit.expired():
                    raise
                raise self.too_slow() from error

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience / timerange.SECOND):
                await self._turns.acquire()
        except TimeoutError as error:
            raise Busy(
                f"too many calls to {self.place} are already waiting; try again in a moment"
            ) from error
        try:
            yield
        finally:
            self._turns.release()

    def too_slow(self) -> BackendTimeout:
        """Return the error for a backend that did not answer in time."""
        return BackendTimeout(
            f"{self.place} did not answer within {timerange.format_duration(self.timeout)}; "
            "check that it is running, not overloaded and reachable from here",
            backend=self.name,
        )
