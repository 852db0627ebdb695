"""How fast Slack lets us write, shared by all bot processes through the database.

Slack takes about one message a second and channel, some more in a short burst, and several
hundred a minute in a workspace; it publishes no exact figures. Each limit is the generic cell
rate algorithm: one moment is kept, before which the channel's share of messages is used up. It
goes on by `interval` with each message, and may lie so many intervals ahead of now.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import Error, IntegrityError
from django.utils import timezone

from bot.models import Pace
from bot.slack.refusals import LONGEST_PAUSE
from ops.database import in_database

SECONDS = 0.5  # that the database may take before a process paces itself alone
ALONE = 5.0  # seconds before it asks again
_CLAIMS = 20  # others may take a place before us
# A moment that is further ahead was kept before the clocks were put back: it binds nobody.
_FURTHEST = LONGEST_PAUSE + 600.0  # seconds
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """One message every `interval` seconds, so many at once when it was quiet before."""

    interval: float
    burst: int

    @property
    def ahead(self) -> float:
        """How far the kept moment may lie ahead, in seconds."""
        return (self.burst - 1) * self.interval


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast we write: into one channel, in all, and how fast we replace messages.

    Replacing is of Slack's third tier: fifty a minute and more. And for how many seconds an
    answer is offered to a Slack that takes nothing.
    """

    channel: Limit
    workspace: Limit
    replacing: Limit
    patience: float = 300.0


USUAL_LIMITS = Limits(
    channel=Limit(interval=1.05, burst=4),
    workspace=Limit(interval=0.2, burst=20),
    replacing=Limit(interval=1.2, burst=20),
)


class Pacer:
    """Gives messages their turn. `clock` returns seconds since 1970, the same in all processes."""

    def __init__(self, clock: Callable[[], float] = lambda: timezone.now().timestamp()) -> None:
        self.clock = clock
        self._own: dict[str, float] = {}
        self._alone_until = 0.0

    async def turn(self, key: str, limit: Limit) -> float:
        """Take the next place of a channel; returns in how many seconds it is."""
        now = self.clock()
        own = max(self._remembered(key, now), now)
        taken = await self._shared(key, own, limit.interval)
        self._own[key] = taken + limit.interval
        return max(taken - limit.ahead - now, 0.0)

    async def back_off(self, key: str, limit: Limit, seconds: float) -> None:
        """Let nobody write to a channel for so many seconds, and without a burst after it."""
        now = self.clock()
        until = now + seconds + limit.ahead
        await self._shared(key, until, 0.0)
        self._own[key] = max(self._remembered(key, now), until)

    def _remembered(self, key: str, now: float) -> float:
        own = self._own.get(key, now)
        return own if own <= now + _FURTHEST else now

    async def _shared(self, key: str, least: float, interval: float) -> float:
        """Return the kept moment, no earlier than `least`, and move it on by the interval."""
        if self.clock() < self._alone_until <= self.clock() + ALONE:
            return least
        try:
            async with asyncio.timeout(SECONDS):
                furthest = self.clock() + _FURTHEST
                return await in_database(_claim, key, least, interval, furthest)
        except (Error, TimeoutError) as error:
            log.warning("messages are paced by each process alone: %s", error or "no answer")
            self._alone_until = self.clock() + ALONE
            return least


def _claim(key: str, least: float, interval: float, furthest: float) -> float:
    """Compare and set, so that of several processes each gets a place of its own."""
    for _ in range(_CLAIMS):
        kept = Pace.objects.filter(key=key).first()
        taken = max(kept.until, least) if kept and kept.until <= furthest else least
        if kept is None:
            try:
                Pace.objects.create(key=key, until=taken + interval)
            except IntegrityError:
                continue
            return taken
        same = Pace.objects.filter(key=key, until=kept.until)
        if same.update(until=taken + interval):
            return taken
    return least
