"""What every call to a backend goes through.

A call has a deadline. Identical reads are shared (see ops.sharing), so that a backend's load
does not grow with the number of people who watch. Only some calls are under way at once, the
others wait here for their turn, and that wait is not held against the backend. After a few
failures in a row a backend is left alone for a while, then tried with one call: people get the
reason at once instead of waiting for it.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from ops import metrics, timerange
from ops.errors import BackendTimeout, BackendUnavailable, Busy, OpsError
from ops.sharing import Shared

T = TypeVar("T")
Clock = Callable[[], float]

FAILURES = 3  # in a row, until a backend is left alone
PAUSE = 5.0  # seconds until it is tried again
AT_ONCE = 16  # calls; Prometheus itself works at 20 queries at a time
PATIENCE = 20 * timerange.SECOND  # for a turn


class Breaker:
    """Refuses calls to a backend that has not been answering, and says why and until when."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        # Words only: an exception would keep alive all that was at hand where it was raised, such
        # as a large answer, until the backend fails again.
        self._last: tuple[str, str] | None = None
        self._retry_at = 0.0
        self._probing = False

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Let one call through and learn from its outcome; raises BackendUnavailable.

        Only a backend that does not answer counts against it: a refused request is an answer,
        and a call that was cancelled tells nothing.
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
            again = f"in {math.ceil(wait)} s" if wait > 0 else "just now"
            raise BackendUnavailable(
                f"{sentence} (failed {self._failures} times in a row; tried again {again})",
                backend=backend,
            )

    def _admit(self) -> bool:
        """Return whether this call is the one that tries a failing backend again."""
        self.check()
        self._probing = self._failures >= FAILURES
        return self._probing

    def _failed(self, error: BackendUnavailable) -> None:
        self._failures += 1
        self._last = str(error), error.backend
        self._retry_at = self._clock() + PAUSE


class Calls:
    """The way to one backend, within one event loop.

    `kind` is its label in the metrics, `name` and `place` ("Jaeger of production at host:port")
    are for sentences, `timeout` is in nanoseconds, `patience` too: it is how long a call waits
    for its turn among `at_once`.
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
        """Return the answer to the read that `key` identifies, shared with whoever asks the same.

        Raises what the call raises, BackendTimeout, BackendUnavailable, or Busy.
        """
        return await self._shared.answer(key, lambda: self.once(call))

    async def once(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make one read that is nobody else's: in its turn, under the deadline and the breaker."""
        self._breaker.check()
        async with self._turn():
            with self._breaker.watch():
                return await self.write(call)

    async def write(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make one call under the deadline alone.

        A person's change is always tried, once: what earlier calls met does not refuse it.
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
                f"too many calls to {self.place} are waiting here; try again in a moment"
            ) from error
        try:
            yield
        finally:
            self._turns.release()

    def too_slow(self) -> BackendTimeout:
        """Return the sentence about a backend that did not answer in time."""
        return BackendTimeout(
            f"{self.place} did not answer within {timerange.format_duration(self.timeout)}; "
            "check that it runs, is not overloaded and can be reached from here",
            backend=self.name,
        )
