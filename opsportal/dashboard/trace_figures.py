"""The order and the statistics of a list of traces, in total and by operation."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ops.vocabulary.summaries import TraceSummary

NEWEST_FIRST = "-time"
_KEYS: dict[str, Callable[[TraceSummary], int]] = {
    "time": lambda trace: trace.matched,
    "duration": lambda trace: trace.duration,
    "spans": lambda trace: trace.span_count,
    "errors": lambda trace: trace.error_count,
}
SORTS = tuple(f"{sign}{key}" for key in _KEYS for sign in ("-", ""))


def ordered(traces: Sequence[TraceSummary], sort: str) -> Sequence[TraceSummary]:
    """Sort traces, given newest first, by one of SORTS; `-` means largest first.

    Ties keep their order. For any other word the order does not change.
    """
    if sort == NEWEST_FIRST or sort not in SORTS:
        return traces
    key = _KEYS[sort.removeprefix("-")]
    return sorted(traces, key=key, reverse=sort.startswith("-"))


@dataclass(frozen=True, slots=True)
class Figures:
    """How many traces, how many of them failed, and their durations in nanoseconds."""

    count: int
    failed: int
    p50: int
    p95: int
    max: int


def figures(traces: Sequence[TraceSummary]) -> Figures:
    """Summarize at least one trace; percentiles are durations that occur (nearest rank)."""
    durations = sorted(trace.duration for trace in traces)
    count = len(durations)
    return Figures(
        count=count,
        failed=sum(1 for trace in traces if trace.error_count),
        p50=durations[-(-count // 2) - 1],
        p95=durations[-(-count * 95 // 100) - 1],
        max=durations[-1],
    )


def by_operation(traces: Sequence[TraceSummary]) -> list[tuple[str, str, Figures]]:
    """Return the service, operation and figures of each kind of root, most frequent first."""
    groups: dict[tuple[str, str], list[TraceSummary]] = defaultdict(list)
    for trace in traces:
        groups[trace.service, trace.operation].append(trace)
    found = [(*names, figures(group)) for names, group in groups.items()]
    return sorted(found, key=lambda each: (-each[2].count, each[:2]))
