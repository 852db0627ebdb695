"""Read a day, or a part of one: `yesterday`, `monday`, `29 nov`, `this morning`, `last night`."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
SHORT_DAYS = {
    **{name[:3]: number for number, name in enumerate(_WEEKDAYS)},
    "tues": 1, "weds": 2, "thur": 3, "thurs": 3,
}  # fmt: skip
_SHORT = {**SHORT_DAYS, **{name: number for number, name in enumerate(_WEEKDAYS)}}
_NAMED = {
    ("today",): 0, ("yesterday",): -1, ("tomorrow",): 1,
    ("day", "before", "yesterday"): -2, ("day", "after", "tomorrow"): 2,
}  # fmt: skip
DAY_WORDS = frozenset(
    {*_SHORT, *_MONTHS, *(month[:3] for month in _MONTHS), "tonight", "overnight", "before"}
    | {"after"}
    | {word for phrase in _NAMED for word in phrase}
)
PARTS = {"morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24), "night": (18, 30)}
_EARLY = 6  # until then "this morning" begins at midnight, and "tonight" began yesterday
_NTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?", re.ASCII)
_FORMS = tuple(
    (re.compile(form, re.ASCII), order)
    for form, order in (
        (r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", (1, 2, 3)),
        (r"(\d{1,2})/(\d{1,2})/(\d{4})", (3, 1, 2)),  # as in MM/DD/YYYY-hh:mm:ss
        (r"(\d{1,2})\.(\d{1,2})\.(\d{4})", (3, 2, 1)),
    )
)
_YEARS = range(1971, 2200)  # any zone's moments in these can be written
_YEAR = re.compile(r"20\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Day:
    """A day by its date, by its distance from today or by its weekday (0 is Monday).

    `part` is the hours of the part of it that is meant, else None; a night has 30.
    """

    on: date | None = None
    away: int | None = None
    weekday: int | None = None
    part: tuple[int, int] | None = None

    def dates(self, today: date) -> list[date]:
        """Return the dates that it may be, the earliest first."""
        if self.on:
            return [self.on]
        if self.away is not None:
            return [today + timedelta(days=self.away)]
        week = [today + timedelta(days=away) for away in range(-7, 8)]
        return [each for each in week if each.weekday() == self.weekday]


def read_day(words: list[str], at: int, here: datetime) -> tuple[Day, int] | None:
    """Read a day from a place on; `here` is the present where the asker is."""
    at += at < len(words) and words[at] in ("on", "the")
    for phrase, away in _NAMED.items():
        if tuple(words[at : at + len(phrase)]) == phrase:
            return _with_part(Day(away=away), words, at + len(phrase))
    if found := _part_of_today(words, at, here):
        return found
    first, second = (*words[at : at + 2], "", "")[:2]
    if first == "last" and second in _SHORT:
        return _with_part(Day(away=-((here.weekday() - _SHORT[second]) % 7 or 7)), words, at + 2)
    if first in ("this", "next") and second in _SHORT:
        return _with_part(Day(weekday=_SHORT[second]), words, at + 2)
    if first in _SHORT:
        return _with_part(Day(weekday=_SHORT[first]), words, at + 1)
    if found_date := _date(words, at, here.date()):
        return _with_part(Day(found_date[0]), words, found_date[1])
    return None


def _part_of_today(words: list[str], at: int, here: datetime) -> tuple[Day, int] | None:
    """Read `this morning`, `all day`, `tonight`, `last night` and `overnight`."""
    first, second = (*words[at : at + 2], "", "")[:2]
    if first == "tonight":
        return Day(away=-1 if here.hour < _EARLY else 0, part=PARTS["night"]), at + 1
    if first == "overnight":
        return Day(away=-1, part=PARTS["night"]), at + 1
    if first == "all" and second == "day":
        return Day(away=0), at + 2
    if first in ("this", "all") and second in PARTS:
        early = second == "morning" and here.hour < _EARLY
        return Day(away=0, part=(0, 12) if early else PARTS[second]), at + 2
    if first == "last" and second in ("night", "evening"):
        return Day(away=-1, part=PARTS[second]), at + 2
    return None


def _with_part(day: Day, words: list[str], at: int) -> tuple[Day, int]:
    if at < len(words) and words[at] in PARTS:
        return Day(day.on, day.away, day.weekday, PARTS[words[at]]), at + 1
    return day, at


def _date(words: list[str], at: int, today: date) -> tuple[date, int] | None:
    """Read a date; without its year it is the one nearest to today."""
    word = words[at] if at < len(words) else ""
    for form, order in _FORMS:
        if found := form.fullmatch(word):
            dated = _dated(*(int(found[group]) for group in order))
            return (dated, at + 1) if dated else None
    named = [each for each in words[at : at + 4] if each != "of"][:3]
    if len(named) < 2:
        return None
    if found := _NTH.fullmatch(named[0]):
        day, month = int(found[1]), _month(named[1])
    elif found := _NTH.fullmatch(named[1]):
        day, month = int(found[1]), _month(named[0])
    else:
        return None
    at += 2 + (words[at + 1] == "of")
    if not month:
        return None
    if at < len(words) and _YEAR.fullmatch(words[at]):
        dated = _dated(int(words[at]), month, day)
        return (dated, at + 1) if dated else None
    years = (today.year - 1, today.year, today.year + 1)
    dates = [dated for year in years if (dated := _dated(year, month, day))]
    return (min(dates, key=lambda each: abs(each - today)), at) if dates else None


def _dated(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if year in _YEARS else None
    except ValueError:
        return None


def _month(word: str) -> int:
    names = [number for number, name in enumerate(_MONTHS, 1) if name.startswith(word)]
    return names[0] if len(word) >= 3 and names else 0
