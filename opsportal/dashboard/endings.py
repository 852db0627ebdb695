"""The end of a timed change or a silence, as pages show it when it is time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ops.sampling.actions import SamplingChange
from ops.sampling.ending import warn_at
from ops.silences.actions import SilenceEnding
from ops.vocabulary import timerange
from opsportal.dashboard import words


@dataclass(frozen=True, slots=True)
class ShownEnding:
    """Something that ends: the browser shows it from `start` to `end` (Unix nanoseconds).

    `what` comes before the time. The button `more` posts `fields` to a page. `section` shows it
    itself, if it has one.
    """

    what: str
    more: str
    page: str
    fields: Mapping[str, str | int]
    start: int
    end: int
    is_due: bool
    section: str = ""

    @classmethod
    def of_change(cls, change: SamplingChange | None, now: int) -> Self | None:
        """Return the end of a change in force, None if it has none."""
        if change is None or change.until is None:
            return None
        since, end = map(timerange.from_datetime, (change.at, change.until))
        start = warn_at(since, end)
        return cls(
            what=f"{change.service} returns to {change.then}",
            more="15 minutes more",
            page="sampling-longer",
            fields={"service": change.service, "revision": change.revision},
            start=start,
            end=end,
            is_due=start <= now < end,
            section="sampling",
        )

    @classmethod
    def of_silence(cls, silence: SilenceEnding, now: int) -> Self:
        """Return the end of a silence."""
        idle = ", which matches no alert now," if silence.alerts == 0 else ""
        return cls(
            what=f"Your silence of {words.name(silence.what)}{idle} ends",
            more="1 hour more",
            page="alerts-silence-change",
            fields={"key": silence.key, "longer": silence.until},
            start=silence.warn_at,
            end=silence.until,
            is_due=silence.warn_at <= now < silence.until,
        )
