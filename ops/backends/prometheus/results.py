"""Answers to queries: what they hold, how they are read, and how a joined one is split."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ops.backends.prometheus.batching import LABEL
from ops.errors import InvalidInput
from ops.vocabulary import timerange

S = TypeVar("S", "Sample", "Series")
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One series at one moment; `value` may be NaN or infinite."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Vector:
    """The answer to an instant query; `warnings` say how it may be partial."""

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """One series over time: (Unix nanoseconds, value) in time order."""

    labels: Mapping[str, str]
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The answer to a range query.

    `warnings` say what may be missing, in the server's words; `infos` do not.
    """

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


def warnings_of(body: Body, *keys: str) -> tuple[str, ...]:
    """Return how an answer may be partial, in the server's words; `infos` do not make it so."""
    given = (body.get(key) for key in keys or ("warnings", "infos"))
    return tuple(str(item) for items in given if isinstance(items, list) for item in items)


def read_vector(body: Body) -> Vector:
    """Read the answer to an instant query; raises InvalidInput for a string or a matrix."""
    data = body["data"]
    if data["resultType"] == "scalar":
        return Vector((Sample({}, float(data["result"][1])),), warnings_of(body))
    if data["resultType"] != "vector":
        raise InvalidInput(f"the query returns a {data['resultType']}; it must return a vector")
    # A series with native histograms has "histogram" in place of "value".
    items = [item for item in data["result"] if "value" in item]
    samples = tuple(Sample(item["metric"], float(item["value"][1])) for item in items)
    left_out = len(data["result"]) - len(items)
    histograms = (f"{left_out} native histograms are left out",) if left_out else ()
    return Vector(samples, warnings_of(body) + histograms)


def read_matrix(body: Body) -> Matrix:
    """Read the answer to a range query."""
    series = tuple(
        Series(item["metric"], tuple(_point(*pair) for pair in item.get("values", ())))
        for item in body["data"]["result"]
    )
    return Matrix(series, warnings_of(body, "warnings"), warnings_of(body, "infos"))


def count_samples(answer: Vector) -> int:
    """Return how many series an answer has."""
    return len(answer.samples)


def count_series(answer: Matrix) -> int:
    """Return how many series an answer has."""
    return len(answer.series)


def split_vector(answer: Vector, count: int) -> list[Vector] | None:
    """Split the answer to joined queries; None if a series does not say whose it is."""
    parts = _split(answer.samples, count)
    return None if parts is None else [Vector(tuple(part), answer.warnings) for part in parts]


def split_matrix(answer: Matrix, count: int) -> list[Matrix] | None:
    """Split the answer to joined queries; None if a series does not say whose it is."""
    parts = _split(answer.series, count)
    return None if parts is None else [replace(answer, series=tuple(part)) for part in parts]


def _split(items: Iterable[S], count: int) -> list[list[S]] | None:
    """Split joined results by the label that marks each query, and remove that label."""
    parts: list[list[S]] = [[] for _ in range(count)]
    places = {str(number): part for number, part in enumerate(parts)}
    for item in items:
        part = places.get(item.labels.get(LABEL, ""))
        if part is None:
            return None
        own = {name: value for name, value in item.labels.items() if name != LABEL}
        part.append(replace(item, labels=own))
    return parts


def _point(seconds: float, value: str) -> tuple[int, float]:
    # Prometheus counts in milliseconds; more digits would be the float's noise.
    return round(seconds * 1_000) * timerange.MILLISECOND, float(value)
