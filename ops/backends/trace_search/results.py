"""What a store answers for one window, and the list that a search makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ops.backends.trace_search.search import TraceSearch, Window
from ops.vocabulary.filters import Place
from ops.vocabulary.summaries import TraceSummary


@dataclass(frozen=True, slots=True, eq=False)
class FoundTrace:
    """A trace of an answer; it is not `wanted` if our own filtering rejected it.

    `spans` has the start and duration of each matching span, if they are known.
    """

    trace: TraceSummary
    wanted: bool = True
    spans: Sequence[tuple[int, int]] = ()

    def refined(self, search: TraceSearch) -> "FoundTrace | None":
        """Narrow this trace of a coarser search to `search`; None if it does not match."""
        least, most = search.span_min, search.span_max
        # The coarser search listed it at its newest match, which this search may not include.
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
    counts further traces that a coarser search returned.
    """

    traces: Sequence[FoundTrace]
    by_status: bool = False
    calls: int = 1
    complete_for: Window | None = None
    others: int = 0

    def __len__(self) -> int:
        return len(self.traces) + self.others

    def refined(self, search: TraceSearch) -> "Matches":
        """Narrow this answer of a coarser search to `search`."""
        if not (search.is_plain and (search.span_min or search.span_max)):
            return self
        # Those that do not match still count: they show whether the answer was cut.
        traces = [each.refined(search) or replace(each, wanted=False) for each in self.traces]
        return replace(self, traces=traces)


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
        rest = self.rest if self.rest is not None and self.rest.time >= start else None
        if rest is self.rest and (not self.summaries or self.summaries[-1].matched >= start):
            return self
        kept = tuple(trace for trace in self.summaries if trace.matched >= start)
        fetched = self.fetched - len(self.summaries) + len(kept)
        return replace(self, summaries=kept, fetched=fetched, rest=rest)
