"""The few PromQL expressions that the demo needs.

An expression is built, not parsed: `str` returns its PromQL and `at` its value, both as in
Prometheus. A vector maps labels to values; times are Unix seconds.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from opsportal.demo.samples import NAME, Labels, Samples, Series

Vector: TypeAlias = dict[Labels, float]


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
