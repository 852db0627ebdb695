"""Slices of the past that searches share."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ops.backends.trace_search.results import FoundTrace, Matches
from ops.backends.trace_search.search import TraceSearch, Window
from ops.backends.trace_search.slices import Slices
from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.timerange import SECOND

GRID = 16 * SECOND
START = 100_000_000 * GRID
SEARCH = TraceSearch(start=0, end=START + 10 * SECOND, limit=20)
WINDOW = Window(START, SEARCH.end - 1, 50, GRID, START + 100 * GRID)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def found(number: int, *matches: int, wanted: bool = True) -> FoundTrace:
    """A trace whose spans match some seconds after START, each for as many milliseconds."""
    spans = [(START + each * SECOND, each * SECOND // 1_000) for each in matches]
    matched = max((start for start, _ in spans), default=START + 5 * SECOND)
    trace = TraceSummary(
        f"{number:032x}", START, SECOND, "a", "b", 1, 0, ("a",),
        matched=matched, matched_from=matched if spans else START,
    )  # fmt: skip
    return FoundTrace(trace, wanted, spans)


class Store:
    """Gives the same traces to each read; `takes` so many seconds for it."""

    def __init__(self, *traces: FoundTrace, takes: float = 0) -> None:
        self.clock = Clock()
        self.slices = Slices(self.clock)
        self.traces = traces
        self.takes = takes
        self.reads: list[tuple[TraceSearch, Window]] = []

    async def read(self, search: TraceSearch, window: Window) -> Matches:
        self.reads.append((search, window))
        self.clock.now += self.takes
        return Matches(self.traces[: window.depth])

    async def answer(self, search: TraceSearch = SEARCH, window: Window = WINDOW) -> Matches | None:
        return await self.slices.answer(search, window, self.read)

    async def matches(
        self, search: TraceSearch = SEARCH, window: Window = WINDOW
    ) -> Sequence[tuple[int, float]]:
        """Each trace of an answer, and how many seconds after START it is listed."""
        answer = await self.answer(search, window)
        assert answer is not None
        return [
            (int(each.trace.trace_id, 16), (each.trace.matched - START) / SECOND)
            for each in answer.traces
        ]


async def test_a_trace_is_listed_at_its_newest_match_before_the_search_ends() -> None:
    store = Store(found(1, 3, 12), found(2, 12), found(3, 9), found(4, 20, 7))
    assert await store.matches() == [(3, 9), (4, 7), (1, 3)]
    whole = replace(SEARCH, end=START + 30 * SECOND)
    window = replace(WINDOW, end=START + GRID - 1)
    assert await store.matches(whole, window) == [(2, 12), (1, 12), (3, 9), (4, 20)]
    ((_, read),) = store.reads
    assert (read.start, read.end) == (START, START + GRID - 1)


async def test_searches_for_about_the_same_durations_share() -> None:
    store = Store(*(found(number, number) for number in range(1, 10)))
    for least, most, wanted in (
        (4, 0, [9, 8, 7, 6, 5, 4]),
        (5, 0, [9, 8, 7, 6, 5]),
        (4, 5, [5, 4]),
    ):
        low, high = least * SECOND // 1_000, most * SECOND // 1_000
        search = replace(SEARCH, span_min=low, span_max=high)
        assert [number for number, _ in await store.matches(search)] == wanted
    assert [(search.span_min, search.span_max) for search, _ in store.reads] == [
        (2**21, 0), (2**22, 0), (2**21, 2**23),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "shared"),
    [(("k", "v-1"), True), (("k", "5.."), False), (("error", "true"), False), (("k", ""), False)],
)
async def test_durations_are_rough_where_every_store_compares_the_tag_alike(
    tag: tuple[str, str], shared: bool
) -> None:
    store = Store(*(found(number, number) for number in range(1, 10)))
    for least in (5, 6):
        await store.answer(replace(SEARCH, tags=(tag,), span_min=least * SECOND // 1_000))
    assert len(store.reads) == (1 if shared else 2)


@pytest.mark.parametrize(("trace_min", "start", "traces"), [(0, 9, 4), (1, 7, 12)])
async def test_of_many_only_the_newest_are_looked_at(
    trace_min: int, start: int, traces: int
) -> None:
    """More of them if they are tested afterwards; all that match at the same moment."""
    store = Store(*(found(number, 1 + number // 4) for number in range(36)))
    answer = await store.answer(replace(SEARCH, limit=3, trace_min=trace_min))
    assert answer is not None
    assert answer.complete_for is not None
    assert answer.complete_for.start == START + start * SECOND
    assert len(answer) == traces


async def test_a_slice_is_read_anew_a_minute_after_it_was_asked_for() -> None:
    store = Store(found(1, 3), takes=10)
    await store.answer()
    store.clock.now += 49
    await store.answer()
    assert len(store.reads) == 1
    store.clock.now += 2
    store.traces = (found(1, 3), found(2, 4))
    assert await store.matches() == [(2, 4), (1, 3)]


async def test_searches_that_end_in_the_newest_slice_share_what_has_settled_of_it() -> None:
    store = Store(found(1, 3))
    for number in range(5):
        settled = START + 15 * SECOND + number * SECOND // 5
        end = WINDOW.end + number * SECOND
        await store.answer(window=replace(WINDOW, end=end, settled=settled))
    assert [window.end for _, window in store.reads] == [START + 15 * SECOND - 1]
    await store.answer(window=replace(WINDOW, settled=START + 16 * SECOND))
    assert store.reads[1][1].end == START + 16 * SECOND - 1


async def test_a_slice_ends_with_the_search_if_that_ends_after_what_has_settled() -> None:
    store = Store(found(1, 3))
    await store.answer(window=replace(WINDOW, settled=WINDOW.end))
    assert store.reads[0][1].end == WINDOW.end


async def test_instead_of_a_slice_that_was_cut_a_narrower_one_is_read() -> None:
    store = Store(*(found(number, 3) for number in range(50)))
    for _ in range(2):
        assert await store.answer() is None
    store.traces = (found(1, 9),)
    for _ in range(2):
        assert await store.matches() == [(1, 9)]
    widths = [window.end - window.start + 1 for _, window in store.reads]
    assert widths == [GRID, GRID // 2, GRID // 4]


async def test_a_trace_that_only_the_store_understands_is_left_to_it() -> None:
    assert await Store(found(1), found(2, 3)).answer() is None


async def test_what_was_looked_at_in_vain_is_told() -> None:
    answer = await Store(found(1, wanted=False), found(2, 3)).answer()
    assert answer is not None
    assert [each.wanted for each in answer.traces] == [False, True]
