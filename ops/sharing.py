"""Identical reads are one: in flight together, or within a second of each other.

What no longer changes may be kept for longer.
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
YOUNG = 1.0  # seconds for which an answer is given again
MOST_YOUNG = 256
KNOWN = 60.0  # seconds for which an answer stands in for one that is still to come
LONGEST = 60.0  # seconds for which a read goes on that nobody may be waiting for
_NONE: Any = object()


@dataclass(slots=True)
class _Flight:
    """A read under way and how many wait for it."""

    task: asyncio.Task[Any]
    waiters: int = 0


async def asked_once(
    cache: MutableMapping[K, asyncio.Task[T]], key: K, ask: Callable[[], Coroutine[Any, Any, T]]
) -> T:
    """Return the answer that the cache holds for the key, else ask the database for it.

    The cache holds tasks, so that those who ask at once ask once, and an answer's age counts
    from before the question. A question that the database could not answer is asked again.
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
    """What is kept, its bytes and for how many seconds."""

    answer: Any
    size: int
    seconds: float


class Kept:
    """Answers that no longer change, `most` bytes of them together, each for some `seconds`."""

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
        """How many bytes all that is kept has."""
        return int(self._answers.currsize)

    def get(self, key: Hashable) -> Any:
        """Return what is kept under the key, None when nothing is."""
        kept = self._answers.get(key)
        return kept.answer if kept else None

    def keep(self, key: Hashable, answer: object, size: int, seconds: float = 0) -> None:
        """Keep an answer of so many bytes; what is larger than all that may be kept is not.

        With `seconds` it is kept for these instead.
        """
        if size <= self._answers.maxsize:
            kept = _Answer(answer, size, seconds or self._seconds)
            self._answers[key] = kept
            # Its memory must not stay until the next answer happens to push it out.
            forgotten = kept.seconds * 1.1
            asyncio.get_running_loop().call_later(forgotten, self._answers.expire)
            if size >= LARGE:
                give_back_after(forgotten)


class Shared:
    """Reads of one event loop, each identified by a key.

    A read ends when its last waiter leaves; one waiter's cancellation ends only its own waiting.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._flights: dict[Hashable, _Flight] = {}
        self._young: TTLCache[Hashable, Any] = TTLCache(MOST_YOUNG, YOUNG, clock)
        watched("young answers", self._young)
        _shared.add(self)

    @property
    def under_way(self) -> int:
        """How many reads have not answered yet."""
        return len(self._flights)

    async def answer(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return what `read` returns, to all who ask with the same key; raises what it raises."""
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

    async def _fly(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        answer = await read()
        self._young[key] = answer
        # Large answers must not stay until the next read happens to push them out.
        asyncio.get_running_loop().call_later(YOUNG * 1.1, self._young.expire)
        return answer

    def _forget(self, key: Hashable, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What there is by the time that one waits: the answer, the error, or neither yet.

    `fresh` is False of what is still to come, and of an answer that stands in for it.
    """

    answer: T | None = None
    error: OpsError | None = None
    fresh: bool = True


class Lasting:
    """Reads that go on when those who asked wait no longer, for when they ask again."""

    def __init__(self, reads: Shared, clock: Callable[[], float] = time.monotonic) -> None:
        self._reads = reads
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}
        self._known: TTLCache[Hashable, Any] = TTLCache(MOST_YOUNG, KNOWN, clock)

    async def answer(
        self, key: Hashable, read: Callable[[], Awaitable[T]], patience: float
    ) -> Known[T]:
        """Return what `read` returns, or the OpsError that it raises.

        After `patience` seconds return what there is. The same key means the same read.
        """
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(self._go_on(key, read))
            task.add_done_callback(lambda _: self._tasks.pop(key, None))
        done, _ = await asyncio.wait([task], timeout=patience)
        if done:
            known: Known[T] = task.result()
            return known
        older: T | None = self._known.get(key)
        return Known(older, fresh=False)

    async def _go_on(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> Known[T]:
        try:
            async with asyncio.timeout(LONGEST):
                answer = await self._reads.answer(key, read)
        except OpsError as error:
            return Known(error=error)
        except TimeoutError:
            words = f"given up after {LONGEST:g} s; try again"
            return Known(error=BackendTimeout(words, backend="OpsPortal"))
        self._known[key] = answer
        asyncio.get_running_loop().call_later(KNOWN * 1.1, self._known.expire)
        return Known(answer)

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


_kept: WeakSet[Kept] = WeakSet()
_shared: WeakSet[Shared] = WeakSet()
metrics.kept_bytes.set_function(lambda: sum(each.size for each in _kept))
metrics.reads_under_way.set_function(lambda: sum(each.under_way for each in _shared))
