"""Slices of the past, read once for all searches that reach into them.

A slice has every trace with a matching span in it, and the time of each matching span. So it also
answers searches that end in the middle of it, and those for similar durations. Slices lie on a
grid, so that different searches use the same ones:

    grid        |           |           |           |
    search 1            [...................]           reads slices a and b from the store
    search 2         [..............]                   is answered from the same two
    slices      |  (older)  |     a     |     b     |
    cut                                 |  b1 |  b2 |   b has more traces than were requested

A slice that was cut is useless itself; its halves are read instead, and so on.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Hashable

from ops.backends.trace_search.results import FoundTrace, Matches
from ops.backends.trace_search.search import TraceSearch, Window
from ops.caching import Kept, Shared
from ops.vocabulary import timerange

SETTLED = 5 * timerange.SECOND  # old enough that few traces still arrive
SECONDS_KEPT = 60.0  # for which a slice is cached
_MOST_KEPT = 64 * 1024 * 1024  # bytes
_TRACE, _SPAN = 1_500, 200  # bytes that a trace and a matching span take, roughly
_MORE = 3  # times the limit is taken from a slice in one go if not all of that may fit
_OTHER_WIDTHS = 1, 2, 0.5  # widths of slices that serve as well, in multiples of the grid
_END_OF_TIME = 2**64

Read = Callable[[TraceSearch, Window], Awaitable[Matches]]


class Slice:
    """A store's answer for a time range, by when its spans match.

    It `is_exact` if it knows what is in each part of that range: the answer was not cut, and has no
    trace whose time of matching only the store knows.
    """

    def __init__(self, window: Window, answer: Matches) -> None:
        found = sorted(
            (moment, number)
            for number, each in enumerate(answer.traces)
            for moment in _moments(each)
            if window.start <= moment <= window.end
        )
        self.cut = len(answer) >= window.depth
        self.is_exact = not self.cut and all(
            each.spans or not each.wanted for each in answer.traces
        )
        self.size = len(answer) * _TRACE + len(found) * _SPAN
        self._moments = [moment for moment, _ in found]
        self._traces = [answer.traces[number] for _, number in found]
        self._by_status = answer.by_status

    def answer(self, search: TraceSearch, window: Window, calls: int) -> Matches:
        """Return what a part of it has for a search, newest first; of many, only the newest."""
        first = bisect_left(self._moments, window.start)
        last = bisect_right(self._moments, window.end)
        # A slice may hold thousands of traces and a list shows twenty; the next window gets the
        # others from the same slice.
        enough = search.limit * (_MORE if search.tests_whole_traces else 1)
        # A trace with several matches is there at the newest one.
        there: set[FoundTrace] = set()
        found: list[FoundTrace] = []
        begin = window.end
        while last > first:
            moment = self._moments[last - 1]
            if len(found) >= enough and moment < begin:
                window = Window(begin, window.end, window.depth)
                break
            last, begin = last - 1, moment
            trace = self._traces[last]
            if trace not in there:
                there.add(trace)
                if (refined := trace.refined(search)) is not None:
                    found.append(refined)
        others = len(there) - len(found)
        return Matches(found, self._by_status, calls, complete_for=window, others=others)


class Slices:
    """The slices of one store."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept = Kept(_MOST_KEPT, SECONDS_KEPT, clock)
        self._reads = Shared(clock)

    def cached(self, search: TraceSearch, window: Window) -> Matches | None:
        """Return what a cached slice has for a window; None if the store must be asked."""
        whole, found = self._known(search.coarse, window) if window.grid else (window, None)
        if found is None or not found.is_exact:
            return None
        return found.answer(search, window.within(whole, search), 0)

    async def answer(self, search: TraceSearch, window: Window, read: Read) -> Matches | None:
        """Return what a slice has for a window on the grid; None if the slice cannot tell.

        `read` asks the store for a window and notes every matching span.
        """
        coarse, calls = search.coarse, 0
        whole, found = self._known(coarse, window)
        if found is None:
            key = coarse, whole.start, whole.end

            async def take() -> Slice:
                nonlocal calls
                calls, asked = 1, self._clock()
                taken = Slice(whole, await read(search.coarser(0, _END_OF_TIME), whole))
                # Traces that arrive during the call are missing, so the age counts from its start.
                seconds = SECONDS_KEPT - (self._clock() - asked)
                self._kept.keep(key, taken, taken.size, seconds)
                return taken

            found = await self._reads.answer(key, take)
        return found.answer(search, window.within(whole, search), calls) if found.is_exact else None

    def _known(self, coarse: Hashable, window: Window) -> tuple[Window, Slice | None]:
        """Return which slice to use, and it if cached; instead of one that was cut, a half."""
        for times in _OTHER_WIDTHS:
            whole = window.on_grid(int(window.grid * times))
            kept: Slice | None = self._kept.get((coarse, whole.start, whole.end))
            if kept is not None and kept.is_exact:
                return whole, kept
        grid = window.grid
        while True:
            whole = window.on_grid(grid)
            kept = self._kept.get((coarse, whole.start, whole.end))
            if kept is None or not kept.cut or grid == 1:
                return whole, kept
            grid //= 2


def _moments(each: FoundTrace) -> list[int]:
    """Return when a trace matches; this is rough for one that we leave out."""
    return [start for start, _ in each.spans] if each.wanted else [each.trace.matched]
