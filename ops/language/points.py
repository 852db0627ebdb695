"""Read points in time and find out which moments they mean.

"since 14:00" is the last 14:00, "until 14:00" the next one. An hour that a clock shows twice when
summer time ends counts from its first time on and until its second; one that it skips is read as
the clock runs on.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo

from ops.errors import InvalidInput
from ops.language.days import Day, read_day
from ops.language.durations import read_duration
from ops.language.hours import Hour, read_hour
from ops.language.zones import read_zone
from ops.vocabulary import timerange
from ops.vocabulary.timerange import DAY, Moment

_UNIX = re.compile(r"\d{9,19}", re.ASCII)
_WRITTEN = re.compile(r"now[+-].+|\d{4}-\d{2}-\d{2}t.+|\d{1,2}/\d{1,2}/\d{4}-.+", re.ASCII)
_MOST_DAYS = 10_000  # ago


@dataclass(frozen=True, slots=True)
class Point:
    """A moment, or a day, a time of day or both, in a zone; None is what was not said."""

    moment: Moment | None = None
    day: Day | None = None
    hour: Hour | None = None
    zone: tzinfo | None = None

    def beside(self, other: "Point") -> "Point":
        """Return it with the day and zone of another point of the same range, if it has none."""
        if self.moment:
            return self
        return replace(self, day=self.day or other.day, zone=self.zone or other.zone)

    def starts(self, now: int, zone: tzinfo, *, second: bool = False) -> list[int]:
        """Return the moments at which it may start, in order; `second`: of an hour shown twice."""
        if self.moment:
            return [self.moment.at(now)]
        zone = self.zone or zone
        return sorted(
            {
                _instant(day, hour, zone, second=second)
                for day in self._dates(now, zone)
                for hour in self._hours()
            }
        )

    def end(self, start: int, zone: tzinfo) -> int:
        """Return when what starts at a moment ends: a day, or a part of one; else that moment."""
        if self.day is None or self.hour:
            return start
        zone = self.zone or zone
        first = datetime.fromtimestamp(start // timerange.SECOND, zone).date()
        return _instant(first, (self.day.part or (0, 24))[1], zone, second=True)

    def _dates(self, now: int, zone: tzinfo) -> list[date]:
        today = local(now, zone).date()
        if self.day:
            return self.day.dates(today)
        return [today + timedelta(days=away) for away in (-1, 0, 1)]

    def _hours(self) -> list[Hour]:
        part = self.day.part if self.day else None
        if not self.hour:
            return [Hour(part[0] if part else 0)]
        both = [self.hour.on_half(0), self.hour.on_half(12)]
        if part:
            both += [replace(each, hour=each.hour + 24) for each in both]  # 3 at night
            half = [each for each in both if part[0] <= each.hour < part[1]]
            return half or [self.hour.on_half(0 if part[0] < 12 else 12)]
        # On another day than today, "at 9" is as a clock with 24 hours shows it.
        return both if self.day is None or self.day.away == 0 else [self.hour]


def local(now: int, zone: tzinfo) -> datetime:
    """Return a moment as the clocks of a zone show it."""
    return datetime.fromtimestamp(now // timerange.SECOND, zone)


def read_point(
    words: list[str], at: int, here: datetime, *, bare: bool = False
) -> tuple[Point, int] | None:
    """Read a point from a place on; `here` is the present where the asker is.

    After a word such as "since", a number alone (`bare`) is a time of day.
    """
    if at >= len(words):
        return None
    if moment := _moment(words[at]):
        return Point(moment), at + 1
    if (ago := read_duration(words, at)) and words[ago[1] : ago[1] + 1] == ["ago"]:
        days, rest = divmod(ago[0], DAY)
        if rest or days > _MOST_DAYS:
            return Point(Moment(-ago[0], relative=True)), ago[1] + 1
        return _with_hour(Point(day=Day(away=-days)), words, ago[1] + 1, bare=bare)
    if day := read_day(words, at, here):
        return _with_hour(Point(day=day[0]), words, day[1], bare=bare)
    point, after = _with_hour(Point(), words, at, bare=bare)
    if point.hour and (day := read_day(words, after, here)):
        return replace(point, day=day[0]), day[1]
    return (point, after) if point.hour else None


def _with_hour(point: Point, words: list[str], at: int, *, bare: bool) -> tuple[Point, int]:
    """Add the time of day that follows, and its zone."""
    after = at + (words[at : at + 1] in (["at"], ["@"], ["around"], ["about"]))
    found = read_hour(words, after, bare=bare or after > at)
    if not found:
        return point, at
    point, at = replace(point, hour=found[0]), found[1]
    if zone := read_zone(words, at):
        return replace(point, zone=zone[0]), zone[1]
    return point, at


def _moment(word: str) -> Moment | None:
    """Read a moment in the vocabulary's own notation."""
    if not (word == "now" or _UNIX.fullmatch(word) or _WRITTEN.fullmatch(word)):
        return None
    try:
        return timerange.parse_moment(word)
    except InvalidInput:
        return None


def _instant(day: date, hour: Hour | int, zone: tzinfo, *, second: bool) -> int:
    """Return the moment at which a zone's clocks show a day and a time of day."""
    hour = Hour(hour) if isinstance(hour, int) else hour
    day += timedelta(days=hour.hour // 24)
    shown = datetime.combine(day, time(hour.hour % 24, hour.minute, hour.second), zone)
    if second:
        later = shown.replace(fold=1)
        # In an hour that the clocks skip, only the first offset leads onwards.
        if local(timerange.from_datetime(later), zone).replace(tzinfo=None) == shown.replace(
            tzinfo=None
        ):
            shown = later
    return timerange.from_datetime(shown)
