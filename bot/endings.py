"""What ends, so that its end is announced: timed changes of sampling, and silences.

Nothing is remembered here: each kind says what has become of those with some numbers.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.answers import endings as answers
from bot.replies import Ends, Reply
from ops.actor import OPSPORTAL
from ops.sampling import actions as sampling
from ops.sampling.ending import SETTLED, Ending, warn_at
from ops.silences import actions as silences
from ops.silences.actions import SilenceEnding
from ops.vocabulary import timerange

SAME = timedelta(seconds=1)  # Alertmanager keeps milliseconds


@dataclass(frozen=True, slots=True)
class Announced:
    """An end, and what to say of it: `warning` from `warn_at` on, `ended` once it `is_over`.

    If it `waits`, what follows is not in force everywhere yet, so that `ended` can change.
    """

    warn_at: datetime
    until: datetime
    is_over: bool
    warning: Callable[[], Reply]
    ended: Callable[[], Reply]
    waits: bool = False


class Kind(Protocol):
    """A kind of what ends."""

    async def found(self, numbers: Collection[int], now: datetime) -> Mapping[int, Announced]:
        """Return what has become of those with these numbers, without those that are gone."""

    async def moved(self, due: Mapping[int, datetime], now: datetime) -> Collection[int]:
        """Return those that have ended before their time, or end at another one.

        `due` says when each is to be looked at next.
        """


class SamplingEnds:
    """Timed changes of sampling; a longer one is another change."""

    async def found(self, numbers: Collection[int], now: datetime) -> Mapping[int, Announced]:
        found = await sampling.endings(OPSPORTAL, revisions=numbers)
        return {
            number: _of_sampling(each, each.change.until, now)
            for number, each in found.items()
            if each.change.until
        }

    async def moved(self, due: Mapping[int, datetime], now: datetime) -> Collection[int]:
        return await sampling.superseded(OPSPORTAL, revisions=due)


class SilenceEnds:
    """Silences that were made here; their end can be moved, at any door and elsewhere."""

    async def found(self, numbers: Collection[int], now: datetime) -> Mapping[int, Announced]:
        found = await silences.endings(OPSPORTAL, numbers=numbers)
        return {number: _of_silence(each) for number, each in found.items()}

    async def moved(self, due: Mapping[int, datetime], now: datetime) -> Collection[int]:
        found = await self.found(due, now)
        return [number for number, each in found.items() if _has_moved(each, due[number])]


KINDS: Mapping[Ends, Kind] = {Ends.SAMPLING: SamplingEnds(), Ends.SILENCE: SilenceEnds()}


def _of_sampling(ending: Ending, until: datetime, now: datetime) -> Announced:
    start, end = map(timerange.from_datetime, (ending.change.at, until))
    settled = ending.successor is not None or ending.is_settled or now >= until + SETTLED
    return Announced(
        warn_at=timerange.to_datetime(warn_at(start, end)),
        until=until,
        is_over=ending.is_over(now),
        warning=lambda: answers.warning(ending.change),
        ended=lambda: answers.ended(ending),
        waits=not settled,
    )


def _of_silence(ending: SilenceEnding) -> Announced:
    return Announced(
        warn_at=timerange.to_datetime(ending.warn_at),
        until=timerange.to_datetime(ending.until),
        is_over=ending.is_over,
        warning=lambda: answers.silence_warning(ending),
        ended=lambda: answers.silence_ended(ending),
    )


def _has_moved(ending: Announced, due: datetime) -> bool:
    return ending.is_over or all(abs(due - at) > SAME for at in (ending.warn_at, ending.until))
