"""Read a time range: `last hour`, `since 2pm`, `between 2 and 3 pm`, `yesterday`, `an hour ago`."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import tzinfo

from ops.errors import InvalidInput
from ops.language.days import SHORT_DAYS, Day, read_day
from ops.language.durations import UNITS, read_duration, read_number
from ops.language.hours import MEALS, Hour
from ops.language.lines import some
from ops.language.points import Point, read_point
from ops.language.spoken import Clock, Spoken, name_of, shown, shown_range, written
from ops.language.time_words import END, LAST, ONLY_KEYS, START, Words
from ops.vocabulary.timerange import MINUTE, NOW, Moment, format_exact

_LEADS = ("in", "within", "during", "over", "for", "from", "of", "since", "at")
_AROUND = ("around", "about", "near", "circa")
_TO = ("to", "until", "till", "til", "through", "-", "\u2013")
# A duration after one of these is no time range.
_COMPARED = some(
    """
    than over above under below least most min max exactly for every took take takes taking lasted
    lasting lasts exceeding exceeded slower longer shorter faster older younger duration latency
    timeout > < >= <= =
    """
)
WORDS = frozenset(
    {"between", "ago", "this", "half", "quarter", "noon", "midnight", *MEALS, *_AROUND, *_TO}
)
_DAY = 24 * 60  # minutes
_EXACTLY = 5 * MINUTE  # each side of "at 14:05"
_ROUGHLY = 15 * MINUTE  # each side of "around 14:05" and of "at 2pm"


def find(words: Words, clock: Clock) -> Spoken | None:
    """Read the first range in a line's words."""
    reader = _Reader(words, clock)
    found = (reader.read(at) for at in range(len(words.texts)))
    return next(filter(None, found), None)


class _Reader:
    """The words of a line; each method reads one kind of range from a place on."""

    def __init__(self, words: Words, clock: Clock) -> None:
        self.all, self.words, self.clock, self.here = words, words.texts, clock, clock.here

    def read(self, at: int) -> Spoken | None:
        word = self.words[at]
        if word in ONLY_KEYS and at not in self.all.keys:
            return None
        if word == "up" and self._word(at + 1) == "to":
            return self._until(at + 1)
        if word in LAST:
            return self._last(at) or self._current(at) or self._at(at)
        if word == "between":
            return self._pair(at, at + 1, ("and", *_TO))
        if word in START:
            return self._since(at)
        if word in END:
            return self._until(at)
        return self._current(at) or self._at(at) or self._duration(at)

    def _last(self, at: int) -> Spoken | None:
        """Read `last 15m`, `in the last two hours`, `past hour`; the 15 of `last=15` is minutes."""
        if read_day(self.words, at, self.here):  # last night, last monday
            return None
        start, at = at, at + 1
        start -= self._word(start - 1) == "the"
        start -= self._word(start - 1) in _LEADS
        if found := read_duration(self.words, at):
            return self._spoken(range(start, found[1]), f"last={format_exact(found[0])}")
        if unit := UNITS.get(self._word(at)):
            end = at + 1
            if self.words[end : end + 3] == ["and", "a", "half"]:
                unit, end = unit * 3 // 2, end + 3
            return self._spoken(range(start, end), f"last={format_exact(unit)}")
        is_bare = self._word(at).isdecimal() and self.words[at - 1] != "past"  # past 9
        number = read_number(self.words, at) if is_bare else None
        is_whole = number and number[0] >= 1 and number[0].denominator == 1
        if not number or not is_whole or self._word(number[1]):
            return None
        text, *instead = (f"last={number[0]}{unit}" for unit in "mhd")
        said = f"{number[0]} as minutes"
        return self._spoken(range(start, number[1]), text, said, tuple(instead))

    def _since(self, at: int) -> Spoken | None:
        after = at + 1 + (self._word(at + 1) == "at")
        if pair := self._pair(at, after, _TO):
            return pair
        found = read_duration(self.words, after)
        if found and self.words[at] == "since" and self._word(found[1]) != "ago":
            return self._spoken(range(at, found[1]), f"last={format_exact(found[0])}")
        point = self._point(after, bare=True)
        if not point or point[0].moment == NOW:
            return None
        for key in sorted(key for key in self.all.keys if key >= point[1]):
            if self.words[key] in END and (end := self._point(key + 1, bare=True)):
                used = (*range(at, point[1]), *range(key, end[1]))
                return self._range(used, point[0], end[0])
        return self._range(range(at, point[1]), point[0], None)

    def _until(self, at: int) -> Spoken | None:
        point = self._point(at + 1, bare=True)
        if not point:
            return None
        end = self._latest(point[0])
        if self.words[at] != "before":
            end = point[0].end(end, self.clock.zone)
        said = f"until {self._said(point[0], end)} {name_of(self._zone(point[0]))}"
        text = f"to={self._written(point[0], end)}"
        return self._spoken(range(at, point[1]), text, "" if point[0].moment else said)

    def _current(self, at: int) -> Spoken | None:
        """Read `this hour`, `this week` and `this month`: from its start on."""
        word, unit = self.words[at], self._word(at + 1)
        if word != "this" and (word, unit) not in (("the", "weekend"), ("last", "weekend")):
            return None
        if unit == "weekend":
            saturday = -((self.here.weekday() + 2) % 7)
            start, end = (Point(day=Day(away=away)) for away in (saturday, saturday + 1))
            return self._range(range(at, at + 2), start, end)
        back = {"hour": 0, "week": self.here.weekday(), "month": self.here.day - 1}.get(unit)
        if back is None:
            return None
        hour = Hour(self.here.hour) if unit == "hour" else None
        return self._range(range(at, at + 2), Point(day=Day(away=-back), hour=hour), None)

    def _at(self, at: int) -> Spoken | None:
        """Read a day, a range without "from", or a time: then it is a window around it."""
        word = self.words[at]
        if "next" in (word, self._word(at - 1)):
            return None
        roughly = word in _AROUND
        after = at + (roughly or word in ("at", "@"))
        if pair := self._pair(at, after, _TO, bare=False):
            return pair
        found = self._point(after, bare=after > at)
        if not found or found[0].moment == NOW:
            return None
        point, end = found
        if word in SHORT_DAYS and end == at + 1:  # "mon" alone may be a service
            return None
        if point.day and not point.hour:
            after = end + (self._word(end) in ("between", "from"))
            if pair := self._pair(at, after, ("and", *_TO), day=point.day):
                return pair
            return self._span(range(at, end), point)
        return self._window(range(at, end), point, roughly=roughly)

    def _duration(self, at: int) -> Spoken | None:
        """Read `15m` and `2 hours`, unless it is what something is compared with."""
        found = read_duration(self.words, at)
        if not found or found[0] < MINUTE or self._word(at - 1) in _COMPARED:
            return None
        if self.words[at] in ("a", "an", "half", "quarter"):
            return None
        return self._spoken(range(at, found[1]), f"last={format_exact(found[0])}")

    def _pair(
        self,
        start: int,
        at: int,
        links: tuple[str, ...],
        *,
        bare: bool = True,
        day: Day | None = None,
    ) -> Spoken | None:
        """Read two points with one of some words between them."""
        first = self._point(at, bare=True)
        if not first:
            return None
        after, is_plain = first[1], self._point(at, bare=False) is not None
        if self._word(after) in links:
            second = self._point(after + 1, bare=bare or is_plain)
        elif is_plain and first[0].hour:  # the dash of "10:00 - 11:00" is no word for everybody
            second = self._point(after, bare=False)
            second = second if second and second[0].hour else None
        else:
            return None
        if not second:
            return None
        one = replace(first[0], day=first[0].day or day)
        return self._range(range(start, second[1]), one, second[0])

    def _range(self, used: Iterable[int], start: Point, end: Point | None) -> Spoken:
        """Return the range between two points, or from the first on."""
        if end is None:
            return self._from_to(used, start, self._latest(start), None, 0)
        zone = start.zone or end.zone
        start, end = _on_one_half(replace(start, zone=zone), replace(end, zone=zone))
        zone = zone or self.clock.zone
        both_named = end.day and start.day and None not in (end.day.weekday, start.day.weekday)
        if both_named or (end.hour and end.day and start.hour and not start.day):
            last = self._latest(end)
            until = end.end(last, zone)
            since = max(each for each in start.starts(last, zone) if each < until)
            return self._from_to(used, start, since, end, until)
        since = self._latest(start)
        if end.moment or (end.hour and not end.day and not start.hour):
            until = self._latest(end)
        else:
            after = since if not end.day else self.clock.now
            later = [each for each in end.starts(after, zone, second=True) if each > since]
            until = end.end(later[0], zone) if later else self._latest(end)
        if until <= since:
            raise InvalidInput(
                f"{self._said(start, since)} is not before {self._said(end, until)}: a time range "
                "starts before it ends"
            )
        return self._from_to(used, start, since, end, until)

    def _span(self, used: Iterable[int], day: Point) -> Spoken:
        """Return a day, or a part of one."""
        since = self._latest(day)
        return self._from_to(used, day, since, day, day.end(since, self.clock.zone))

    def _window(self, used: Iterable[int], point: Point, *, roughly: bool) -> Spoken:
        """Return the time around a point."""
        middle = self._latest(point)
        if point.moment:
            away = max(self.clock.now - middle, 0) // 4 if point.moment.relative else 0
            side = max(away // MINUTE * MINUTE, _ROUGHLY if roughly else _EXACTLY)
        else:
            whole_hour = point.hour and not (point.hour.minute or point.hour.second)
            side = _ROUGHLY if roughly or whole_hour else _EXACTLY
        if point.moment and point.moment.relative:
            start, end = (
                Point(Moment(point.moment.nanoseconds + distance, relative=True))
                for distance in (-side, side)
            )
        else:
            start = end = replace(point, moment=None)
        return self._from_to(used, start, middle - side, end, middle + side)

    def _from_to(
        self, used: Iterable[int], start: Point, since: int, end: Point | None, until: int
    ) -> Spoken:
        if since >= self.clock.now:
            raise InvalidInput(
                f"{self._said(start, since)} is still to come; name a time before now"
            )
        zone = self._zone(start)
        text, said = f"from={self._written(start, since)}", shown(since, self.clock.now, zone)
        if end and until < self.clock.now:
            text += f" to={self._written(end, until)}"
            said = shown_range(since, until, self.clock.now, zone)
        said = "" if start.moment else f"from {said} {name_of(zone)}"
        return self._spoken(used, text, said)

    def _latest(self, point: Point) -> int:
        """Return the last moment before now that a point can mean, else the first after it."""
        starts = point.starts(self.clock.now, self.clock.zone)
        return max((each for each in starts if each <= self.clock.now), default=starts[0])

    def _written(self, point: Point, moment: int) -> str:
        return str(point.moment) if point.moment else written(moment, self._zone(point))

    def _said(self, point: Point, moment: int) -> str:
        return shown(moment, self.clock.now, self._zone(point))

    def _zone(self, point: Point) -> tzinfo:
        return point.zone or self.clock.zone

    def _point(self, at: int, *, bare: bool) -> tuple[Point, int] | None:
        return read_point(self.words, at, self.here, bare=bare)

    def _word(self, at: int) -> str:
        return self.words[at] if 0 <= at < len(self.words) else ""

    def _spoken(
        self, used: Iterable[int], text: str, said: str = "", instead: tuple[str, ...] = ()
    ) -> Spoken:
        return Spoken(text, self.all.used(used), said, instead)


def _on_one_half(start: Point, end: Point) -> tuple[Point, Point]:
    """Read the 2 of "between 2 and 3 pm" as the one that is closest before the end."""
    if not start.hour or not end.hour or end.hour.either:
        return start, end
    minutes = end.hour.minutes - 1
    halves = (start.hour.on_half(0), start.hour.on_half(12))
    hour = min(halves, key=lambda each: (minutes - each.minutes) % _DAY)
    return replace(start, hour=hour), end
