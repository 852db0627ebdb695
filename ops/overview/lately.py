"""A service's traces of the last minutes against those of the hour before. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low

from ops.vocabulary import timerange
from ops.vocabulary.summaries import TraceSummary

LATELY = 15 * timerange.MINUTE
BEFORE = timerange.HOUR
FEW = 5  # fewer traces say nothing about how long an operation takes
FAILED = 3  # fewer failed traces may be chance
MORE_OFTEN, MORE = 2, 0.01  # times the share of failed traces before, and at least so much more
MANY = 0.05  # failed, of traces that there is nothing to compare with
LONGER = 1.5  # times the median before
LEAST_LONGER = 5 * timerange.MILLISECOND
MOST_OPERATIONS = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """The traces that were looked at, how many of them failed, and their durations (ns)."""

    traces: int = 0
    failed: int = 0
    median: int = 0
    p95: int = 0

    @property
    def share(self) -> float:
        """The share of failed traces, 0 to 1."""
        return self.failed / self.traces if self.traces else 0.0


@dataclass(frozen=True, slots=True)
class OperationLately:
    """The traces that began with one operation; its names are "" if the root is missing.

    `failing` is the ID of the newest that failed, `error` the sentence of its deepest error, and
    `slowest` the ID of the one that took longest; "" if there is none or it is unknown.
    """

    service: str
    operation: str
    now: Sample
    before: Sample
    failing: str = ""
    slowest: str = ""
    error: str = ""

    @property
    def fails_more(self) -> bool:
        return fails_more(self.now, self.before)

    @property
    def is_slower(self) -> bool:
        """Whether the median is much longer; never with too few traces to compare."""
        longer = self.now.median - self.before.median
        return (
            min(self.now.traces, self.before.traces) >= FEW
            and self.now.median >= LONGER * self.before.median
            and longer >= LEAST_LONGER
        )

    @property
    def longer(self) -> int:
        """How much longer all of its traces took than they would have before, nanoseconds."""
        return (self.now.median - self.before.median) * self.now.traces


@dataclass(frozen=True, slots=True)
class Lately:
    """A service's newest traces of the last 15 minutes, and of the hour before.

    `start` is from when on they were looked at (Unix nanoseconds): later than 15 minutes ago if
    there are `more`. `operations` has those that fail more often first, then those that take
    longer.
    """

    start: int
    more: bool
    now: Sample
    before: Sample
    operations: tuple[OperationLately, ...]
    problems: tuple[str, ...] = ()

    @property
    def fails_more(self) -> bool:
        return fails_more(self.now, self.before)

    @property
    def failing(self) -> tuple[OperationLately, ...]:
        """The operations with failed traces, the one with most of them first."""
        failed = [each for each in self.operations if each.now.failed]
        return tuple(sorted(failed, key=lambda each: -each.now.failed))

    @property
    def slower(self) -> tuple[OperationLately, ...]:
        """The operations that take longer, the one that costs most time first."""
        slower = [each for each in self.operations if each.is_slower]
        return tuple(sorted(slower, key=lambda each: -each.longer))


def fails_more(now: Sample, before: Sample) -> bool:
    """Return whether more traces fail than before, and not by chance."""
    least = max(MORE_OFTEN * before.share, before.share + MORE) if before.traces else MANY
    return now.failed >= FAILED and now.share >= least


def compared(now: Sequence[TraceSummary], before: Sequence[TraceSummary]) -> Lately:
    """Compare traces (newest first), as a whole and by the operation that they began with."""
    earlier = _by_root(before)
    operations = [
        OperationLately(
            *root,
            now=_sample(own),
            before=_sample(earlier.get(root, ())),
            failing=next((each.trace_id for each in own if each.error_count), ""),
            error=next((each.error for each in own if each.error_count), ""),
            slowest=max(own, key=lambda each: each.duration).trace_id,
        )
        for root, own in _by_root(now).items()
    ]
    operations.sort(key=_place)
    return Lately(0, False, _sample(now), _sample(before), tuple(operations[:MOST_OPERATIONS]))


def _place(of: OperationLately) -> tuple[bool, bool, int, int]:
    return not of.fails_more, not of.is_slower, -of.now.failed, -of.now.traces


def _by_root(traces: Iterable[TraceSummary]) -> dict[tuple[str, str], list[TraceSummary]]:
    found: dict[tuple[str, str], list[TraceSummary]] = {}
    for each in traces:
        found.setdefault((each.service, each.operation), []).append(each)
    return found


def _sample(traces: Sequence[TraceSummary]) -> Sample:
    if not traces:
        return Sample()
    durations = sorted(each.duration for each in traces)
    return Sample(
        traces=len(durations),
        failed=sum(1 for each in traces if each.error_count),
        median=median_low(durations),
        p95=durations[(95 * len(durations) + 99) // 100 - 1],
    )
