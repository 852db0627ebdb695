"""How dense a search's traces are in time, learned from each complete answer."""

from collections.abc import Hashable
from dataclasses import dataclass
from math import ceil, isqrt

from cachetools import LRUCache

from ops.metrics import watched
from ops.vocabulary import timerange

FIRST = 6 * timerange.HOUR  # the first slice if nothing has been learned
_WIDER = 16  # the next slice is this many times as wide if nothing was found
_SELECTIVITY = 0.125  # share of the traces looked at that is assumed to fit if we filter
_MOST_GOES, _AFTER_SURPRISE = 1 / 2, 1 / 16  # of older slices: the most to drop; to keep
_SOME = 8  # if fewer were expected, their absence is no surprise
_LEAST = 50  # traces that a shared slice should have
_GRAIN = 4  # shared slices are at most this many times as wide as needed
_MOST_SHAPES = 1_000


@dataclass(slots=True)
class Density:
    """The density of traces in the last slices, `width` nanoseconds in total.

    A new slice replaces as much of the older ones as it is wide, at most half of them, but more
    if it was not as expected. `listed` traces fit and had their newest matching span there; the
    store returned `answered` traces with `spans` spans. `lag` is how old the newest was when it
    was found. `detailed` means that summaries were not enough. `grain` is the last width of
    shared slices.
    """

    listed: float = 0.0
    answered: float = 0.0
    spans: float = 0.0
    width: float = 0.0
    lag: int = 0
    detailed: bool = False
    grain: int = 0

    def learn(self, width: int, listed: int, answered: int, spans: int) -> None:
        """Learn from a complete slice."""
        # Traffic changes: a nightly batch is not what the hour before it was.
        expected = self.listed / self.width * width if self.width else 0.0
        surprised = expected >= _SOME and not expected / 4 <= listed <= expected * 4
        goes = min(width / self.width, _MOST_GOES) if self.width else 1.0
        kept = _AFTER_SURPRISE if surprised else 1 - goes
        self.listed = self.listed * kept + listed
        self.answered = self.answered * kept + answered
        self.spans = self.spans * kept + spans
        self.width = self.width * kept + width

    def reach(self, need: int, most: int) -> tuple[int, int]:
        """Return the width of a slice with `need` traces to list, and how many to expect in it.

        It has a margin, so that it seldom has too few, but no more than `most` traces are
        expected.
        """
        if self.listed:
            # If traces come independently, a slice for n has between n - √n and n + √n.
            width = (need + isqrt(need) + 1) / self.listed * self.width
        else:
            width = max(FIRST, self.width * _WIDER)
        expected = self.answered / self.width * width if self.answered else 0.0
        if expected > most:
            width, expected = width * most / expected, most
        return ceil(width), ceil(expected)

    def grid(self, limit: int, most: int) -> tuple[int, int]:
        """Return the width of the slices that searches with this limit share, and their traces.

        The width is a power of two and stays while it is useful, so that searches that have
        learned a little more still use the same slices; 0 if nothing has been learned.
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
        """Return how many spans that many traces have."""
        return self.spans / self.answered * traces if self.answered else 0.0


class Densities:
    """What was learned about one store, by the shapes of searches."""

    def __init__(self) -> None:
        self._known: LRUCache[Hashable, Density] = watched("densities", LRUCache(_MOST_SHAPES))

    def of(self, shape: Hashable, unfiltered: Hashable, *, selective: bool) -> Density:
        """Return what is known about a shape; a new one starts from its service as a whole.

        `selective` means that we do part of the filtering, so that few of the returned traces fit.
        """
        known: Density | None = self._known.get(shape)
        if known is None:
            known = self._known[shape] = Density()
            whole: Density | None = self._known.get(unfiltered)
            if whole is not None and whole.answered:
                # So little that one slice of the shape itself outweighs it.
                known.answered = 1.0
                known.listed = _SELECTIVITY if selective else 1.0
                known.width = whole.width / whole.answered
                known.spans = whole.spans / whole.answered
                known.lag = whole.lag
        return known
