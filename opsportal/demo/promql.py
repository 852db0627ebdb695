"""Samples over time, and the few PromQL expressions that the demo needs.

An expression is built, not parsed: `str` returns its PromQL and `at` its value, both as in
Prometheus. A vector maps labels to values; times are Unix seconds.
"""

import math
import re
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

Labels: TypeAlias = tuple[tuple[str, str], ...]
Vector: TypeAlias = dict[Labels, float]

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

    def end_others(self, time: float) -> None:
        """Mark every series without a value at that time as ended; forget those long ended."""
        for metric in self._metrics.values():
            for key, series in list(metric.items()):
                if series.times[-1] < time and not math.isnan(series.values[-1]):
                    series.add(time, math.nan)
                elif series.times[-1] < time - KEPT:
                    del metric[key]

    def series(self, name: str) -> Iterable[tuple[Labels, Series]]:
        """Return a metric's series."""
        return self._metrics[name].items() if name in self._metrics else ()


class Expression(Protocol):
    """PromQL with a value at any time."""

    def at(self, samples: Samples, time: float) -> Vector: ...


@dataclass(frozen=True)
class Metric:
    """`name`, `name{label!~"a|b"}`: the latest value of its series."""

    name: str
    label: str = ""
    unlike: str = ""

    def __str__(self) -> str:
        return f'{self.name}{{{self.label}!~"{self.unlike}"}}' if self.label else self.name

    def at(self, samples: Samples, time: float) -> Vector:
        return self.each(samples, lambda series: series.last(time))

    def each(self, samples: Samples, value: Callable[[Series], float | None]) -> Vector:
        """Return `value` of each series, without those for which it is None."""
        found = {key: value(series) for key, series in self._series(samples)}
        return {key: number for key, number in found.items() if number is not None}

    def _series(self, samples: Samples) -> Iterator[tuple[Labels, Series]]:
        for key, series in samples.series(self.name):
            if not self.label or not re.fullmatch(self.unlike, dict(key).get(self.label, "")):
                yield key, series


@dataclass(frozen=True)
class Alerts:
    """`ALERTS{job="petstore"}`: the pending and firing alerts of a job."""

    job: str

    def __str__(self) -> str:
        return f'ALERTS{{job="{self.job}"}}'

    def at(self, samples: Samples, time: float) -> Vector:
        found = Metric("ALERTS").at(samples, time)
        return {key: value for key, value in found.items() if ("job", self.job) in key}


@dataclass(frozen=True)
class Rate:
    """`rate(metric[30s])`: a counter's growth per second."""

    metric: Metric
    seconds: int

    def __str__(self) -> str:
        return f"rate({self.metric}[{self.seconds}s])"

    def at(self, samples: Samples, time: float) -> Vector:
        found = self.metric.each(samples, lambda series: series.rate(time, self.seconds))
        return {_unnamed(key): value for key, value in found.items()}


@dataclass(frozen=True)
class Aggregate:
    """`sum by (job) (…)`, `count by …`, `group by …`; over all without labels."""

    operator: str
    of: Expression
    by: tuple[str, ...] = ()

    def __str__(self) -> str:
        by = f" by ({', '.join(self.by)}) " if self.by else ""
        return f"{self.operator}{by}({self.of})"

    def at(self, samples: Samples, time: float) -> Vector:
        groups: defaultdict[Labels, list[float]] = defaultdict(list)
        for key, value in self.of.at(samples, time).items():
            groups[_only(key, self.by)].append(value)
        operate = _AGGREGATES[self.operator]
        return {key: operate(values) for key, values in groups.items()}


_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "count": len,
    "group": lambda _: 1.0,
}


@dataclass(frozen=True)
class Quotient:
    """`a / b`: values with the same labels divided."""

    dividend: Expression
    divisor: Expression

    def __str__(self) -> str:
        return f"{self.dividend} / {self.divisor}"

    def at(self, samples: Samples, time: float) -> Vector:
        divisors = self.divisor.at(samples, time)
        dividends = self.dividend.at(samples, time)
        return {
            key: _divided(dividends[key], divisors[key]) for key in dividends if key in divisors
        }


@dataclass(frozen=True)
class Quantile:
    """`histogram_quantile(0.95, …)` over rates of buckets."""

    share: float
    of: Expression

    def __str__(self) -> str:
        return f"histogram_quantile({self.share:g}, {self.of})"

    def at(self, samples: Samples, time: float) -> Vector:
        histograms: defaultdict[Labels, list[tuple[float, float]]] = defaultdict(list)
        for key, value in self.of.at(samples, time).items():
            bound = float(dict(key)["le"])
            histograms[tuple(pair for pair in key if pair[0] != "le")].append((bound, value))
        return {key: _quantile(self.share, sorted(all_)) for key, all_ in histograms.items()}


@dataclass(frozen=True)
class Above:
    """`… > 0.05`: only the values above the threshold."""

    of: Expression
    threshold: float

    def __str__(self) -> str:
        return f"{self.of} > {self.threshold:g}"

    def at(self, samples: Samples, time: float) -> Vector:
        found = self.of.at(samples, time)
        return {key: value for key, value in found.items() if value > self.threshold}


@dataclass(frozen=True)
class AndOn:
    """`a and on(job) b`: the values of `a` whose label also occurs in `b`."""

    of: Expression
    label: str
    other: Expression

    def __str__(self) -> str:
        return f"{self.of} and on({self.label}) {self.other}"

    def at(self, samples: Samples, time: float) -> Vector:
        by = (self.label,)
        there = {_only(key, by) for key in self.other.at(samples, time)}
        found = self.of.at(samples, time)
        return {key: value for key, value in found.items() if _only(key, by) in there}


def _only(key: Labels, names: tuple[str, ...]) -> Labels:
    return tuple(pair for pair in key if pair[0] in names)


def _unnamed(key: Labels) -> Labels:
    return tuple(pair for pair in key if pair[0] != NAME)


def _divided(dividend: float, divisor: float) -> float:
    if divisor:
        return dividend / divisor
    return math.copysign(math.inf, dividend) if dividend else math.nan


def _quantile(share: float, buckets: list[tuple[float, float]]) -> float:
    """Return the quantile of cumulative (upper bound, count) buckets; the last is infinite."""
    total = buckets[-1][1]
    if not total or len(buckets) < 2:
        return math.nan
    rank = share * total
    number = next(n for n, (_, count) in enumerate(buckets) if count >= rank)
    if number == len(buckets) - 1:
        return buckets[-2][0]
    low, below = buckets[number - 1] if number else (0.0, 0.0)
    high, count = buckets[number]
    return low + (high - low) * (rank - below) / (count - below)
