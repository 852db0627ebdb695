"""Nothing is lost and nothing comes twice, whatever is stored and searched for."""

import random
from dataclasses import replace

import pytest

from ops.backends.trace_search.search import TraceSearch
from ops.vocabulary.timerange import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from tests.backends.trace_search.stores import NOON, ORDERS, Store, Stored, expected, ids


def any_store(chance: random.Random) -> list[Stored]:
    """Some traces: few or many, dense or sparse, bursts, long ones, ties, older and newer ones."""
    count = chance.choice((0, 1, 5, 20, 40, 60, 300))
    span = chance.choice((MILLISECOND, SECOND, 10 * MINUTE, 3 * HOUR, 20 * DAY))
    step = chance.choice((1, 1, MILLISECOND, SECOND, span))
    longest = chance.choice((1, 80 * MILLISECOND, 10 * MINUTE, 2 * HOUR))
    traces = []
    for number in range(count):
        middle = NOON - chance.randrange(span) // step * step
        if chance.random() < 0.2:
            middle = NOON - 5 * MINUTE
        matches = [middle + chance.randrange(longest) for _ in range(chance.randrange(1, 4))]
        start = min(matches) - chance.choice((0, 0, longest))
        end = max(matches) + chance.choice((0, MILLISECOND, longest))
        failed, wanted = chance.random() < 0.3, chance.random() < 0.8
        traces.append(Stored(number, matches, start, end, failed, wanted))
    return traces


def any_search(chance: random.Random, few: bool) -> TraceSearch:
    length = chance.choice((SECOND, 10 * MINUTE, HOUR, 3 * DAY, NOON))
    return TraceSearch(
        start=NOON - length,
        end=NOON + chance.choice((0, 5 * SECOND, -MINUTE // 3600)),
        limit=chance.choice((1, 3, 10, 100)) if few else chance.choice((20, 100)),
        tags=chance.choice(((), (), (("error", "false"),))),
        whole_moments=chance.random() < 0.3,
    )


@pytest.mark.parametrize("seeds", range(20))
async def test_nothing_is_lost_and_nothing_comes_twice(seeds: int) -> None:
    """Against a look at every trace, on 500 stores of any kind."""
    for seed in range(seeds * 25, seeds * 25 + 25):
        chance = random.Random(seed)
        store = Store(any_store(chance), chance.choice(ORDERS), chance=chance)
        few = len(store.traces) < 50
        for search in (any_search(chance, few), any_search(chance, few)):
            wanted = expected(store.traces, search)
            pages = await store.follow(search)
            assert ids(*pages) == wanted, seed
            for page in pages:
                times = [trace.matched for trace in page.summaries]
                over = len(times) - search.limit
                tied = search.whole_moments and over > 0 and times[-over - 1] == times[-1]
                assert over <= 0 or tied, seed


@pytest.mark.parametrize("seeds", range(20))
async def test_searches_that_share_slices_lose_nothing_either(seeds: int) -> None:
    """Several of each store, that end at different moments and want different durations."""
    for seed in range(seeds * 25, seeds * 25 + 25):
        chance = random.Random(seed)
        store = Store(
            any_store(chance), chance.choice(ORDERS), chance=chance, settled=NOON - 5 * SECOND
        )
        few = len(store.traces) < 50
        for _ in range(4):
            search = replace(
                any_search(chance, few),
                end=NOON - chance.randrange(chance.choice((SECOND, HOUR, 3 * HOUR))),
                span_min=chance.choice((0, 0, 100, 300)) * MILLISECOND,
                span_max=chance.choice((0, 0, 350, 800)) * MILLISECOND,
            )
            pages = await store.follow(search)
            assert ids(*pages) == expected(store.traces, search), seed


@pytest.mark.parametrize("seeds", range(8))
async def test_summaries_lose_nothing_either(seeds: int) -> None:
    """They do not say when a trace matched, so a long one may come again."""
    for seed in range(seeds * 25, seeds * 25 + 25):
        chance = random.Random(seed)
        store = Store(any_store(chance), chance.choice(ORDERS), summaries=True, chance=chance)
        search = any_search(chance, len(store.traces) < 50)
        pages = await store.follow(search)
        assert set(ids(*pages)) == set(expected(store.traces, search)), seed
