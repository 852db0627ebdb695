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
                                  ^ known from here on

How far back the newest N reach is learned from every answer (see ops.backends.density), so one
slice is usually enough. An answer that was cut only serves to choose a narrower slice.

Jaeger's summaries have no spans: they only show that a trace matches somewhere between its start
and its end, within the slice. Such a list is never cut among traces that overlap there, so it may
be longer than its limit, and a long trace may appear again in the next list.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from ops.backends.conditions import Tags, is_about_the_trace, is_plain
from ops.backends.density import Density
from ops.vocabulary.filters import LARGEST_LIMIT, Place
from ops.vocabulary.summaries import TraceSummary

MOST_AT_ONCE = 10_000  # traces to request of a single nanosecond
_MOST_CALLS = 30
_DEEPER = 4  # times as many traces are requested after an answer was cut
_NARROWER = 64  # the next slice is at most this many times narrower
_WIDER = 8  # times the limit is requested first if we do part of the filtering


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """What to search for; all times in nanoseconds, 0 and "" mean any.

    A trace matches if one of its matching spans starts at `start` or later and before `end`.
    With `before`, only traces that are listed after that place count. `span_min` and `span_max`
    bound one span's duration, `trace_min` and `trace_max` the whole trace's. One span must meet
    all conditions except the last two and the tag error=false.

    With `whole_moments`, traces that match in the same nanosecond are never split: the list then
    exceeds the limit by those that match together with its last trace.
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
    before: Place | None = None
    whole_moments: bool = False

    @property
    def span_tags(self) -> Tags:
        """The tags that one span must have."""
        return tuple(tag for tag in self.tags if not is_about_the_trace(tag))

    @property
    def latest(self) -> int:
        """The last nanosecond at which a trace can be listed."""
        return self.end - 1 if self.before is None else min(self.before.time, self.end - 1)

    @property
    def shape(self) -> tuple[object, ...]:
        """A key of searches that match about as many spans; durations are rounded."""
        bounds = self.span_min, self.span_max, self.trace_min, self.trace_max
        return self.service, self.operation, self.tags, *(each.bit_length() for each in bounds)

    @property
    def unfiltered_shape(self) -> tuple[object, ...]:
        """The shape of a search for everything that its service does."""
        return self.service, "", (), 0, 0, 0, 0

    @property
    def rough(self) -> tuple[str, str, Tags, int, int]:
        """The service, operation, tags and durations of a rougher search that others share."""
        least, most = self.span_min, self.span_max
        if self.is_plain:
            least, most = _rounded(least), 2 * _rounded(most)
        return self.service, self.operation, self.span_tags, least, most

    @property
    def is_plain(self) -> bool:
        """Whether no store finds more spans than we would; some interpret tags more broadly."""
        return all(map(is_plain, self.span_tags))

    def roughly(self, start: int, end: int) -> "TraceSearch":
        """Return the rougher search for another time range."""
        return TraceSearch(start, end, 0, *self.rough)

    @property
    def of_whole_traces(self) -> bool:
        """Whether there are conditions on whole traces, which no store tests."""
        return bool(self.trace_min or self.trace_max or self.span_tags != self.tags)

    @property
    def deepest(self) -> int:
        """The most traces to request in one call, and to look at for one list."""
        return max(self.limit * 2, LARGEST_LIMIT)

    def fits(self, trace: TraceSummary) -> bool:
        """Return whether a trace meets the conditions on whole traces."""
        return (
            trace.duration >= self.trace_min
            and (not self.trace_max or trace.duration <= self.trace_max)
            and not (trace.error_count and self.span_tags != self.tags)
        )

    def comes_earlier(self, trace: TraceSummary) -> bool:
        """Return whether a trace is listed before the place where this search continues."""
        if self.before is None or not trace.is_exact:
            return False
        return (-trace.matched, trace.trace_id) <= (-self.before.time, self.before.trace_id)


@dataclass(frozen=True, slots=True)
class Window:
    """What to request: `depth` traces with a matching span from `start` to `end`, both included.

    With a `grid` it is part of a slice that other searches share. Such slices start at multiples
    of the grid, and also end there if that is before `settled`.
    """

    start: int
    end: int
    depth: int
    grid: int = 0
    settled: int = 0

    def on_grid(self, grid: int) -> "Window":
        """Return the slice of a grid that contains the end of this window."""
        start = self.end // grid * grid
        end = start + grid - 1
        return Window(start, end if end < self.settled else self.end, self.depth)

    def within(self, slice_: "Window", search: TraceSearch) -> "Window":
        """Return the part of such a slice that a search needs, up to this window's end."""
        return Window(max(slice_.start, search.start), self.end, self.depth)


@dataclass(frozen=True, slots=True, eq=False)
class FoundTrace:
    """A trace of an answer; it is not `wanted` if our own filtering rejected it.

    `spans` has the start and duration of each matching span, if they are known.
    """

    trace: TraceSummary
    wanted: bool = True
    spans: Sequence[tuple[int, int]] = ()

    def refined(self, search: TraceSearch) -> "FoundTrace | None":
        """Narrow this trace of a rougher search to `search`; None if it does not match."""
        least, most = search.span_min, search.span_max
        if not self.wanted or not (least or most or self.trace.matched >= search.end):
            return self
        matched = max(
            (
                start
                for start, took in self.spans
                if search.start <= start < search.end
                and took >= least
                and (not most or took <= most)
            ),
            default=-1,
        )
        if matched == self.trace.matched:
            return self
        if matched < 0:
            return None
        return FoundTrace(replace(self.trace, matched=matched, matched_from=matched))


@dataclass(frozen=True, slots=True)
class Matches:
    """One answer of a store.

    `by_status` means that spans counted as failed by the status ERROR only, not by a tag.
    `calls` is how often the store was called for it. It is `complete_for` a window if that is
    already known; otherwise it is complete if it has fewer traces than requested. `others`
    counts further traces that a rougher search returned.
    """

    traces: Sequence[FoundTrace]
    by_status: bool = False
    calls: int = 1
    complete_for: Window | None = None
    others: int = 0

    def __len__(self) -> int:
        return len(self.traces) + self.others

    def refined(self, search: TraceSearch) -> "Matches":
        """Narrow this answer of a rougher search to `search`."""
        if not (search.is_plain and (search.span_min or search.span_max)):
            return self
        traces = [each.refined(search) or replace(each, wanted=False) for each in self.traces]
        return replace(self, traces=traces)


Ask = Callable[[Window], Awaitable[Matches]]


class NotKept(Exception):
    """A slice is not cached, so the store must be asked."""


@dataclass(frozen=True, slots=True)
class FoundTraces:
    """What a search found: newest first, ties by ID.

    `fetched` counts these and the traces that our own filtering rejected. Any other matching
    traces are listed after the place `rest`, and none of them matches later than its time;
    `rest` is None if there are none. `end` is the end of the searched window, `calls` how often
    the store was called, `by_status` as in Matches. `shared` means that everything is from
    slices that are cached themselves.
    """

    summaries: tuple[TraceSummary, ...]
    fetched: int
    rest: Place | None
    end: int
    calls: int = 1
    by_status: bool = False
    shared: bool = False

    @property
    def more(self) -> bool:
        """Whether there may be more traces."""
        return self.rest is not None

    def since(self, start: int) -> "FoundTraces":
        """Leave out traces that match before `start`."""
        kept = tuple(trace for trace in self.summaries if trace.matched >= start)
        fetched = self.fetched - len(self.summaries) + len(kept)
        rest = self.rest if self.rest is not None and self.rest.time >= start else None
        return replace(self, summaries=kept, fetched=fetched, rest=rest)


async def newest(
    search: TraceSearch,
    ask: Ask,
    density: Density,
    *,
    now: int,
    patience: float,
    seldom: bool = False,
    settled: int = 0,
) -> FoundTraces:
    """Return the newest traces that fit, as many as are found within `patience` seconds.

    What the first slices had is returned even if there was no time or no answer for the next.
    `seldom` means that few of the traces looked at are expected to fit. Times before `settled`
    are requested in slices that other searches share.
    """
    loop = asyncio.get_running_loop()
    tired = loop.time() + patience
    looked = _Looked(search, density, now, seldom, settled)
    window: Window | None = looked.next()
    while window and (looked.calls < _MOST_CALLS or not looked.something):
        try:
            async with asyncio.timeout_at(tired if looked.something else None) as limit:
                answer = await ask(window)
        except NotKept:
            raise
        except Exception:
            if looked.traces or (limit.expired() and looked.something):
                break
            raise
        looked.calls += answer.calls
        looked.shared &= answer.complete_for is not None
        whole = len(answer) < window.depth or window.depth >= MOST_AT_ONCE
        if answer.complete_for or whole:
            looked.take(answer, answer.complete_for or window)
            window = None if looked.enough else looked.next()
        else:
            window = looked.narrower(answer, window)
    return looked.result()


@dataclass(slots=True)
class _Looked:
    """What a search has seen so far: everything that is listed at `known_from` or later.

    After a cut answer, enough traces are known to exist from `enough_from` on, and `cut_at` is
    the least depth to request.
    """

    search: TraceSearch
    density: Density
    now: int
    seldom: bool
    settled: int
    known_from: int = 0
    traces: dict[str, TraceSummary] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    something: bool = False
    enough_from: int = 0
    cut_at: int = 0
    leaps: bool = True
    calls: int = 0
    shared: bool = True
    by_status: bool = False

    def __post_init__(self) -> None:
        self.known_from = self.search.latest + 1

    @property
    def need(self) -> int:
        """How many traces the list still lacks."""
        return max(self.search.limit - len(self.traces), 0)

    @property
    def enough(self) -> bool:
        """Whether nothing is left to search, or enough was looked at."""
        looked_at = len(self.traces) + len(self.others)
        return not self.need or looked_at >= self.search.deepest or self.at_the_start

    @property
    def at_the_start(self) -> bool:
        """Whether the whole window of the search is known."""
        return self.known_from <= self.search.start

    def next(self) -> Window:
        """Return the slice before the known part, as wide as the density suggests."""
        search, end = self.search, self.known_from - 1
        if (shared := self._on_grid(end)) is not None:
            return shared
        width, expected = self.density.reach(self.need, search.deepest // 2)
        start = max(min(end, self.now - self.density.lag) - width + 1, search.start)
        if self.enough_from > end:
            self.enough_from = 0
        # On a grid, so that similar searches request the same slice.
        grid = 1 << max(width.bit_length() - 2, 0)
        start = max(min(start, end) // grid * grid, search.start, self.enough_from)
        return Window(min(start, end), end, self._depth(expected))

    def _on_grid(self, end: int) -> Window | None:
        """Return the shared slice up to `end`; None if it is too new or its width is unknown."""
        grid, expected = self.density.grid(self.search.limit, self.search.deepest // 2)
        if not grid or self.cut_at or end >= self.settled:
            return None
        start = max(end // grid * grid, self.search.start)
        return Window(start, end, self._depth(2 * expected), grid, self.settled)

    def _depth(self, expected: int) -> int:
        """Return how many traces to request if that many are expected."""
        limit = self.search.limit
        least = limit * _WIDER if self.seldom else limit + limit // 4 + 4
        depth = max(least, 2 * expected + 20, self.cut_at)
        return min(1 << (depth - 1).bit_length(), self.search.deepest)

    def take(self, answer: Matches, window: Window) -> None:
        """Add a complete answer; traces listed before its window come with the next."""
        search, known = self.search, len(self.traces)
        goes_on, whole = search.before is not None, search.of_whole_traces
        for each in answer.traces:
            trace = each.trace
            if trace.matched < window.start or (goes_on and search.comes_earlier(trace)):
                continue
            if each.wanted and (not whole or search.fits(trace)):
                self.traces.setdefault(trace.trace_id, trace)
            else:
                self.others[trace.trace_id] = trace.matched
        self.known_from = window.start
        self.something = True
        self.by_status |= answer.by_status
        spans = sum(each.trace.span_count for each in answer.traces)
        width = window.end - window.start + 1
        self.leaps = len(self.traces) > known
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
        fits = [trace for trace in fits if not search.comes_earlier(trace)]
        start = every[len(every) // 2]
        if len(fits) >= self.need:
            start = sorted(map(_middle, fits))[-self.need]
            self.enough_from = sorted(trace.matched_from for trace in fits)[-self.need]
        start = min(max(start, window.start), window.end)
        depth = self.cut_at = min(window.depth * _DEEPER, search.deepest)
        if self.leaps:
            apart = (every[-1] - every[0]) // len(every)
            width = max(self.need * 2 * apart, (window.end - window.start) // _NARROWER)
            start = max(start, window.end - width)
        if start > window.start or depth > window.depth:
            return Window(start, window.end, depth)
        if start < window.end:  # too many at one moment: search what is newer first
            later = [time for time in every if time > start]
            start = later[len(later) // 2] if later else start + 1
            return Window(min(start, window.end), window.end, depth)
        return Window(start, start, MOST_AT_ONCE)

    def result(self) -> FoundTraces:
        """Return the list."""
        fits = sorted(self.traces.values(), key=_newest_first)
        size = _size(fits, self.search)
        rest = self._rest(fits, size)
        looked_at = sum(rest is None or time > rest.time for time in self.others.values())
        return FoundTraces(
            summaries=tuple(fits[:size]),
            fetched=size + looked_at,
            rest=rest,
            end=self.search.end,
            calls=self.calls,
            by_status=self.by_status,
            shared=self.shared,
        )

    def _rest(self, fits: Sequence[TraceSummary], size: int) -> Place | None:
        """Return the place after which the other traces are listed."""
        if size == len(fits):
            return None if self.at_the_start else Place(self.known_from - 1)
        last, oldest = fits[size - 1], _oldest(fits[:size])
        if fits[size].matched < oldest:
            return Place(oldest - 1)
        return Place(oldest, last.trace_id if last.matched == oldest else "")


def _rounded(number: int) -> int:
    """Round down to a power of two."""
    return 1 << number.bit_length() - 1 if number else 0


def _newest_first(trace: TraceSummary) -> tuple[int, str]:
    return -trace.matched, trace.trace_id


def _middle(trace: TraceSummary) -> int:
    return (trace.matched_from + trace.matched) // 2


def _oldest(traces: Sequence[TraceSummary]) -> int:
    return min(trace.matched_from for trace in traces)


def _size(fits: Sequence[TraceSummary], search: TraceSearch) -> int:
    """Return how many to list: the limit, and traces that cannot be split from these.

    Everything left out must certainly match before everything listed, or at the same moment
    with a larger ID.
    """
    size = min(search.limit, len(fits))
    oldest = _oldest(fits[:size]) if fits else 0
    while size < len(fits):
        left = fits[size].matched
        if left < oldest or (left == oldest and not search.whole_moments):
            break
        oldest = min(oldest, fits[size].matched_from)
        size += 1
    return size
