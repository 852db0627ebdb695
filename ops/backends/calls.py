"""What every call to a backend goes through.

A call has a deadline. Identical reads are shared (see ops.sharing), so that a backend's load
does not grow with the number of people who watch. After a few failures in a row a backend is
left alone for a while, then tried with one call: people get the reason at once instead of
waiting for it.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ops import metrics, timerange
from ops.errors import BackendTimeout, BackendUnavailable, OpsError
from ops.sharing import Shared

T = TypeVar("T")
Clock = Callable[[], float]

FAILURES = 3  # in a row, until a backend is left alone
PAUSE = 5.0  # seconds until it is tried again


class Breaker:
    """Refuses calls to a backend that has not been answering, and says why and until when."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._last: BackendUnavailable | None = None
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

    def _admit(self) -> bool:
        """Return whether this call is the one that tries a failing backend again."""
        if self._failures < FAILURES or self._last is None:
            return False
        wait = self._retry_at - self._clock()
        if wait > 0 or self._probing:
            again = f"in {math.ceil(wait)} s" if wait > 0 else "just now"
            raise BackendUnavailable(
                f"{self._last} (failed {self._failures} times in a row; tried again {again})",
                backend=self._last.backend,
            )
        self._probing = True
        return True

    def _failed(self, error: BackendUnavailable) -> None:
        self._failures += 1
        self._last = error
        self._retry_at = self._clock() + PAUSE


class Calls:
    """The way to one backend, within one event loop.

    `kind` is its label in the metrics, `name` and `place` ("Jaeger of production at host:port")
    are for sentences, `timeout` is in nanoseconds.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        place: str,
        timeout: int,
        clock: Clock = time.monotonic,
    ) -> None:
        self.kind = kind
        self.name = name
        self.place = place
        self.timeout = timeout
        self._breaker = Breaker(clock)
        self._shared = Shared(clock)

    async def read(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to the read that `key` identifies, shared with whoever asks the same.

        Raises what the call raises, BackendTimeout, or BackendUnavailable.
        """
        return await self._shared.answer(key, lambda: self.once(call))

    async def once(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make one call that is nobody else's: under the deadline and the breaker."""
        with self._breaker.watch(), metrics.backend_call(self.kind):
            try:
                async with asyncio.timeout(self.timeout / timerange.SECOND) as limit:
                    return await call()
            except TimeoutError as error:
                if not limit.expired():
                    raise
                raise self.too_slow() from error

    def too_slow(self) -> BackendTimeout:
        """Return the sentence about a backend that did not answer in time."""
        return BackendTimeout(
            f"{self.place} did not answer within {timerange.format_duration(self.timeout)}; "
            "check that it runs, is not overloaded and can be reached from here",
            backend=self.name,
        )
