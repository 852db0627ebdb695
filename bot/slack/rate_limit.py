"""Slack's rate limits, shared by all bot processes through the database.

Slack accepts about one message per second in a channel, somewhat more in a short burst, and
several hundred per minute in a workspace; it publishes no exact figures. Each limit is a generic
cell rate algorithm (GCRA): it stores one time, until which the channel's share is used up. Each
message moves it on by `interval`; it may be at most `burst - 1` intervals ahead of now. With an
interval of 1 s and a burst of 3:

    now        12:00:00  12:00:00  12:00:00  12:00:00  12:00:00
    stored     -         12:00:01  12:00:02  12:00:03  12:00:04
    message    1         2         3         4         5
    wait       0 s       0 s       0 s       1 s       2 s

One number in one row is enough for all processes: each takes a place by compare and set, then
waits on its own. Nobody holds a lock while waiting, and a killed process leaves one unused place.
"""

import asyncio
import logging
from dataclasses import dataclass

from django.db import Error, IntegrityError

from bot.models import Pace
from bot.slack.api_errors import LONGEST_PAUSE
from bot.slack.clock import SYSTEM_CLOCK, Clock
from bot.slack.deadlines import USUAL_DEADLINES, Deadlines
from ops.database import in_database

ALONE = 5.0  # seconds until the database is asked again
_CLAIMS = 20  # attempts: other processes may claim a place first
# A stored time further ahead dates from before the clocks were set back, and is ignored.
_FURTHEST = LONGEST_PAUSE + 600.0  # seconds
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """One message every `interval` seconds, or `burst` at once after a quiet time."""

    interval: float
    burst: int

    @property
    def ahead(self) -> float:
        """How far ahead of now the stored time may be, in seconds."""
        return (self.burst - 1) * self.interval


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits for writing to one channel, to the workspace, and for replacing messages.

    Replacing is in Slack's third tier: at least fifty per minute. `patience` is for how many
    seconds to retry an answer while Slack accepts nothing. What nobody asked for, in subscribed
    channels, leaves room for answers: no bursts, and no more than forty edits a minute.
    """

    channel: Limit
    workspace: Limit
    replacing: Limit
    patience: float = 300.0
    news: Limit = Limit(interval=1.05, burst=1)
    news_edits: Limit = Limit(interval=1.55, burst=1)


USUAL_LIMITS = Limits(
    channel=Limit(interval=1.05, burst=4),
    workspace=Limit(interval=0.2, burst=20),
    replacing=Limit(interval=1.2, burst=20),
)


class RateLimiter:
    """Give each message its turn."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK, deadlines: Deadlines = USUAL_DEADLINES) -> None:
        self.clock = clock
        self.deadlines = deadlines
        self._own: dict[str, float] = {}
        self._alone_until = 0.0

    async def reserve(self, key: str, limit: Limit) -> float:
        """Take the next place in a channel; returns the seconds to wait for it."""
        now = self.clock.wall()
        # Our own memory counts too, in case the database was away when we took our last places.
        own = max(self._remembered(key, now), now)
        taken = await self._shared(key, own, limit.interval)
        self._own[key] = taken + limit.interval
        return max(taken - limit.ahead - now, 0.0)

    async def back_off(self, key: str, limit: Limit, seconds: float) -> None:
        """Stop all writing to a channel for these seconds, with no burst afterwards."""
        now = self.clock.wall()
        until = now + seconds + limit.ahead  # `reserve` subtracts `ahead`, so it is added here
        await self._shared(key, until, 0.0)
        self._own[key] = max(self._remembered(key, now), until)

    def _remembered(self, key: str, now: float) -> float:
        own = self._own.get(key, now)
        return own if own <= now + _FURTHEST else now

    async def _shared(self, key: str, least: float, interval: float) -> float:
        """Return the stored time, at least `least`, and move it on by the interval."""
        # The second comparison holds unless the clock was set back: then ask again at once.
        if self.clock.wall() < self._alone_until <= self.clock.wall() + ALONE:
            return least
        try:
            async with asyncio.timeout(self.deadlines.limits):
                furthest = self.clock.wall() + _FURTHEST
                return await in_database(_claim, key, least, interval, furthest)
        except (Error, TimeoutError) as error:
            log.warning("each process paces its messages alone: %s", error or "no answer")
            self._alone_until = self.clock.wall() + ALONE
            return least


def _claim(key: str, least: float, interval: float, furthest: float) -> float:
    """Compare and set, so that each process gets its own place."""
    for _ in range(_CLAIMS):
        kept = Pace.objects.filter(key=key).first()
        taken = max(kept.until, least) if kept and kept.until <= furthest else least
        if kept is None:
            try:
                Pace.objects.create(key=key, until=taken + interval)
            except IntegrityError:  # another process created the row just now
                continue
            return taken
        same = Pace.objects.filter(key=key, until=kept.until)
        if same.update(until=taken + interval):
            return taken
    return least  # so many compete that Slack will say how long to wait
