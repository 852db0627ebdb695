"""The picture of a site: the newest answer of each source, and its age.

The watcher's process has it in memory; other processes read it from Redis as compressed JSON.
Readers use a picture that is younger than three polls, and ask the sources themselves otherwise.

    watcher ──publish──> memory of its process ──newest──> its pages, calls, bot
                └──────> Redis ─────────────────newest──> those of other processes
"""

import asyncio
import logging
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec
import redis
from django.conf import settings

from ops.caching import Shared
from ops.vocabulary import timerange
from ops.watch.packing import Packing
from ops.watch.shared import SharedPictures, Stored

A = TypeVar("A")
YOUNG = 3  # polls
AWAY = 5.0  # seconds for which a Redis that did not answer is not asked again
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SourceAnswer(Generic[A]):
    """The newest answer of a source, None if it never answered. Times are Unix nanoseconds.

    `at` is when it answered. `error` says why the newest poll failed, "" if it did not; it fails
    since `failing_since`. `took` is how long the newest poll took, in nanoseconds.
    """

    answer: A | None = None
    at: int = 0
    error: str = ""
    failing_since: int = 0
    took: int = 0

    def is_young(self, now: int) -> bool:
        """Return whether the answer is younger than three polls."""
        return self.answer is not None and abs(now - self.at) < young_ns()


@dataclass(frozen=True, slots=True)
class Picture(Generic[A]):
    """What is known of one subject of a site. `number` grows with each poll of an epoch.

    `at` is when the watcher last looked, Unix nanoseconds.
    """

    site: str
    subject: str
    epoch: int
    number: int
    at: int
    sources: Mapping[str, SourceAnswer[A]]


def young_ns() -> int:
    """Return for how many nanoseconds a picture is young."""
    return round(YOUNG * settings.POLL_SECONDS * timerange.SECOND)


class Pictures:
    """The pictures that this process knows."""

    def __init__(self) -> None:
        self._own: dict[tuple[str, str], Picture[Any]] = {}
        self._read: dict[tuple[str, str], Picture[Any]] = {}
        self._looks: Counter[tuple[str, str]] = Counter()
        self._redis_away_until = 0.0
        self._packing: dict[tuple[str, str], Packing] = defaultdict(Packing)
        self._unpacking: dict[tuple[str, str], Packing] = defaultdict(Packing)

    def publish(self, picture: Picture[A]) -> None:
        """Make a picture the newest of this process; see `share` for the others."""
        self._own[picture.site, picture.subject] = picture

    def forget(self, site: str, subject: str, epoch: int) -> None:
        """Forget the picture of a site that this process no longer watches in this epoch."""
        own = self._own.get((site, subject))
        if own is not None and own.epoch == epoch:
            del self._own[site, subject]
            self._packing.pop((site, subject), None)

    def share(self, picture: Picture[A]) -> bool:
        """Write a picture for the other processes; False if a later watcher wrote one.

        Blocks; call it in a thread. Without Redis it does nothing.
        """
        shared = _shared()
        if shared is None:
            return True
        packing = self._packing[picture.site, picture.subject]
        stored = Stored(picture.epoch, picture.number, picture.at, packing.pack(picture))
        return shared.write(picture.site, picture.subject, stored, keep_ms=young_ns() // 1_000_000)

    async def newest(self, site: str, subject: str, answer: type[A]) -> Picture[A] | None:
        """Return the newest picture if it is young, else None; `answer` is its answers' type."""
        own = self._own.get((site, subject))
        if own is None or not _is_young(own):
            key = ("picture", site, subject, self._looks[site, subject])
            own = await _reads().answer(key, lambda: self._from_redis(site, subject, answer))
        return own if own is not None and _is_young(own) else None

    def seen_at(self, site: str, subject: str) -> int:
        """Return when the watcher looked that answers are from (Unix ns), 0 if none are young."""
        known = self._own.get((site, subject)) or self._read.get((site, subject))
        return known.at if known and _is_young(known) else 0

    def look_again(self, site: str, subject: str) -> None:
        """Read this picture anew, however young it is."""
        self._looks[site, subject] += 1

    async def _from_redis(self, site: str, subject: str, answer: type[A]) -> Picture[A] | None:
        if not settings.REDIS_URL or time.monotonic() < self._redis_away_until:
            return None
        return await asyncio.to_thread(self._fetched, site, subject, answer)

    def _fetched(self, site: str, subject: str, answer: type[A]) -> Picture[A] | None:
        shared, known = _shared(), self._read.get((site, subject))
        try:
            if shared is None or (head := shared.head(site, subject)) is None:
                return None
            if known is None or (known.epoch, known.number) != (head.epoch, head.number):
                stored = shared.read(site, subject)
                if stored is None:
                    return None
                unpacking = self._unpacking[site, subject]
                kind: Any = Picture
                known = unpacking.unpack(stored.body, kind[answer], answer)
        except (redis.RedisError, msgspec.DecodeError, zlib.error) as why:
            log.warning("cannot read what is watched from Redis: %s", why)
            self._redis_away_until = time.monotonic() + AWAY
            return None
        known = self._read[site, subject] = replace(known, at=max(known.at, head.at))
        return known

    def clear(self) -> None:
        """Forget everything, as a new process has."""
        self._own.clear()
        self._read.clear()
        self._redis_away_until = 0.0


pictures = Pictures()
_reads_of: dict[asyncio.AbstractEventLoop, Shared] = {}


def _reads() -> Shared:
    loop = asyncio.get_running_loop()
    if loop not in _reads_of:
        _reads_of.clear()  # a process has one loop at a time
        _reads_of[loop] = Shared()
    return _reads_of[loop]


def _is_young(picture: Picture[Any]) -> bool:
    # A clock that was set back must not make an old picture young.
    return abs(timerange.now_ns() - picture.at) < young_ns()


@lru_cache(maxsize=1)
def _open(url: str) -> SharedPictures:
    return SharedPictures(url)


def _shared() -> SharedPictures | None:
    return _open(settings.REDIS_URL) if settings.REDIS_URL else None
