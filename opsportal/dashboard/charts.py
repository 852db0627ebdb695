"""Geometry for charts: bars in percent of their lane, points of a sparkline.

Numbers are returned as text, for SVG attributes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

COLOURS = 6  # the seventh service has the first hue again
LEAST_WIDTH = 0.25  # percent; thinner bars cannot be seen
SPARK_WIDTH, SPARK_HEIGHT = 96, 20
DASH = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar and its label. `side` says where the label goes: "inside", "after" or "before"."""

    x: str
    width: str
    label_x: str
    side: str


def bar(start: int, duration: int, whole: int) -> Bar:
    """Place a bar that starts `start` into a lane that is `whole` long."""
    whole = max(whole, 1)
    x = min(max(100 * start / whole, 0), 100 - LEAST_WIDTH)
    width = min(max(100 * duration / whole, LEAST_WIDTH), 100 - x)
    if width >= 24:
        return Bar(_text(x), _text(width), _text(x), "inside")
    if x + width <= 84:
        return Bar(_text(x), _text(width), _text(x + width), "after")
    return Bar(_text(x), _text(width), _text(x), "before")


def stretch(start: int, duration: int, whole: int) -> tuple[str, str]:
    """Return the left edge and the width of a stretch of a lane, in percent."""
    x = 100 * start / max(whole, 1)
    return _text(x), _text(min(max(100 * duration / max(whole, 1), LEAST_WIDTH), 100 - x))


def colours(services: Sequence[str]) -> dict[str, int]:
    """Return the number of each service's hue, 1 to COLOURS."""
    return {service: index % COLOURS + 1 for index, service in enumerate(services)}


def sparkline(history: Sequence[int | None]) -> list[str]:
    """Return the points of a polyline for each stretch without gaps; a single value is a dash."""
    known = [value for value in history if value is not None]
    top = 1.4 * max(known, default=0) or 1  # a level line runs through the middle, not the edge
    step = SPARK_WIDTH / max(len(history) - 1, 1)
    points = [
        None
        if value is None
        else (index * step, SPARK_HEIGHT - 2 - (SPARK_HEIGHT - 4) * value / top)
        for index, value in enumerate(history)
    ]
    lines = []
    for _, stretch in groupby(points, key=lambda point: point is None):
        found = [point for point in stretch if point]
        if len(found) == 1:
            found = [(found[0][0] - DASH, found[0][1]), found[0]]
        if found:
            lines.append(" ".join(f"{_text(x)},{_text(y)}" for x, y in found))
    return lines


def _text(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
