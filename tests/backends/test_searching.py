"""The newest traces, out of stores that leave any when they cut an answer."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ops.backends.searching import LATE, Answer, FoundTraces, TraceSearch, Window, newest
from ops.filters import LARGEST_LIMIT
from ops.timerange import HOUR, MILLISECOND, MINUTE, SECOND
from ops.traces.summaries import TraceSummary

NOON = 1_704_110_400 * SECOND
SEARCH = TraceSearch(start=NOON - HOUR, end=NOON, limit=20)

RANDOM = random.Random(7)
Keeps = Callable[[list[TraceSummary], int], list[TraceSummary]]


def the_newest(traces: list[TraceSummary], depth: int) -> list[TraceSummary]:
    return sorted(traces, key=lambda trace: -trace.start)[:depth]


def the_oldest(traces: list[TraceSummary], depth: int) -> list[TraceSummary]:
    return sorted(traces, key=lambda trace: trace.start)[:depth]


def any_(traces: list[TraceSummary], depth: int) -> list[TraceSummary]:
    return RANDOM.sample(traces, min(depth, len(traces)))


def the_last_written(batch: int) -> Keeps:
    """Traces of one batch come in any order."""

    def keeps(traces: list[TraceSummary], depth: int) -> list[TraceSummary]:
        newest = the_newest(traces, len(traces))
        batches = [newest[first : first + batch] for first in range(0, len(newest), batch)]
        return [each for some in batches for each in RANDOM.sample(some, len(some))][:depth]

    return keeps


class Store:
    """Traces whose matching span starts `late` after them; it keeps what it likes."""

    def __init__(self, traces: Sequence[TraceSummary], keeps: Keeps, late: int = 0) -> None:
        self.traces = traces
        self.keeps = keeps
        self.late = late
        self.windows: list[Window] = []

    async def ask(self, window: Window) -> Answer:
        self.windows.append(window)
        matching = [
            trace for trace in self.traces if window.start <= trace.start + self.late <= window.end
        ]
        kept = self.keeps(matching, window.depth)
        return Answer([trace.start for trace in kept], kept)

    async def find(self, search: TraceSearch, late: int = LATE) -> FoundTraces:
        window = Window(search.start, search.end + late, search.first_depth(False))
        return await newest(search, window, self.ask)

    async def follow(self, search: TraceSearch) -> list[FoundTraces]:
        """Go on with what is older until the end."""
        pages = [await self.find(search)]
        while (rest := pages[-1].rest) is not None and rest > search.start:
            assert rest < search.end
            search = replace(search, end=rest)
            pages.append(await self.find(search))
        return pages


def made(number: int, start: int, duration: int = MILLISECOND, errors: int = 0) -> TraceSummary:
    return TraceSummary(f"{number:032x}", start, duration, "a", "b", 1, errors, ("a",))


def many(count: int, gap: int = SECOND // 4) -> list[TraceSummary]:
    return [made(number, NOON - (number + 1) * gap) for number in range(count)]


def expected(traces: Sequence[TraceSummary], search: TraceSearch) -> list[TraceSummary]:
    fitting = filter(search.fits, traces)
    return sorted(fitting, key=lambda trace: (-trace.start, trace.trace_id))


STORES = pytest.mark.parametrize("keeps", [the_newest, the_oldest, any_])


@STORES
@pytest.mark.parametrize("count", [0, 1, 20])
async def test_it_asks_once_where_the_answer_is_not_cut(keeps: Keeps, count: int) -> None:
    store = Store(many(count), keeps)
    found = await store.find(SEARCH)
    assert list(found.summaries) == expected(store.traces, SEARCH)[:20]
    assert (found.fetched, found.more) == (min(count, 20), count > 20)
    assert [window.depth for window in store.windows] == [29]


@STORES
@pytest.mark.parametrize("limit", [1, 20, 750, LARGEST_LIMIT])
async def test_it_gives_the_newest_whichever_a_store_keeps(keeps: Keeps, limit: int) -> None:
    store = Store(many(10_000), keeps)
    search = replace(SEARCH, limit=limit)
    found = await store.find(search)
    assert list(found.summaries) == expected(store.traces, search)[:limit]
    assert (found.fetched, found.more) == (limit, True)
    assert max(window.depth for window in store.windows) <= max(limit * 2, LARGEST_LIMIT)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("limit", [10, 20, 1_500])
async def test_it_asks_a_store_once_that_gives_the_last_written_first(
    batch: int, limit: int
) -> None:
    store = Store(many(10_000), the_last_written(batch))
    search = replace(SEARCH, limit=limit)
    found = await store.find(search, late=0)
    assert list(found.summaries) == expected(store.traces, search)[:limit]
    assert len(store.windows) == 1


async def test_large_batches_cost_it_nothing_but_calls() -> None:
    store = Store(many(10_000), the_last_written(100))
    found = await store.find(SEARCH)
    assert list(found.summaries) == expected(store.traces, SEARCH)[:20]


async def test_it_asks_again_where_a_trace_was_written_late_enough_to_hide_others() -> None:
    """The newest was written long before those that started earlier."""
    late = [made(number, NOON - MINUTE - number * SECOND) for number in range(1_000)]
    early = [made(2_000 + number, NOON - number * SECOND) for number in range(1, 10)]
    first = [*late[:25], early[0], *late[25:], *early[1:]]
    store = Store(first, lambda traces, depth: traces[:depth])
    found = await store.find(SEARCH, late=0)
    assert list(found.summaries) == expected(store.traces, SEARCH)[:20]


async def test_it_asks_a_store_that_keeps_any_a_few_times() -> None:
    store = Store(many(100_000, gap=MILLISECOND), any_)
    found = await store.find(SEARCH, late=0)
    assert list(found.summaries) == store.traces[:20]
    assert len(store.windows) <= 6


@STORES
async def test_no_trace_comes_twice_where_none_start_together(keeps: Keeps) -> None:
    """Their matching spans start after the cuts that they themselves start before."""
    store = Store(many(400), keeps, late=3 * SECOND)
    listed = [trace for page in await store.follow(SEARCH) for trace in page.summaries]
    assert listed == expected(store.traces, SEARCH)


TRACES = st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=60)


@given(TRACES, st.integers(3, 9), st.integers(0, 3), st.sampled_from([the_newest, any_]))
async def test_every_trace_is_in_one_list_for_who_goes_on(
    starts: list[tuple[int, bool]], limit: int, late: int, keeps: Keeps
) -> None:
    """In steps of a second, so that some start together and come again."""
    traces = [
        made(number, NOON - second * SECOND, errors=failed)
        for number, (second, failed) in enumerate(starts)
    ]
    search = TraceSearch(NOON - 30 * SECOND, NOON, limit, tags=(("error", "false"),))
    store = Store(traces, keeps, late * SECOND)
    assume(all(starts.count((second, False)) <= limit for second in range(61)))
    pages = await store.follow(search)
    listed = [trace for page in pages for trace in page.summaries]
    assert list(dict.fromkeys(listed)) == expected(traces, search)
    assert all(len(page.summaries) <= limit for page in pages)


@STORES
async def test_it_finds_what_few_traces_fit(keeps: Keeps) -> None:
    """Each list looks at a part of the range, and says how much it looked at."""
    traces = [made(n, NOON - n * SECOND // 4, errors=n % 2_000 != 7) for n in range(1, 10_000)]
    store = Store(traces, keeps)
    search = replace(SEARCH, tags=(("error", "false"),))
    pages = await store.follow(search)
    assert [len(page.summaries) for page in pages if page.summaries] == [1] * 5
    assert sum(page.fetched for page in pages) == len(traces)
    assert all(page.more for page in pages[:-1])


@STORES
async def test_it_gives_up_where_everything_starts_at_once(keeps: Keeps) -> None:
    store = Store([made(number, NOON - SECOND) for number in range(10_000)], keeps)
    found = await store.find(SEARCH)
    assert (len(found.summaries), found.rest) == (20, NOON - SECOND + 1)
    assert len(store.windows) <= 8


@STORES
async def test_it_gives_up_where_older_traces_fill_every_answer(keeps: Keeps) -> None:
    """Their spans are in the range, they are not."""
    before = [made(number, NOON - 2 * HOUR) for number in range(10_000)]
    store = Store(before, keeps, late=2 * HOUR - MILLISECOND)
    found = await store.find(SEARCH)
    assert (found.summaries, found.fetched, found.more) == ((), 0, True)
    assert len(store.windows) <= 6


@STORES
async def test_it_looks_past_what_starts_after_the_end(keeps: Keeps) -> None:
    after = [made(number, NOON + number * MILLISECOND // 2) for number in range(9_000)]
    before = [made(number, NOON - number * SECOND) for number in range(9_000, 9_100)]
    store = Store([*after, *before], keeps, late=MILLISECOND)
    search = replace(SEARCH, start=NOON - 10_000 * SECOND)
    found = await store.find(search)
    assert list(found.summaries) == expected(before, search)[:20]


@given(st.integers(0, 100), st.integers(1, 30))
async def test_a_shared_search_is_cut_to_the_range_that_was_asked(count: int, limit: int) -> None:
    store = Store(many(count), any_)
    wide = await store.find(replace(SEARCH, limit=limit))
    search = replace(SEARCH, start=NOON - 10 * SECOND, limit=limit)
    narrow = wide.since(search.start)
    fitting = expected(store.traces, search)
    assert list(narrow.summaries) == fitting[:limit]
    assert narrow.fetched == len(narrow.summaries)
    assert narrow.more == (len(fitting) > limit)
