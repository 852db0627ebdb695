"""Times in answers, which Slack shows in the reader's time zone."""

from datetime import datetime

from bot.replies import When
from ops.vocabulary import timerange

_AGREEING = 5 * timerange.SECOND  # clocks may differ by this much


def when(nanoseconds: int) -> When:
    """Return `14:20:51 UTC`, with the date in front if it is not today."""
    return When(f"{clock(nanoseconds)} UTC", nanoseconds // timerange.SECOND)


def at(moment: datetime) -> When:
    """Return the same as `when`, for a datetime."""
    return when(int(moment.timestamp()) * timerange.SECOND)


def soon(moment: datetime) -> When:
    """Return `in 5 min, at 14:20:51 UTC`."""
    end = at(moment)
    left = moment.timestamp() * timerange.SECOND - timerange.now_ns()
    return When(f"in {lasting(int(left))}, at {end}", end.seconds, ago=True)


def past(nanoseconds: int, written: str = "") -> When:
    """Return a past moment, with how long ago it was.

    A moment in the future comes from another clock, or from before ours was set back. It gets
    no age, because Slack would show it as "in 59 minutes".
    """
    moment = when(nanoseconds)
    if nanoseconds > timerange.now_ns() + _AGREEING:
        return moment
    return When(written or moment, moment.seconds, ago=True)


def ago(moment: datetime) -> When:
    """Return `5 s ago`, `just now`."""
    nanoseconds = int(moment.timestamp() * timerange.SECOND)
    elapsed = timerange.now_ns() - nanoseconds
    return past(
        nanoseconds, f"{lasting(elapsed)} ago" if elapsed >= timerange.SECOND else "just now"
    )


def clock(nanoseconds: int) -> str:
    """Return `14:20:51` in UTC, with the date in front if it is not today."""
    moment = timerange.to_datetime(nanoseconds)
    today = timerange.to_datetime(timerange.now_ns()).date()
    return f"{moment:%H:%M:%S}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M:%S}"


def lasting(nanoseconds: int) -> str:
    """Return a duration in whole seconds."""
    seconds = max(nanoseconds // timerange.SECOND, 0)
    return timerange.format_duration(seconds * timerange.SECOND) if seconds else "0 s"
