"""Exactly the newest traces, from stores that keep whichever they like when they cut an answer.

No storage of Jaeger promises which of the matching traces a limit leaves: some keep the last
written, some any. So a cut answer is not the list; it says how far back to look. From the
start of its last trace within the limit on there are enough of them, and fewer for the store
to leave out. It is asked for these, and for twice as many, until an answer is not cut. A store
that keeps any is asked some six times for the 20 newest of 100,000.

One that gives what was written last first shows it: its answer goes from new to old, but for
traces that were written late, as long ones are and those of one batch. How late is seen in the
answer; where it reaches back twice as far beyond the list, the store is not asked again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from ops import timerange
from ops.backends.matching import Tags, is_about_the_trace
from ops.filters import LARGEST_LIMIT
from ops.traces.summaries import TraceSummary

LATE = 5 * timerange.SECOND  # how long after its trace's start a matching span may start
_MOST_CALLS = 20
_NO_CHANCE = 11  # so many traces do not come from new to old by chance
_DEEPER = 4  # times as many are asked for when too few of them fit
_WIDER = 8  # times the limit is asked for first when part of the filtering is ours


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """What to search for; all times in nanoseconds, 0 and "" mean any.

    Traces are meant that start at `start` or later and before `end`. `span_min` and `span_max`
    bound one span's duration, `trace_min` and `trace_max` the whole trace's. All but the
    latter, and the tag error=false, must hold on one span.
    """

    start: int
    end: int
    limit: int
    service: str = ""
    operation: str = ""
    tags: Tags = ()
    span_min: int = 0
    span_max: int = 0
    trace_min: int = 0
    trace_max: int = 0

    @property
    def span_tags(self) -> Tags:
        """The tags that one span must have."""
        return tuple(tag for tag in self.tags if not is_about_the_trace(tag))

    def fits(self, trace: TraceSummary) -> bool:
        """Tell whether a trace meets what is asked of it as a whole."""
        return (
            self.start <= trace.start < self.end
            and trace.duration >= self.trace_min
            and (not self.trace_max or trace.duration <= self.trace_max)
            and not (trace.error_count and self.span_tags != self.tags)
        )

    def first_depth(self, span_tags_are_ours: bool) -> int:
        """Return how many traces to ask for first."""
        whole = self.trace_min or self.trace_max or self.span_tags != self.tags
        if whole or span_tags_are_ours:
            return min(self.limit * _WIDER, self.deepest)
        return self.limit + self.limit // 4 + 4  # some more tell in which order they come

    @property
    def deepest(self) -> int:
        """The most traces that are asked for at once."""
        return max(self.limit * 2, LARGEST_LIMIT)


@dataclass(frozen=True, slots=True)
class Window:
    """What to ask a store for: `depth` traces with a matching span that starts in this time.

    Its end lies after the search's, as a span may start well after its trace.
    """

    start: int
    end: int
    depth: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a store: the starts of all its traces, summaries of those that match.

    `by_status` says that it counts as failed what has the status ERROR, and no tag that says so.
    """

    starts: Sequence[int]
    summaries: Sequence[TraceSummary]
    by_status: bool = False


@dataclass(frozen=True, slots=True)
class FoundTraces:
    """What a search found: newest first, ties by id, no more than its limit.

    `fetched` counts these and the traces among them in time that our own filtering left out.
    Matching traces that are not here, if there are any, start before `rest`; None where all
    are here. `by_status` is as in Answer.
    """

    summaries: tuple[TraceSummary, ...]
    fetched: int
    rest: int | None
    by_status: bool = False

    @property
    def more(self) -> bool:
        """Whether there may be others."""
        return self.rest is not None

    def since(self, start: int) -> "FoundTraces":
        """Leave out what starts before."""
        kept = tuple(trace for trace in self.summaries if trace.start >= start)
        fetched = self.fetched - len(self.summaries) + len(kept)
        rest = self.rest if self.rest is not None and self.rest > start else None
        return replace(self, summaries=kept, fetched=fetched, rest=rest)


Ask = Callable[[Window], Awaitable[Answer]]


async def newest(search: TraceSearch, window: Window, ask: Ask) -> FoundTraces:
    """Return the newest traces that fit. The window is what to ask the store for first.

    Where a store holds too many traces that start in one nanosecond, or that last through the
    whole range, the list is what was found, and its last start may come again in the rest.
    Where it holds too many that start just after the search's end, less time is left there for
    spans that start later than their traces.
    """
    for _ in range(_MOST_CALLS):
        answer = await ask(window)
        fits = sorted(filter(search.fits, answer.summaries), key=_newest_first)
        whole = len(answer.starts) < window.depth or _newest_came(search, answer, fits)
        narrower = window if whole else _narrowed(window, search, answer, fits)
        if narrower == window:
            break
        window = narrower
    rest = _rest(search, fits, window.start, whole)
    fetched = _fetched(search, fits, answer, rest)
    return FoundTraces(tuple(fits[: search.limit]), fetched, rest, answer.by_status)


def _newest_came(search: TraceSearch, answer: Answer, fits: Sequence[TraceSummary]) -> bool:
    """Tell whether a cut answer shows that what it leaves out is older than the list."""
    if len(answer.starts) < _NO_CHANCE or len(fits) <= search.limit:
        return False
    newest = oldest = answer.starts[-1]
    late = 0
    for start in reversed(answer.starts):
        newest, oldest = max(newest, start), min(oldest, start)
        late = max(late, newest - start)
    return fits[search.limit - 1].start > oldest + 2 * late


def _newest_first(trace: TraceSummary) -> tuple[int, str]:
    return -trace.start, trace.trace_id


def _narrowed(
    window: Window, search: TraceSearch, answer: Answer, fits: Sequence[TraceSummary]
) -> Window:
    """Return the window to look at instead, the same where nothing is left to try."""
    depth = min(window.depth * 2, search.deepest)
    if len(fits) >= search.limit:
        cut = fits[search.limit - 1].start
    elif window.depth < search.deepest:
        return replace(window, depth=min(window.depth * _DEEPER, search.deepest))
    else:
        starts = sorted(start for start in answer.starts if start >= window.start)
        cut = starts[len(starts) // 2] if starts else window.start
    narrower = replace(window, start=max(cut, window.start), depth=depth)
    crowded = narrower == window and any(start >= search.end for start in answer.starts)
    if cut >= search.end or crowded:
        return replace(window, end=(search.end + window.end) // 2)
    return narrower


def _rest(
    search: TraceSearch, fits: Sequence[TraceSummary], known_from: int, whole: bool
) -> int | None:
    """Return before when the traces start that are not listed; of ties with the last, after it."""
    last, beyond = fits[: search.limit][-1:], fits[search.limit :]
    if not whole:
        return (last[0].start if last else known_from) + 1
    if beyond:
        return last[0].start + (beyond[0].start == last[0].start)
    return known_from if known_from > search.start else None


def _fetched(
    search: TraceSearch, fits: Sequence[TraceSummary], answer: Answer, rest: int | None
) -> int:
    cut = search.start if rest is None else rest
    looked_at = sum(cut <= start < search.end for start in answer.starts)
    fitting = sum(trace.start >= cut for trace in fits)
    return len(fits[: search.limit]) + looked_at - fitting
