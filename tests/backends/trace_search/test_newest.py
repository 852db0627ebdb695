"""The newest traces, out of stores that leave any when they cut an answer."""

import asyncio
import random
from dataclasses import replace

import pytest

from ops.backends.trace_search.density import Density
from ops.backends.trace_search.newest import MOST_AT_ONCE, newest
from ops.backends.trace_search.results import FoundTrace, Matches
from ops.backends.trace_search.search import TraceSearch, Window
from ops.vocabulary.conditions import Condition
from ops.vocabulary.filters import LARGEST_LIMIT
from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.timerange import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from tests.backends.trace_search.stores import (
    IN_ANY_ORDER,
    NOON,
    ORDERS,
    SEARCH,
    Keeps,
    Store,
    at,
    expected,
    ids,
    many,
    oldest_first,
    shuffled,
)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("count", [0, 1, 20])
async def test_it_asks_once_where_the_answer_is_not_cut(order: Keeps, count: int) -> None:
    store = Store(many(count), order)
    found = await store.find(SEARCH)
    assert ids(found) == expected(store.traces, SEARCH)
    assert (found.fetched, found.more, found.calls) == (count, False, 1)
    assert [window.depth for window in store.windows] == [32]


@IN_ANY_ORDER
@pytest.mark.parametrize("limit", [1, 20, 750, LARGEST_LIMIT])
async def test_it_gives_the_newest_whichever_a_store_keeps(order: Keeps, limit: int) -> None:
    store = Store(many(10_000), order)
    search = replace(SEARCH, limit=limit)
    found = await store.find(search)
    assert ids(found) == expected(store.traces, search)[:limit]
    assert (found.fetched, found.more) == (limit, True)
    assert len(store.windows) <= 8


@IN_ANY_ORDER
@pytest.mark.parametrize("limit", [10, 100])
async def test_it_asks_once_or_twice_when_it_has_learned(order: Keeps, limit: int) -> None:
    """All-different searches, of traces that come by chance: one call mostly, never a cut one."""
    chance = random.Random(limit)
    times = [NOON - chance.randrange(HOUR) for _ in range(4_000)]
    store = Store([at(number, time) for number, time in enumerate(times)], order)
    search = replace(SEARCH, limit=limit)
    await store.find(search)
    calls = []
    for number in range(15):
        different = replace(search, start=search.start + number, end=NOON - number * SECOND)
        store.windows.clear()
        found = await store.find(different)
        assert ids(found) == expected(store.traces, different)[:limit]
        calls.append(len(store.windows))
    assert sorted(calls)[7] == 1
    assert max(calls) <= 3


@IN_ANY_ORDER
@pytest.mark.parametrize("limit", [10, 100])
async def test_searches_of_the_past_share_slices(order: Keeps, limit: int) -> None:
    """Most of two hundred that end at different moments ask the store for nothing."""
    chance = random.Random(limit)
    times = sorted((NOON - chance.randrange(HOUR) for _ in range(4_000)), reverse=True)
    store = Store([at(n, time) for n, time in enumerate(times)], order, settled=NOON + MINUTE)
    calls = []
    for _ in range(200):
        search = replace(SEARCH, end=NOON - chance.randrange(10 * MINUTE), limit=limit)
        found = await store.find(search)
        newest = next(n for n, time in enumerate(times) if time < search.end)
        assert [int(each, 16) for each in ids(found)] == [*range(newest, newest + limit)]
        assert found.shared or found.calls
        calls.append(found.calls)
    assert sum(calls) == len(store.windows)
    assert sorted(calls)[150] == 0


async def test_it_learns_from_the_service_for_a_filter_that_is_new() -> None:
    store = Store(many(10_000))
    await store.find(SEARCH)
    store.windows.clear()
    await store.find(replace(SEARCH, span_min=MILLISECOND))
    assert len(store.windows) == 1


async def test_what_it_learned_of_another_time_costs_it_only_calls() -> None:
    """A burst a thousand times as dense, an hour that is as much sparser."""
    sparse = many(100, gap=10 * MINUTE)
    dense = [at(1_000 + number, NOON + HOUR + number * MILLISECOND) for number in range(20_000)]
    store = Store([*sparse, *dense], now=NOON + 2 * HOUR)
    for end in (NOON, NOON + 2 * HOUR, NOON, NOON + 2 * HOUR):
        search = replace(SEARCH, start=NOON - DAY, end=end)
        found = await store.find(search)
        assert ids(found) == expected(store.traces, search)[:20]
        assert found.calls <= 10


@IN_ANY_ORDER
async def test_hundreds_in_one_nanosecond_come_once_each(order: Keeps) -> None:
    together = [at(1_000 + number, NOON - SECOND) for number in range(300)]
    store = Store([*together, *many(50)], order)
    pages = await store.follow(replace(SEARCH, limit=7))
    assert ids(*pages) == expected(store.traces, SEARCH)
    assert {len(page.summaries) for page in pages[:-1]} == {7}


@IN_ANY_ORDER
async def test_whole_moments_are_never_parted(order: Keeps) -> None:
    together = [at(number, NOON - SECOND) for number in range(5_000)]
    store = Store([*together, at(9_000, NOON - 2 * SECOND)], order)
    found = await store.find(replace(SEARCH, limit=7, whole_moments=True))
    assert ids(found) == expected(together, SEARCH)
    assert found.rest is not None
    assert found.rest.time < NOON - SECOND


@pytest.mark.parametrize("order", [oldest_first, shuffled])
async def test_it_goes_on_where_more_match_at_once_than_can_be_asked_for(order: Keeps) -> None:
    together = [at(number, NOON - SECOND) for number in range(MOST_AT_ONCE + 10)]
    store = Store([*together, at(50_000, NOON - 2 * SECOND)], order)
    search = replace(SEARCH, limit=LARGEST_LIMIT)
    pages = await store.follow(search)
    assert set(ids(*pages)) <= set(expected(store.traces, search))
    assert ids(pages[-1])[-1] == f"{50_000:032x}"


@IN_ANY_ORDER
async def test_it_finds_what_few_traces_fit(order: Keeps) -> None:
    """Each list looks at a part of the range, and says how much it looked at."""
    traces = [at(n, NOON - n * SECOND // 4, failed=n % 2_000 != 7) for n in range(1, 10_000)]
    store = Store(traces, order)
    pages = await store.follow(replace(SEARCH, tags=(("error", "false"),)))
    assert ids(*pages) == [f"{number:032x}" for number in range(7, 10_000, 2_000)]
    assert sum(page.fetched for page in pages) == len(traces)
    assert all(page.more for page in pages[:-1])


@IN_ANY_ORDER
async def test_conditions_are_tested_on_fewer_traces_if_these_are_large(order: Keeps) -> None:
    traces = [at(number, NOON - number * SECOND, wanted=False) for number in range(1, 3_000)]
    store = Store(traces, order, spans_each=1_000)
    await store.find(SEARCH)
    store.windows.clear()
    found = await store.find(replace(SEARCH, conditions=(Condition("a", "!=", "b"),)))
    assert 100 <= found.fetched < 150
    assert found.more
    assert sum(window.depth for window in store.windows) <= 500


async def test_a_trace_of_which_an_older_part_fits_counts_once() -> None:
    first = Window(NOON - MINUTE, NOON - 1, 32)

    async def ask(window: Window) -> Matches:
        newer = window.end == NOON - 1
        matched = window.end if newer else NOON - 10 * MINUTE
        summary = TraceSummary(
            "1", NOON - HOUR, HOUR, "a", "b", 1, 0, ("a",), matched=matched, matched_from=matched
        )
        return Matches([FoundTrace(summary, not newer)], complete_for=first if newer else None)

    found = await newest(SEARCH, ask, Density(), now=NOON, patience=60)
    assert (ids(found), found.fetched, found.more) == (["1"], 1, False)


async def test_it_goes_back_without_a_lower_bound() -> None:
    store = Store([at(1, NOON - 900 * DAY), at(2, NOON - 2 * DAY), at(3, 0)])
    found = await store.find(TraceSearch(start=0, end=NOON, limit=10))
    assert [int(each, 16) for each in ids(found)] == [2, 1, 3]
    assert found.rest is None
    assert len(store.windows) <= 6


async def test_it_returns_what_it_has_when_the_time_is_up() -> None:
    store = Store([at(1, NOON - SECOND), at(2, NOON - 20 * DAY)])
    slow = asyncio.Event()

    async def ask(window: Window) -> Matches:
        if store.windows:
            await slow.wait()
        return store.answer(search, window)

    search = TraceSearch(start=0, end=NOON, limit=10)
    found = await newest(search, ask, Density(), now=NOON, patience=0)
    assert [int(each, 16) for each in ids(found)] == [1]
    assert found.rest is not None
    assert found.rest.time == store.windows[0].start - 1


async def test_it_returns_what_it_has_when_an_older_slice_is_refused() -> None:
    store = Store([at(1, NOON - SECOND)])

    async def ask(window: Window) -> Matches:
        if store.windows:
            raise ValueError("no index for that day")
        return store.answer(search, window)

    search = TraceSearch(start=0, end=NOON, limit=10)
    found = await newest(search, ask, Density(), now=NOON, patience=60)
    assert ([int(each, 16) for each in ids(found)], found.more) == ([1], True)


async def test_it_fails_with_the_store_when_it_has_nothing() -> None:
    async def ask(window: Window) -> Matches:
        raise ValueError("no index for that day")

    with pytest.raises(ValueError, match="no index"):
        await newest(SEARCH, ask, Density(), now=NOON, patience=60)


async def test_a_shared_search_is_cut_to_the_range_that_was_asked() -> None:
    for seed in range(40):
        chance = random.Random(seed)
        count, limit = chance.randrange(100), chance.randrange(1, 30)
        store = Store(many(count))
        wide = await store.find(replace(SEARCH, limit=limit))
        search = replace(SEARCH, start=NOON - 10 * SECOND, limit=limit)
        narrow = wide.since(search.start)
        fitting = expected(store.traces, search)
        assert ids(narrow) == fitting[:limit], seed
        assert narrow.fetched == len(narrow.summaries), seed
        assert narrow.more or len(fitting) <= limit, seed
