"""Find exactly the newest traces in stores that return any matching ones when they hit a limit.

A trace is listed at the time of its newest matching span within the searched window, no matter
when the trace itself started. So a batch that started an hour ago and failed just now is listed
at its failure.

No storage of Jaeger guarantees which matching traces a limit leaves: some return those written
last, some those that end last, some any. The only guarantee is that an answer with fewer traces
than requested is complete. So a search goes back in slices of time, each narrow enough for its
answer to be complete:

      older                                                    newer
    start ----------[ next slice ][ complete ][ complete ]---- end
                                  ^ complete_from

How far back the newest N reach is learned from every answer (see density), so one slice is
usually enough. An answer that was cut only serves to choose a narrower slice:

                    next(): as wide as the density suggests
                       │
                       v
    ┌────────────> ask the store ──── fewer than the depth ───> add(): complete
    │                  │                                          │        │
    │          as many as the depth                        list lacks some │ enough
    │                  v                                          │        v
    │    narrower(): later start, greater depth                next()   result()
    │    1 from the last trace that the list needs                │
    │    2 past the moment at which there are too many            │
    │    3 one nanosecond, as deep as possible                    │
    └──────────────────┴──────────────────────────────────────────┘

Jaeger's summaries have no spans: they only show that a trace matches somewhere between its start
and its end, within the slice. Such a list is never cut among traces that overlap there (see
list_end), so it may be longer than its limit, and a long trace may appear again in the next list.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ops.backends.trace_search.density import Density
from ops.backends.trace_search.list_end import cut, newest_first
from ops.backends.trace_search.results import FoundTraces, Matches
from ops.backends.trace_search.search import TraceSearch, Window
from ops.vocabulary.summaries import TraceSummary

MOST_AT_ONCE = 10_000  # traces to request of a single nanosecond
_MOST_CALLS = 30
_DEEPER = 4  # times as many traces are requested after an answer was cut
_NARROWER = 64  # the next slice is at most this many times narrower
MOST_SPANS = 100_000  # to look at for one list if we test conditions on them
_WIDER = 8  # times the limit is requested first if we do part of the filtering

AskStore = Callable[[Window], Awaitable[Matches]]


class NotCached(Exception):
    """A slice is not cached, so the store must be asked."""


async def newest(
    search: TraceSearch,
    ask: AskStore,
    density: Density,
    *,
    now: int,
    patience: float,
    selective: bool = False,
    settled: int = 0,
) -> FoundTraces:
    """Return the newest traces that fit, as many as are found within `patience` seconds.

    What the first slices had is returned even if there was no time or no answer for the next.
    `selective` means that few of the traces looked at are expected to fit. Times before `settled`
    are requested in slices that other searches share.
    """
    loop = asyncio.get_running_loop()
    tired = loop.time() + patience
    progress = _Progress(search, density, now, selective, settled)
    window: Window | None = progress.next()
    while window and (progress.calls < _MOST_CALLS or not progress.any_complete):
        try:
            async with asyncio.timeout_at(tired if progress.any_complete else None) as limit:
                answer = await ask(window)
        except NotCached:
            raise
        except Exception:
            if progress.traces or (limit.expired() and progress.any_complete):
                break  # what was found is better than an error about what is older
            raise
        progress.calls += answer.calls
        progress.shared &= answer.complete_for is not None
        whole = len(answer) < window.depth or window.depth >= MOST_AT_ONCE
        if answer.complete_for or whole:  # else the answer was cut and only serves to narrow
            progress.add(answer, answer.complete_for or window)
            window = None if progress.enough else progress.next()
        else:
            window = progress.narrower(answer, window)
    return progress.result()


@dataclass(slots=True)
class _Progress:
    """What a search has seen so far: everything that is listed at `complete_from` or later.

    `traces` fit, `rejected` were returned but do not: by ID, with when they match. After a cut
    answer, enough traces are known to exist from `enough_from` on, and `least_depth` is the least
    depth to request. `narrow_fast` means that the last slice listed something, so that a cut
    answer's density is a good guess.
    """

    search: TraceSearch
    density: Density
    now: int
    selective: bool
    settled: int
    complete_from: int = 0
    traces: dict[str, TraceSummary] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    any_complete: bool = False
    enough_from: int = 0
    least_depth: int = 0
    narrow_fast: bool = True
    calls: int = 0
    spans: int = 0
    shared: bool = True
    by_status: bool = False

    def __post_init__(self) -> None:
        self.complete_from = self.search.latest + 1

    @property
    def need(self) -> int:
        """How many traces the list still lacks."""
        return max(self.search.limit - len(self.traces), 0)

    @property
    def enough(self) -> bool:
        """Whether nothing is left to search, or enough was looked at."""
        looked_at = len(self.traces) + len(self.rejected)
        much = looked_at >= self.search.deepest or (
            self.search.conditions and self.spans >= MOST_SPANS
        )
        return not self.need or bool(much) or self.at_the_start

    @property
    def at_the_start(self) -> bool:
        """Whether the whole window of the search is known."""
        return self.complete_from <= self.search.start

    @property
    def _most(self) -> int:
        """How many traces to expect of a slice at most, so that a few are enough for a list."""
        most = self.search.deepest // 2
        if self.search.conditions and (spans := self.density.spans_of(1)):
            most = min(most, int(MOST_SPANS / 4 / spans) + 1)
        return most

    def next(self) -> Window:
        """Return the slice before the known part, as wide as the density suggests."""
        search, end = self.search, self.complete_from - 1
        if (shared := self._shared_slice(end)) is not None:
            return shared
        width, expected = self.density.reach(self.need, self._most)
        # The newest traces are not stored yet, so a slice up to now reaches back further.
        start = max(min(end, self.now - self.density.lag) - width + 1, search.start)
        if self.enough_from > end:
            self.enough_from = 0
        # On a grid, so that similar searches request the same slice.
        grid = 1 << max(width.bit_length() - 2, 0)
        start = max(min(start, end) // grid * grid, search.start, self.enough_from)
        return Window(min(start, end), end, self._depth(expected))

    def _shared_slice(self, end: int) -> Window | None:
        """Return the shared slice up to `end`; None if it is too new or its width is unknown."""
        grid, expected = self.density.grid(self.search.limit, self._most)
        if not grid or self.least_depth or end >= self.settled:
            return None
        start = max(end // grid * grid, self.search.start)
        return Window(start, end, self._depth(2 * expected), grid, self.settled)

    def _depth(self, expected: int) -> int:
        """Return how many traces to request if that many are expected."""
        limit = self.search.limit
        least = limit * _WIDER if self.selective else limit + limit // 4 + 4
        depth = max(least, 2 * expected + 20, self.least_depth)
        # A power of two, so that similar searches request the same.
        return min(1 << (depth - 1).bit_length(), self.search.deepest)

    def add(self, answer: Matches, window: Window) -> None:
        """Add a complete answer; traces listed before its window come with the next."""
        search, known = self.search, len(self.traces)
        goes_on, whole = search.before is not None, search.tests_whole_traces
        for each in answer.traces:
            trace = each.trace
            if trace.matched < window.start or (goes_on and search.is_listed_before(trace)):
                continue
            if each.wanted and (not whole or search.fits(trace)):
                self.traces.setdefault(trace.trace_id, trace)
                self.rejected.pop(trace.trace_id, None)  # an older part of it fits
            elif trace.trace_id not in self.traces:
                self.rejected[trace.trace_id] = trace.matched
        self.complete_from = window.start
        self.any_complete = True
        self.by_status |= answer.by_status
        spans = sum(each.trace.span_count for each in answer.traces)
        self.spans += spans
        width = window.end - window.start + 1
        self.narrow_fast = len(self.traces) > known
        self.density.learn(width, len(self.traces) - known, len(answer), spans)
        if answer.traces and window.end >= self.now:
            self.density.lag = max(self.now - max(each.trace.matched for each in answer.traces), 0)

    def narrower(self, answer: Matches, window: Window) -> Window:
        """Return the slice to request instead of one whose answer was cut.

        It starts at the last trace that the list needs, so it has enough, but fewer in all. If a
        store returns the oldest first, that is hardly narrower. So the slice is only as wide as
        the answer's density suggests, unless the last slice had nothing to list.
        """
        search = self.search
        every = sorted(_middle(each.trace) for each in answer.traces)
        fits = [each.trace for each in answer.traces if each.wanted and search.fits(each.trace)]
        fits = [trace for trace in fits if not search.is_listed_before(trace)]
        start = every[len(every) // 2]
        if len(fits) >= self.need:
            start = sorted(map(_middle, fits))[-self.need]
            self.enough_from = sorted(trace.matched_from for trace in fits)[-self.need]
        start = min(max(start, window.start), window.end)
        depth = self.least_depth = min(window.depth * _DEEPER, search.deepest)
        if self.narrow_fast:
            apart = (every[-1] - every[0]) // len(every)
            width = max(self.need * 2 * apart, (window.end - window.start) // _NARROWER)
            start = max(start, window.end - width)
        if start > window.start or depth > window.depth:
            return Window(start, window.end, depth)
        if start < window.end:  # too many at one moment: search what is newer first
            later = [time for time in every if time > start]
            start = later[len(later) // 2] if later else start + 1
            return Window(min(start, window.end), window.end, depth)
        # A single nanosecond cannot be narrowed: this answer counts even if it is cut.
        return Window(start, start, MOST_AT_ONCE)

    def result(self) -> FoundTraces:
        """Return the list."""
        fits = sorted(self.traces.values(), key=newest_first)
        size, rest = cut(fits, self.search, self.complete_from)
        looked_at = sum(rest is None or time > rest.time for time in self.rejected.values())
        return FoundTraces(
            summaries=tuple(fits[:size]),
            fetched=size + looked_at,
            rest=rest,
            end=self.search.end,
            calls=self.calls,
            by_status=self.by_status,
            shared=self.shared,
        )


def _middle(trace: TraceSummary) -> int:
    """Return about when a trace matches; summaries only say between when and when."""
    return (trace.matched_from + trace.matched) // 2
