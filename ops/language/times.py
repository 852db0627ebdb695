"""Read times as people say them, into the notation that `ops.vocabulary.timerange` reads.

    last hour                     last=1h
    since 14:00                   from=2026-11-30T14:00:00+01:00
    yesterday between 2 and 3 pm  from=2026-11-29T14:00:00+01:00 to=2026-11-29T15:00:00+01:00
    for fifteen minutes           for=15m          (how long a change lasts)
    until six                     until=2026-11-30T18:00:00+01:00

Words that are not about time may be before, between and after; those in quotes are never read.
"""

from collections.abc import Sequence

from ops.language import ranges, terms
from ops.language.spoken import Clock, Spoken
from ops.language.words import split

__all__ = ["Clock", "Spoken", "find_range", "find_term"]


def find_range(words: Sequence[str], clock: Clock) -> Spoken | None:
    """Read the first time range in a line's words: `last=…`, `from=…`, `to=…` or both.

    Raises InvalidInput for a range that cannot be meant, such as one still to come.
    """
    return ranges.find(split(words), clock)


def find_term(words: Sequence[str], clock: Clock) -> Spoken | None:
    """Read how long a change is to last: `for=…`, `until=…` or `permanent`.

    Raises InvalidInput for an end that has passed.
    """
    return terms.find(split(words), clock)
