"""Read times as people say them, into the notation that `ops.vocabulary.timerange` reads.

    last hour                     last=1h
    since 14:00                   from=2026-11-30T14:00:00+01:00
    yesterday between 2 and 3 pm  from=2026-11-29T14:00:00+01:00 to=2026-11-29T15:00:00+01:00
    for fifteen minutes           for=15m          (how long a change lasts)
    until six                     until=2026-11-30T18:00:00+01:00

Words that are not about time may be before, between and after; those in quotes are never read.
"""

from collections.abc import Sequence

from ops.errors import InvalidInput
from ops.language import ranges, terms
from ops.language.days import DAY_WORDS, PARTS
from ops.language.durations import NUMBERS, UNITS, read_duration
from ops.language.points import read_point
from ops.language.spoken import Clock, Spoken
from ops.language.time_words import END, LAST, START, pieces, split
from ops.vocabulary.timerange import Moment, parse_duration, parse_moment

__all__ = [
    "TIME_WORDS", "Clock", "Spoken", "find_range", "find_term", "said_duration", "said_end",
    "said_moment", "strict_range",
]  # fmt: skip


TIME_WORDS = frozenset(
    {*UNITS, *NUMBERS, *LAST, *START, *END, *PARTS, *DAY_WORDS, *ranges.WORDS, *terms.WORDS}
)
"""Words that say a time, so that nobody takes them for a slip of another word."""


def find_range(words: Sequence[str], clock: Clock) -> Spoken | None:
    """Read the first time range in a line's words: `last=…`, `from=…`, `to=…` or both.

    Raises InvalidInput for a range that cannot be meant, such as one still to come.
    """
    return ranges.find(split(words), clock)


def strict_range(line: str, clock: Clock) -> tuple[str, str]:
    """Return a line with its first time range in the strict notation, and how that was read.

    Raises InvalidInput if the range cannot be meant.
    """
    words = pieces(line)
    found = find_range(words, clock)
    if found is None:
        return line, ""
    left = (word for number, word in enumerate(words) if number not in found.used)
    return " ".join((*left, found.text)), found.said


def find_term(words: Sequence[str], clock: Clock) -> Spoken | None:
    """Read how long a change is to last: `for=…`, `until=…` or `permanent`.

    Raises InvalidInput for an end that has passed.
    """
    return terms.find(split(words), clock)


def said_moment(text: str, clock: Clock, *, ends: bool = False) -> Moment:
    """Read one moment, also `yesterday 14:00` or `two hours ago`; raises InvalidInput.

    A day is its start, or if it `ends` something, its end.
    """
    try:
        return parse_moment(text)
    except InvalidInput:
        words = split(pieces(text)).texts
        found = read_point(words, 0, clock.here, bare=True)
        if found is None or found[1] != len(words):
            raise
    point = found[0]
    starts = point.starts(clock.now, clock.zone, second=ends)
    start = max((each for each in starts if each <= clock.now), default=starts[0])
    return point.moment or Moment(point.end(start, clock.zone) if ends else start)


def said_end(text: str, clock: Clock) -> int:
    """Read when a change ends, such as `18:00`, `six` or `tomorrow 9`; raises InvalidInput.

    A time of day is the next one of the asker's. It is never 0, which would mean no end.
    """
    words = ["until", *pieces(text)]
    found = find_term(words, clock)
    if found and found.text.startswith("until=") and found.used == tuple(range(len(words))):
        text = found.text.removeprefix("until=")
    return max(parse_moment(text).at(clock.now), 1)


def said_duration(text: str) -> int:
    """Read a duration, also `two hours`, in nanoseconds; raises InvalidInput."""
    try:
        return parse_duration(text)
    except InvalidInput:
        words = split(pieces(text)).texts
        found = read_duration(words)
        if found is None or found[1] != len(words):
            raise
        return found[0]
