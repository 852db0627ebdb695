"""Where the time of a trace went: by its critical path, each span's own time, and the gaps.

Spans are numbered; each has a start, an end (Unix nanoseconds) and a parent's number, -1 for none.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ops.traces.critical_path import Segment, critical_path
from ops.traces.own_time import Gap, Names, own_and_gaps
from ops.traces.times import Times
from ops.vocabulary.columns import Numbers, order_of
from ops.vocabulary.timerange import format_duration

LEAST_SHARE = 0.05  # a smaller share is not worth a sentence
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Share:
    """One operation's time on the critical path: in total, and per span, the largest first."""

    service: str
    operation: str
    duration: int
    durations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """All spans of one operation: their count, and nanoseconds on the critical path and own time.

    `row` is the span with the most of it.
    """

    service: str
    operation: str
    spans: int
    path: int
    own: int
    row: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of a trace went.

    `path` is in time order, `own` has each span's own time in nanoseconds (while no child ran),
    `shares` has the operations of the path, the largest first, `operations` all of them in the
    same order, `gaps` the longest ones. `sentences` sums it up in at most three sentences.
    """

    path: tuple[Segment, ...] = ()
    own: Sequence[int] = ()
    shares: tuple[Share, ...] = ()
    operations: tuple[Operation, ...] = ()
    gaps: tuple[Gap, ...] = ()
    sentences: tuple[str, ...] = ()


def where_time_went(times: Times, names: Names) -> Timing:
    """Analyze a trace; `names` are those of its spans."""
    path = tuple(segment for segment in critical_path(times) if names[segment.row])
    shares = _shares(path, names)
    own, gaps = own_and_gaps(times, names)
    whole = int(np.max(times.ends)) - int(np.min(times.starts))
    return Timing(
        path=path,
        own=own,
        shares=shares,
        operations=_operations(path, own, names),
        gaps=gaps,
        sentences=tuple(_sentences(shares, gaps, names, whole)),
    )


def _shares(path: Sequence[Segment], names: Names) -> tuple[Share, ...]:
    spans: dict[int, int] = {}
    for segment in path:
        spans[segment.row] = spans.get(segment.row, 0) + segment.end - segment.start
    operations: dict[tuple[str, str], list[int]] = {}
    for row, duration in spans.items():
        if name := names[row]:
            operations.setdefault(name, []).append(duration)
    shares = (
        Share(*name, sum(durations), tuple(sorted(durations, reverse=True)))
        for name, durations in operations.items()
    )
    return tuple(
        sorted(shares, key=lambda share: (-share.duration, share.service, share.operation))
    )


def _operations(path: Sequence[Segment], own: Sequence[int], names: Names) -> tuple[Operation, ...]:
    waited = Counter[int]()
    for segment in path:
        waited[segment.row] += segment.end - segment.start
    on_path: dict[int, list[int]] = {}
    for row in sorted(waited):
        on_path.setdefault(names.numbers[row], []).append(row)
    numbers = np.asarray(names.numbers, np.intp)
    order = order_of(numbers)
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
        if name := names[rows[0]]:
            waiting = on_path.get(names.numbers[rows[0]], [])
            found.append(_operation(name, rows, own, waiting, waited))
    return tuple(
        sorted(found, key=lambda each: (-each.path, -each.own, each.service, each.operation))
    )


def _operation(
    name: tuple[str, str],
    rows: Numbers,
    own: Sequence[int],
    on_path: Sequence[int],
    waited: Mapping[int, int],
) -> Operation:
    """Sum up an operation; its row is the one with the most path, then the most own time."""
    owns = np.asarray(own)[rows]
    row = int(rows[owns.argmax()])
    if on_path:
        row = max(on_path, key=lambda row: (waited[row], own[row], -row))
    path = sum(waited[row] for row in on_path)
    return Operation(*name, len(rows), path, sum(owns.tolist()), row)


def _sentences(
    shares: Sequence[Share],
    gaps: Sequence[Gap],
    names: Names,
    whole: int,
) -> Iterator[str]:
    if not whole:
        return
    for share in shares[:2]:
        if share.duration >= LEAST_SHARE * whole:
            yield (
                f"{_percent(share.duration, whole)} in {share.service} {share.operation}"
                + _times(share)
            )
    gap = gaps[0] if gaps else None
    name = names[gap.row] if gap else None
    if gap and name and gap.duration >= LEAST_SHARE * whole:
        yield (f"{format_duration(gap.duration)} in {name[0]} {name[1]} with no child span running")


def _times(share: Share) -> str:
    if len(share.durations) == 1:
        return f", {format_duration(share.duration)}"
    named = ", ".join(format_duration(each) for each in share.durations[:MOST_NAMED])
    rest = ", …" if len(share.durations) > MOST_NAMED else ""
    return f", {len(share.durations)} times ({named}{rest})"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%"
