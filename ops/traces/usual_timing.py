"""The usual timing: earlier traces of the same root operation that succeeded."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median_low

from ops.backends.clients import clients
from ops.backends.trace_search import TraceSearch
from ops.errors import OpsError
from ops.sites import Site, sites
from ops.traces.comparing import LEAST_SHARE, Difference, kind_of
from ops.traces.fetching import FINISHED, fetch_from
from ops.traces.trace import Trace
from ops.vocabulary import timerange
from ops.vocabulary.summaries import TraceSummary

BACK = timerange.DAY
SLACK = timerange.MINUTE  # traces that ran at the same time are as good a measure as earlier ones
MOST = 50
ENOUGH = 5  # fewer traces are a weak measure
MOST_FETCHED = 100  # because some failed, and some have another root operation
MOST_READ = 20
LARGEST = 5_000  # spans of a trace that is read in full
AT_ONCE = 4
READING = 15.0  # seconds after which the traces read so far must do
_SUMMARY = 1_000  # bytes


@dataclass(frozen=True, slots=True)
class UsualTiming:
    """A trace beside the last successful ones: same root operation, started within a day before.

    `found` is how many there were, at most MOST, `duration` their median in nanoseconds.
    `differences` are by operation, from the usual to this trace, those with the largest
    difference in own time first. Each usual number is the median over the `read` traces that were
    read in full (the lower of two, and 0 for a trace without the operation), so an operation that
    fewer than half of them have is "new". They have no path, and `explains` is the difference in
    own time, because medians do not add up.
    """

    trace: Trace
    found: int
    duration: int
    read: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def longer(self) -> int:
        """By how many nanoseconds this trace took longer."""
        return self.trace.duration - self.duration

    @property
    def measure(self) -> str:
        """`the last 50 that succeeded`; it says so if they are few."""
        if self.found == 1:
            return "the only one that succeeded"
        return f"{'the last' if self.found >= ENOUGH else 'only'} {self.found} that succeeded"


async def usual_duration(trace: Trace) -> UsualTiming:
    """Compare a trace's duration with the usual one; one search."""
    return _usual(trace, await _succeeded(sites().site(trace.site), trace))


async def usual_operations(trace: Trace) -> UsualTiming:
    """Compare a trace's operations with the usual ones too; reads some of the traces in full.

    Large traces, and those that cannot be read in time, are left out.
    """
    site = sites().site(trace.site)
    summaries = await _succeeded(site, trace)
    small = [each.trace_id for each in summaries if each.span_count <= LARGEST][:MOST_READ]
    others = await _read(site, small)
    differences = await asyncio.to_thread(differences_from, others, trace)
    return replace(_usual(trace, summaries), read=len(others), differences=tuple(differences))


def differences_from(others: Sequence[Trace], trace: Trace) -> list[Difference]:
    """Compare each operation of a trace with the median over others; see UsualTiming."""
    if not others:
        return []
    usual, here = [_totals(other) for other in others], _totals(trace)
    least = LEAST_SHARE * max(trace.duration, median_low(other.duration for other in others))
    names = dict.fromkeys(name for totals in (here, *usual) for name in totals)
    found = (
        _difference(name, [each.get(name, _NONE) for each in usual], here.get(name, _NONE), least)
        for name in names
    )
    return sorted(
        (each for each in found if any(each.counts)),
        key=lambda each: (-abs(each.explains), each.service, each.operation),
    )


def _usual(trace: Trace, summaries: Sequence[TraceSummary]) -> UsualTiming:
    durations = [each.duration for each in summaries]
    return UsualTiming(trace, len(durations), median_low(durations) if durations else 0)


async def _succeeded(site: Site, trace: Trace) -> tuple[TraceSummary, ...]:
    """Return the last traces that succeeded, newest first; none if the root is missing."""
    if not trace.service:
        return ()
    key = ("usual", site.name, trace.trace_id)
    kept: tuple[TraceSummary, ...] | None = clients().kept.get(key)
    if kept is not None:
        return kept
    jaeger = clients().jaeger(site)
    found = await jaeger.find(
        TraceSearch(
            start=trace.start - BACK,
            end=trace.start + SLACK,
            limit=MOST_FETCHED,
            service=trace.service,
            operation=trace.operation,
        )
    )
    summaries = tuple(each for each in found.summaries if _is_alike(each, trace))[:MOST]
    if trace.start + SLACK < timerange.now_ns() - FINISHED:
        clients().kept.keep(key, summaries, len(summaries) * _SUMMARY)
    return summaries


def _is_alike(other: TraceSummary, trace: Trace) -> bool:
    return (
        not other.error_count
        and other.trace_id != trace.trace_id
        and (other.service, other.operation) == (trace.service, trace.operation)
    )


async def _read(site: Site, trace_ids: Iterable[str]) -> list[Trace]:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def read(trace_id: str) -> Trace | None:
        async with at_once:
            try:
                return await fetch_from(site, trace_id)
            except OpsError:
                return None

    reading = [asyncio.create_task(read(each)) for each in trace_ids]
    try:
        done, _ = await asyncio.wait(reading, timeout=READING) if reading else (set(), set())
    finally:
        for task in reading:
            task.cancel()
    return [trace for task in done if (trace := task.result())]


@dataclass(frozen=True, slots=True)
class _Total:
    """One trace's total for an operation; `row` is the span with the most own time."""

    count: int = 0
    duration: int = 0
    own: int = 0
    row: int | None = None


_NONE = _Total()


def _totals(trace: Trace) -> dict[tuple[str, str], _Total]:
    times, owns = trace.rows.times(), trace.timing.own
    rows: dict[tuple[str, str], list[int]] = {}
    for row, name in enumerate(trace.rows.names()):
        if name:
            rows.setdefault(name, []).append(row)
    return {
        name: _Total(
            count=len(each),
            duration=sum(times.ends[row] - times.starts[row] for row in each),
            own=sum(owns[row] for row in each),
            row=max(each, key=owns.__getitem__),
        )
        for name, each in rows.items()
    }


def _difference(
    name: tuple[str, str], usual: Sequence[_Total], here: _Total, least: float
) -> Difference:
    counts = median_low(each.count for each in usual), here.count
    owns = median_low(each.own for each in usual), here.own
    return Difference(
        kind=kind_of(counts, owns, least) if any(counts) else "same",
        service=name[0],
        operation=name[1],
        path=(),
        counts=counts,
        durations=(median_low(each.duration for each in usual), here.duration),
        owns=owns,
        rows=(None, here.row),
        explains=owns[1] - owns[0],
    )
