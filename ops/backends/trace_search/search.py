"""What to search for, and which part of it to request from a store in one call."""

from dataclasses import dataclass

from ops.backends.trace_search.tags import Tags, is_about_whole_trace, is_plain
from ops.vocabulary import timerange
from ops.vocabulary.conditions import Condition
from ops.vocabulary.filters import LARGEST_LIMIT, Place
from ops.vocabulary.summaries import TraceSummary

_STEPS = 16  # in which the newest shared slice grows to its full width


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """What to search for; all times in nanoseconds, 0 and "" mean any.

    A trace matches if one of its matching spans starts at `start` or later and before `end`.
    With `before`, only traces that are listed after that place count. `span_min` and `span_max`
    bound one span's duration, `trace_min` and `trace_max` the whole trace's. One span must meet
    all of these except the last two and the tag error=false. No store tests `conditions`.

    With `whole_moments`, traces that match in the same nanosecond are never split: the list then
    exceeds the limit by those that match together with its last trace.
    """

    start: int
    end: int
    limit: int
    service: str = ""
    operation: str = ""
    tags: Tags = ()
    conditions: tuple[Condition, ...] = ()
    span_min: int = 0
    span_max: int = 0
    trace_min: int = 0
    trace_max: int = 0
    before: Place | None = None
    whole_moments: bool = False

    @property
    def span_tags(self) -> Tags:
        """The tags that one span must have."""
        return tuple(tag for tag in self.tags if not is_about_whole_trace(tag))

    @property
    def latest(self) -> int:
        """The last nanosecond at which a trace can be listed."""
        # A place is a time and an ID: other traces may match at that very time.
        return self.end - 1 if self.before is None else min(self.before.time, self.end - 1)

    @property
    def shape(self) -> tuple[object, ...]:
        """A key of searches that match about as many spans; durations are rounded."""
        bounds = self.span_min, self.span_max, self.trace_min, self.trace_max
        spans = self.service, self.operation, self.tags, self.conditions
        return *spans, *(each.bit_length() for each in bounds)

    @property
    def unfiltered_shape(self) -> tuple[object, ...]:
        """The shape of a search for everything that its service does."""
        return self.service, "", (), (), 0, 0, 0, 0

    @property
    def coarse(self) -> tuple[str, str, Tags, tuple[Condition, ...], int, int]:
        """What the coarser search has that similar ones share: durations are rounded outwards."""
        least, most = self.span_min, self.span_max
        if self.is_plain:
            least, most = _rounded(least), 2 * _rounded(most)
        return self.service, self.operation, self.span_tags, self.conditions, least, most

    @property
    def is_plain(self) -> bool:
        """Whether no store finds more spans than we would; some interpret tags more broadly."""
        return all(map(is_plain, self.span_tags))

    def coarser(self, start: int, end: int) -> "TraceSearch":
        """Return the coarser search for another time range."""
        return TraceSearch(start, end, 0, *self.coarse)

    @property
    def tests_whole_traces(self) -> bool:
        """Whether there are conditions on whole traces, which no store tests."""
        return bool(self.trace_min or self.trace_max or self.span_tags != self.tags)

    @property
    def deepest(self) -> int:
        """The most traces to request in one call, and to look at for one list."""
        # A filter that hardly any trace fits must not read a whole store.
        return max(self.limit * 2, LARGEST_LIMIT)

    def fits(self, trace: TraceSummary) -> bool:
        """Return whether a trace meets the conditions on whole traces."""
        return (
            trace.duration >= self.trace_min
            and (not self.trace_max or trace.duration <= self.trace_max)
            and not (trace.error_count and self.span_tags != self.tags)
        )

    def is_listed_before(self, trace: TraceSummary) -> bool:
        """Return whether a trace is before the place where this search continues."""
        if self.before is None or not trace.is_exact:
            return False
        return (-trace.matched, trace.trace_id) <= (-self.before.time, self.before.trace_id)


@dataclass(frozen=True, slots=True)
class Window:
    """What to request: `depth` traces with a matching span from `start` to `end`, both included.

    With a `grid` it is part of a slice that other searches share. Such slices start at multiples
    of the grid, and also end there; the newest one ends a little before `settled`.
    """

    start: int
    end: int
    depth: int
    grid: int = 0
    settled: int = 0

    def on_grid(self, grid: int) -> "Window":
        """Return the slice of a grid that contains the end of this window."""
        start = self.end // grid * grid
        # In steps, so that searches that come one after the other share the newest slice too.
        step = max(grid // _STEPS, timerange.SECOND)
        end = min(start + grid, self.settled // step * step) - 1
        return Window(start, max(end, self.end), self.depth)

    def within(self, slice_: "Window", search: TraceSearch) -> "Window":
        """Return the part of such a slice that a search needs, up to this window's end."""
        return Window(max(slice_.start, search.start), self.end, self.depth)


def _rounded(number: int) -> int:
    """Round down to a power of two."""
    return 1 << number.bit_length() - 1 if number else 0
