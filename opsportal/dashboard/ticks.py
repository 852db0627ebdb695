"""The axis of a picture over time: round times in UTC and in the viewer's zone."""

from dataclasses import dataclass

from ops.vocabulary.timerange import DAY, HOUR, MINUTE, SECOND, to_datetime
from opsportal.dashboard.clock import Clock

MOST_TICKS = 5
_STEPS = (
    *(factor * 10**power for power in range(9) for factor in (1, 2, 5)),
    *(factor * unit for unit in (SECOND, MINUTE) for factor in (1, 2, 5, 10, 15, 30)),
    *(factor * HOUR for factor in (1, 2, 3, 6, 12)),
    *(factor * DAY * 10**power for power in range(5) for factor in (1, 2, 5)),
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A round time: its place, in UTC, and in the viewer's zone ("" if that is unknown)."""

    x: str
    utc: str
    here: str


def ticks(start: int, end: int, clock: Clock, first: float = 0.0) -> list[Tick]:
    """Return round times from start to end; none in the first part of the width, 0 to 1."""
    step = next((each for each in _STEPS if (end - start) // each < MOST_TICKS), _STEPS[-1])
    since = start + int((end - start) * first)
    moments = range(-(-since // step) * step, end + 1, step)
    return [
        Tick(
            x=f"{100 * (at - start) / max(end - start, 1):.2f}",
            utc=_utc(at, step, clock),
            here=_here(at, step, clock),
        )
        for at in moments
    ]


def _utc(at: int, step: int, clock: Clock) -> str:
    """Return `14:20`, as precise as the step; midnight is shown as the date."""
    moment = to_datetime(at)
    if step < SECOND:
        return f":{moment:%S}.{at % SECOND:09d}"[: 14 - len(str(step))]
    if step < MINUTE:
        return f"{moment:%H:%M:%S}"
    if at % DAY:
        return f"{moment:%H:%M}"
    year = "" if moment.year == to_datetime(clock.now).year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year}"


def _here(at: int, step: int, clock: Clock) -> str:
    if not clock.place:
        return ""
    moment = to_datetime(at).astimezone(clock.zone)
    return f"{moment:%H:%M:%S}" if SECOND <= step < MINUTE else f"{moment:%H:%M}"
