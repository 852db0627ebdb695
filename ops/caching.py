"""Share identical reads: those in flight together, or within a second of each other.

Answers that no longer change can be cached for longer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, MutableMapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from cachetools import TLRUCache, TTLCache
from django.db import DatabaseError

from ops import metrics
from ops.errors import BackendTimeout, OpsError
from ops.memory import LARGE, give_back_after
from ops.metrics import watched

K = TypeVar("K")
T = TypeVar("T")
YOUNG = 1.0  # seconds for which an answer is reused
MOST_YOUNG = 256
KNOWN = 60.0  # seconds for which an old answer can stand in for one that is on its way
LONGEST = 60.0  # seconds after which a read that outlives its callers is cancelled
_NONE: Any = object()


@dataclass(slots=True)
class _Flight:
    """A read in flight and the number of callers waiting for it."""

    task: asyncio.Task[Any]
    waiters: int = 0


async def asked_once(
    cache: MutableMapping[K, asyncio.Future[T]], key: K, ask: Callable[[], Coroutine[Any, Any, T]]
) -> T:
    """Return the cached answer for the key, or ask the database for it.

    The cache holds tasks, so that simultaneous callers ask only once. An answer's age counts
    from before the query. A query that the database could not answer is sent again.
    """
    asked = cache.get(key)
    if asked is None:
        asked = cache[key] = asyncio.create_task(ask())
    try:
        return asked.result() if asked.done() else await asyncio.shield(asked)
    except DatabaseError:
        cache.pop(key, None)
        raise


@dataclass(frozen=True, slots=True)
class _Answer:
    """A cached answer, its size in bytes, and for how many seconds it is cached."""

    answer: Any
    size: int
    seconds: float


class Kept:
    """A cache of answers that no longer change: `most` bytes in total, each for `seconds`."""

    def __init__(
        self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._answers: TLRUCache[Hashable, _Answer] = TLRUCache(
            most, lambda _, kept, now: now + kept.seconds, clock, getsizeof=lambda kept: kept.size
        )
        watched("answers", self._answers)
        _kept.add(self)

    @property
    def size(self) -> int:
        """The total size of all cached answers, in bytes."""
        return int(self._answers.currsize)

    def get(self, key: Hashable) -> Any:
        """Return the answer cached under the key, or None."""
        kept = self._answers.get(key)
        return kept.answer if kept else None

    def keep(self, key: Hashable, answer: object, size: int, seconds: float = 0) -> None:
        """Cache an answer of `size` bytes, unless it is larger than the whole cache.

        `seconds` overrides the cache's own lifetime.
        """
        if size <= self._answers.maxsize:
            kept = _Answer(answer, size, seconds or self._seconds)
            self._answers[key] = kept
            # Free its memory on time; otherwise it stays until another answer pushes it out.
            forgotten = kept.seconds * 1.1
            asyncio.get_running_loop().call_later(forgotten, self._answers.expire)
            if size >= LARGE:
                give_back_after(forgotten)


class Shared:
    """Shared reads within one event loop, each identified by a key.

    A read is cancelled when its last waiter leaves. Cancelling one waiter affects only that one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._flights: dict[Hashable, _Flight] = {}
        self._young: TTLCache[Hashable, Any] = TTLCache(MOST_YOUNG, YOUNG, clock)
        watched("young answers", self._young)
        _shared.add(self)

    @property
    def under_way(self) -> int:
        """The number of reads in flight."""
        return len(self._flights)

    async def answer(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return what `read` returns, shared by all callers with the same key."""
        young: T = self._young.get(key, _NONE)
        if young is not _NONE:
            return young
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(self._fly(key, read)))
            flight.task.add_done_callback(lambda _: self._forget(key, flight))
        flight.waiters += 1
        try:
            answer: T = await asyncio.shield(flight.task)
            return answer
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                self._forget(key, flight)
                flight.task.cancel()

    def renew(self) -> None:
        """Answer nobody with what was read before now: there is news."""
        self._young.clear()
        self._flights.clear()

    async def _fly(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        answer = await read()
        self._young[key] = answer
        # Free large answers on time; otherwise they stay until another read pushes them out.
        asyncio.get_running_loop().call_later(YOUNG * 1.1, self._young.expire)
        return answer

    def _forget(self, key: Hashable, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What is known once the waiting time is over: an answer, an error, or neither yet.

    `fresh` is False if the answer is still on its way, also if an old one stands in for it.
    """

    answer: T | None = None
    error: OpsError | None = None
    fresh: bool = True


class Lasting:
    """Reads that continue after their callers stop waiting, for when they ask again."""

    def __init__(self, reads: Shared, clock: Callable[[], float] = time.monotonic) -> None:
        self._reads = reads
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}
        self._clock = clock
        self._known: TTLCache[Hashable, tuple[Any, float]] = TTLCache(MOST_YOUNG, KNOWN, clock)

    async def answer(
        self, key: Hashable, read: Callable[[], Awaitable[T]], patience: float, age: float = 0.0
    ) -> Known[T]:
        """Return what `read` returns, or the OpsError that it raises.

        After `patience` seconds, return what is known so far; an answer that is at most `age`
        seconds old is returned at once. The same key means the same read.
        """
        known, at = self._known.get(key, (None, 0.0))
        if known is not None and self._clock() - at < age:
            return Known(known)
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(self._go_on(key, read))
            task.add_done_callback(lambda _: self._tasks.pop(key, None))
        done, _ = await asyncio.wait([task], timeout=patience)
        if done:
            found: Known[T] = task.result()
            return found
        older, _ = self._known.get(key, (None, 0.0))
        return Known(older, fresh=False)

    async def _go_on(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> Known[T]:
        try:
            async with asyncio.timeout(LONGEST):
                answer = await self._reads.answer(key, read)
        except OpsError as error:
            return Known(error=error)
        except TimeoutError:
            words = f"no answer within {LONGEST:g} s; try again"
            return Known(error=BackendTimeout(words, backend="OpsPortal"))
        self._known[key] = answer, self._clock()
        asyncio.get_running_loop().call_later(KNOWN * 1.1, self._known.expire)
        return Known(answer)

    async def close(self) -> None:
        """Cancel the reads in flight."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


_kept: WeakSet[Kept] = WeakSet()
_shared: WeakSet[Shared] = WeakSet()
metrics.kept_bytes.set_function(lambda: sum(each.size for each in _kept))
metrics.reads_under_way.set_function(lambda: sum(each.under_way for each in _shared))
