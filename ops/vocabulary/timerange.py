"""The notation for times and durations that all doors share.

A moment is written as ISO 8601 (`2026-11-24T14:20:51Z`, with or without an offset, UTC by
default, up to nine fractional digits), `MM/DD/YYYY-hh:mm:ss`, `now`, `now-15m`, `now+5s`, or
a number since 1970 in seconds, milliseconds, microseconds or nanoseconds, recognized by its
size. A duration is written as `1h30m`, `1.5s`, `100ms`, `500us`, `20ns`, `2d`, `1w`.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from ops.errors import InvalidInput

NANOSECOND = 1
MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = {
    "w": 7 * DAY,
    "d": DAY,
    "h": HOUR,
    "m": MINUTE,
    "s": SECOND,
    "ms": MILLISECOND,
    "us": MICROSECOND,
    "\N{MICRO SIGN}s": MICROSECOND,
    "\N{GREEK SMALL LETTER MU}s": MICROSECOND,
    "ns": NANOSECOND,
}
_PART = re.compile(
    rf"(\d{{1,18}})(?:\.(\d{{1,18}}))?({'|'.join(sorted(_UNITS, key=len)[::-1])})", re.ASCII
)
_RELATIVE = re.compile(r"now(?:([+-])(\S+))?", re.IGNORECASE)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})-(\d{1,2}):(\d{2}):(\d{2})", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?"
    r"\s*([Zz]|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_LARGEST = 2**63 - 1  # the largest int64: nanoseconds up to the year 2262

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # written without an offset
FORMS_OF_A_MOMENT = (
    "ISO 8601 (2026-11-24T14:20:51Z), now, now-15m, now+5s, MM/DD/YYYY-hh:mm:ss or a Unix time"
)
FORMS_OF_A_DURATION = "a number with its unit (w, d, h, m, s, ms, us, ns), such as 1h30m or 100ms"


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, absolute (Unix nanoseconds) or relative to now (nanoseconds)."""

    nanoseconds: int
    relative: bool = False

    def at(self, now: int) -> int:
        """Return Unix nanoseconds; `now` is the current time in the same unit."""
        return now + self.nanoseconds if self.relative else self.nanoseconds

    def earlier(self, nanoseconds: int) -> "Moment":
        """Return the moment that much earlier, or the earliest one that can be written."""
        earliest = -_LARGEST if self.relative else 0
        return Moment(max(self.nanoseconds - nanoseconds, earliest), self.relative)

    def __str__(self) -> str:
        if not self.relative:
            return format_moment(self.nanoseconds)
        if self.nanoseconds == 0:
            return "now"
        sign = "-" if self.nanoseconds < 0 else "+"
        return f"now{sign}{format_exact(abs(self.nanoseconds))}"


NOW = Moment(0, relative=True)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From one moment to another; `start_end` resolves both against the same `now`."""

    start: Moment
    end: Moment = NOW

    @classmethod
    def last(cls, nanoseconds: int) -> "TimeRange":
        """Return the range of that length that ends now."""
        return cls(Moment(-nanoseconds, relative=True), NOW)

    def start_end(self, now: int | None = None) -> tuple[int, int]:
        """Return start and end in Unix nanoseconds, clamped to the years 1970 to 2262.

        Raises InvalidInput if the start is not before the end.
        """
        present = now_ns() if now is None else now
        start = max(self.start.at(present), 0)
        end = min(self.end.at(present), _LARGEST)
        if start >= end:
            raise InvalidInput(
                f"the time range starts at {format_moment(start)}, which is not before its end, "
                f"{format_moment(end)}"
            )
        return start, end


def now_ns() -> int:
    """Return the current time in Unix nanoseconds."""
    return time.time_ns()


def parse_duration(text: str) -> int:
    """Return exact nanoseconds; raises InvalidInput for anything but a positive duration."""
    position, total = 0, 0
    stripped = text.strip()
    while position < len(stripped) and (part := _PART.match(stripped, position)):
        unit = _UNITS[part[3]]
        total += int(part[1]) * unit
        if part[2]:
            total += int(part[2]) * unit // 10 ** len(part[2])
        position = part.end()
    if position != len(stripped) or total == 0 or total > _LARGEST:
        raise InvalidInput(f'"{text[:80]}" is not a duration: write {FORMS_OF_A_DURATION}')
    return total


def parse_moment(text: str) -> Moment:
    """Return the moment that the string names; raises InvalidInput with the accepted forms."""
    stripped = text.strip()
    if relative := _RELATIVE.fullmatch(stripped):
        if not relative[1]:
            return NOW
        distance = parse_duration(relative[2])
        return Moment(-distance if relative[1] == "-" else distance, relative=True)
    try:
        if stripped.isascii() and stripped.isdigit():
            return Moment(_from_digits(stripped))
        if slashed := _SLASHED.fullmatch(stripped):
            month, day, year, hour, minute, second = (int(group) for group in slashed.groups())
            whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
            return Moment(_in_bounds(_epoch(whole)))
        if iso := _ISO.fullmatch(stripped):
            return Moment(_from_iso(iso))
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(f'"{text[:80]}" is not a time: write {FORMS_OF_A_MOMENT}')


def _from_digits(digits: str) -> int:
    """Recognize the unit of a Unix time by its size; smaller units start in the year 1973."""
    number = int(digits)
    for limit, unit in ((10**11, SECOND), (10**14, MILLISECOND), (10**17, MICROSECOND)):
        if number < limit:
            return _in_bounds(number * unit)
    return _in_bounds(number)


def _from_iso(match: re.Match[str]) -> int:
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    zone = UTC
    if offset and offset not in "Zz":
        minutes = int(offset[1:3]) * 60 + int(offset[-2:])
        zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
    whole = datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
        tzinfo=zone,
    )  # fmt: skip
    return _in_bounds(_epoch(whole) + int((fraction or "").ljust(9, "0")))


def _epoch(whole_second: datetime) -> int:
    return int(whole_second.timestamp()) * SECOND


def _in_bounds(nanoseconds: int) -> int:
    if not 0 <= nanoseconds <= _LARGEST:
        raise ValueError("outside of what int64 nanoseconds since 1970 can hold")
    return nanoseconds


def format_moment(nanoseconds: int) -> str:
    """Write Unix nanoseconds as ISO 8601 in UTC, exact: `2026-11-24T14:20:51.204Z`."""
    seconds, fraction = divmod(nanoseconds, SECOND)
    whole = _EPOCH + timedelta(seconds=seconds)
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{whole.isoformat()}{digits}Z"


def format_exact(nanoseconds: int) -> str:
    """Write a duration so that `parse_duration` reads it back: `1h30m`, `1s500ms`."""
    parts = []
    rest = nanoseconds
    for unit in ("d", "h", "m", "s", "ms", "us", "ns"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0ns"


def format_duration(nanoseconds: int) -> str:
    """Write a duration for display, three digits at most: `1.24 s`, `44 ms`, `2 h 5 min`."""
    if nanoseconds < 0:
        return f"-{format_duration(-nanoseconds)}"
    for unit, size in (("ns", 1), ("µs", MICROSECOND), ("ms", MILLISECOND), ("s", SECOND)):
        value = nanoseconds / size
        if value < 999.5 and (unit != "s" or value < 59.95):
            places = 0 if unit == "ns" or value >= 99.5 else 1 if value >= 9.995 else 2
            text = f"{value:.{places}f}"
            return f"{text.rstrip('0').rstrip('.') if places else text} {unit}"
    minutes = round(nanoseconds / MINUTE)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(hours / 24)} d"


def from_datetime(moment: datetime) -> int:
    """Convert an aware datetime to Unix nanoseconds, exactly."""
    return (moment - _EPOCH.replace(tzinfo=UTC)) // timedelta(microseconds=1) * MICROSECOND


def to_datetime(nanoseconds: int) -> datetime:
    """Convert Unix nanoseconds to an aware datetime in UTC, truncated to microseconds."""
    return datetime.fromtimestamp(nanoseconds // SECOND, UTC) + timedelta(
        microseconds=nanoseconds % SECOND // MICROSECOND
    )
