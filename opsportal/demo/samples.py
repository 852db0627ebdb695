"""Samples over time: what a Prometheus scraped and evaluated; times are Unix seconds."""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TypeAlias

Labels: TypeAlias = tuple[tuple[str, str], ...]

NAME = "__name__"
KEPT = 3_660.0  # seconds: the hour that is drawn, and the window of a rate before it
FINE, COARSE = 600.0, 10.0  # seconds: every value is kept this long, then one each COARSE
_AT_ONCE = 300  # values that are thinned together
LOOKBACK = 300.0


def labels(pairs: Mapping[str, str]) -> Labels:
    """Return labels in a fixed order, so that they can be compared."""
    return tuple(sorted(pairs.items()))


class Series:
    """The values of one series, in time order."""

    def __init__(self) -> None:
        self.times = array("d")
        self.values = array("d")
        self._coarse = 0

    def add(self, time: float, value: float) -> None:
        """Add a value; old ones are thinned out in batches."""
        self.times.append(time)
        self.values.append(value)
        if bisect_left(self.times, time - FINE) - self._coarse > _AT_ONCE:
            self._thin(time)

    def _thin(self, time: float) -> None:
        """Drop values that are too old and most of the old ones; keep starts and ends."""
        old, fine = (bisect_left(self.times, time - age) for age in (KEPT, FINE))
        times, values = array("d"), array("d")
        for at, value in zip(self.times[old:fine], self.values[old:fine], strict=True):
            if not times or at - times[-1] >= COARSE or math.isnan(value) or math.isnan(values[-1]):
                times.append(at)
                values.append(value)
        self._coarse = len(times)
        self.times = times + self.times[fine:]
        self.values = values + self.values[fine:]

    def last(self, time: float) -> float | None:
        """Return the value at a time, or None if there is none, it is too old or it has ended."""
        after = bisect_right(self.times, time)
        if not after or time - self.times[after - 1] > LOOKBACK:
            return None
        value = self.values[after - 1]
        return None if math.isnan(value) else value

    def rate(self, time: float, window: float) -> float | None:
        """Return a counter's increase per second in the window, as Prometheus extrapolates it."""
        first = bisect_left(self.times, time - window)
        after = bisect_right(self.times, time)
        if after - first < 2:
            return None
        times, values = self.times[first:after], self.values[first:after]
        # A counter that falls was reset, so its count before that is added.
        resets = sum(a for a, b in pairwise(values) if b < a)
        increase = values[-1] - values[0] + resets
        covered = times[-1] - times[0]
        between = covered / (len(times) - 1)
        before, behind = times[0] - (time - window), time - times[-1]
        if before >= between * 1.1:
            before = between / 2
        if increase > 0 <= values[0]:
            before = min(before, covered * values[0] / increase)
        if behind >= between * 1.1:
            behind = between / 2
        return increase * (covered + before + behind) / covered / window


class Samples:
    """Every series, by its labels; the metric's name is the label `__name__`."""

    def __init__(self) -> None:
        self._metrics: defaultdict[str, dict[Labels, Series]] = defaultdict(dict)

    def add(self, name: str, pairs: Mapping[str, str], time: float, value: float) -> None:
        """Add a sample."""
        series = self._metrics[name].setdefault(labels({NAME: name, **pairs}), Series())
        series.add(time, value)

    def end_others(self, time: float, *, but: str = "") -> None:
        """Mark all series without a value at that time as ended; forget those long ended.

        Series of the metric `but` are left alone.
        """
        for name, metric in self._metrics.items():
            if name == but:
                continue
            for key, series in list(metric.items()):
                if series.times[-1] < time and not math.isnan(series.values[-1]):
                    series.add(time, math.nan)
                elif series.times[-1] < time - KEPT:
                    del metric[key]

    def names(self) -> Iterable[str]:
        """Return every metric's name."""
        return self._metrics.keys()

    def series(self, name: str) -> Iterable[tuple[Labels, Series]]:
        """Return a metric's series."""
        return self._metrics[name].items() if name in self._metrics else ()
