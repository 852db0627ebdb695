"""The end of a timed change, as pages show it when it is time."""

from dataclasses import dataclass
from typing import Self

from ops.sampling.actions import SamplingChange
from ops.sampling.ending import warn_at
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy


@dataclass(frozen=True, slots=True)
class ShownEnding:
    """The end of a timed change: the browser shows it from `start` to `end` (Unix nanoseconds)."""

    service: str
    revision: int
    then: Policy | None
    start: int
    end: int
    is_due: bool

    @classmethod
    def of(cls, change: SamplingChange | None, now: int) -> Self | None:
        """Return the end of a change in force, None if it has none."""
        if change is None or change.until is None:
            return None
        since, end = map(timerange.from_datetime, (change.at, change.until))
        start = warn_at(since, end)
        return cls(change.service, change.revision, change.then, start, end, start <= now < end)
