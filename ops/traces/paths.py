"""Paths: the operations from a root of the trace down to a span."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from ops.traces.rows import SpanRows

LONGEST_PATH = 40
MISSING_PARENT = "missing parent"


def paths_to(rows: SpanRows, wanted: AbstractSet[int]) -> dict[int, tuple[str, ...]]:
    """Return the path to each of the wanted rows, shortened."""
    if sum(rows.depths[row] for row in wanted) > len(rows):
        return _on_the_way(rows, wanted)
    found = {}
    for row in wanted:
        trail = []
        above = row
        while above >= 0:
            trail.append(_operation(rows, above))
            above = rows.parents[above]
        found[row] = shortened(trail[::-1])
    return found


def _on_the_way(rows: SpanRows, wanted: AbstractSet[int]) -> dict[int, tuple[str, ...]]:
    """Return the same in one pass over all rows, for many deep ones."""
    found = {}
    trail: list[str] = []
    for row in range(max(wanted, default=-1) + 1):
        del trail[rows.depths[row] :]
        trail.append(_operation(rows, row))
        if row in wanted:
            found[row] = shortened(trail)
    return found


def _operation(rows: SpanRows, row: int) -> str:
    name = rows.name(row)
    return name[1] if name else MISSING_PARENT


def shortened(trail: Sequence[str]) -> tuple[str, ...]:
    """Leave out the middle of a path of more than LONGEST_PATH operations."""
    if len(trail) <= LONGEST_PATH:
        return tuple(trail)
    half = LONGEST_PATH // 2
    return (*trail[:half], "…", *trail[-half:])
