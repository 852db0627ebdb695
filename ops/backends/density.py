"""How densely the traces that a search means lie in time, learned from each complete answer."""

from collections.abc import Hashable
from dataclasses import dataclass
from math import ceil, isqrt

from cachetools import LRUCache

from ops import timerange
from ops.metrics import watched

FIRST = 6 * timerange.HOUR  # the first slice where nothing has been learned
_WIDER = 16  # times as wide is the next slice where nothing was found
_SELDOM = 0.125  # of the traces looked at are taken to fit where the filtering is ours
_MOST_GOES, _AFTER_SURPRISE = 1 / 2, 1 / 16  # of the slices before goes and is kept
_SOME = 8  # fewer that were expected are no surprise when they are missing
_LEAST = 50  # that shared slices are meant to have
_GRAIN = 4  # times as wide as needed are shared slices at most
_MOST_SHAPES = 1_000


@dataclass(slots=True)
class Density:
    """Of the traces that matched in the last slices, `width` nanoseconds together.

    The last slice takes the place of as much as it is wide, of half at most, and counts for more
    if it was not as expected. `listed`
    fit and had their newest matching span there, `answered` is how many the store gave for it,
    of `spans` spans. `lag` is how old the newest was when it was found. `detailed` means that
    summaries did not do. `grain` is how wide shared slices were last.
    """

    listed: float = 0.0
    answered: float = 0.0
    spans: float = 0.0
    width: float = 0.0
    lag: int = 0
    detailed: bool = False
    grain: int = 0

    def learn(self, width: int, listed: int, answered: int, spans: int) -> None:
        """Take in what a complete slice had."""
        expected = self.listed / self.width * width if self.width else 0.0
        surprised = expected >= _SOME and not expected / 4 <= listed <= expected * 4
        goes = min(width / self.width, _MOST_GOES) if self.width else 1.0
        kept = _AFTER_SURPRISE if surprised else 1 - goes
        self.listed = self.listed * kept + listed
        self.answered = self.answered * kept + answered
        self.spans = self.spans * kept + spans
        self.width = self.width * kept + width

    def reach(self, need: int, most: int) -> tuple[int, int]:
        """Return how wide a slice has so many traces to list, and how many will be answered.

        It is as wide as what so many more take that it seldom has too few, yet has no more than
        `most` to look at.
        """
        if not self.listed:
            return max(FIRST, ceil(self.width * _WIDER)), 0
        width = (need + isqrt(need) + 1) / self.listed * self.width
        expected = self.answered / self.width * width
        if expected > most:
            width, expected = width * most / expected, most
        return ceil(width), ceil(expected)

    def grid(self, limit: int, most: int) -> tuple[int, int]:
        """Return how wide slices are that searches for so many share, and how many each has.

        That is a power of two, and stays while it is of use, so that those who have learned a
        little more mean the same; 0 where nothing has been learned.
        """
        if not self.listed:
            return 0, 0
        width, _ = self.reach(max(limit, _LEAST), most)
        if not width <= self.grain <= width * _GRAIN:
            self.grain = 1 << width.bit_length()
        if self.answered / self.width * self.grain > most:
            self.grain >>= 1
        return self.grain, ceil(self.answered / self.width * self.grain)

    def spans_of(self, traces: int) -> float:
        """Return how many spans so many traces have."""
        return self.spans / self.answered * traces if self.answered else 0.0


class Densities:
    """What was learned of one store, by the shapes of searches."""

    def __init__(self) -> None:
        self._known: LRUCache[Hashable, Density] = watched("densities", LRUCache(_MOST_SHAPES))

    def of(self, shape: Hashable, unfiltered: Hashable, *, seldom: bool) -> Density:
        """Return what is known of a shape; of a new one, what is of the service as a whole.

        `seldom` means that part of the filtering is ours, so that few of those answered fit.
        """
        known: Density | None = self._known.get(shape)
        if known is None:
            known = self._known[shape] = Density()
            whole: Density | None = self._known.get(unfiltered)
            if whole is not None and whole.answered:
                # So little that one slice of its own outweighs it.
                known.answered = 1.0
                known.listed = _SELDOM if seldom else 1.0
                known.width = whole.width / whole.answered
                known.spans = whole.spans / whole.answered
                known.lag = whole.lag
        return known
