"""Older and newer traces than those in a list."""

from dataclasses import replace

import pytest

from ops.actor import Actor
from ops.traces.actions import list_traces
from ops.vocabulary.filters import Place, TraceQuery, parse_query
from ops.vocabulary.timerange import HOUR, MINUTE, SECOND, Moment, TimeRange, now_ns
from tests.conftest import SiteFile
from tests.fakes.jaeger import EITHER_JAEGER, FakeJaeger, Release, span, trace
from tests.traces.listing.shop import NOON, RELEASED, SITE, add, before_noon, followed, ids

pytestmark = pytest.mark.django_db(transaction=True)


@RELEASED
async def test_every_trace_comes_once_for_who_follows_the_older_ones(
    viewer: Actor, site_file: SiteFile, release: Release
) -> None:
    """By when they matched, also if several spans did, on both sides of a list's end."""
    async with FakeJaeger(release) as other:
        site_file(SITE.format(other.address))
        for number in range(1, 31):
            queries = [
                span("store", "Query", start=NOON - (number - 2) * SECOND - late) for late in (0, 3)
            ]
            root = span("petstore", "x", start=NOON - number * SECOND, children=queries)
            other.add(trace(root, trace_id=f"{number:x}"))

        lists = await followed(viewer, before_noon("service=store limit=4"))

    # The first has no query within the hour, the second only the one that started before noon.
    assert [ids(found) for found in lists] == [
        list(range(first, min(first + 4, 31))) for first in range(2, 31, 4)
    ]
    assert [found.more for found in lists] == [True] * 7 + [False]


@EITHER_JAEGER
async def test_traces_that_start_at_once_are_not_lost(viewer: Actor, jaeger: FakeJaeger) -> None:
    for number in range(1, 8):
        add(jaeger, number, SECOND if number < 6 else number * SECOND)

    lists = await followed(viewer, before_noon("limit=2"))

    assert [ids(found) for found in lists] == [[1, 2], [3, 4], [5, 6], [7]]


@EITHER_JAEGER
async def test_older_goes_on_where_the_list_was_cut(viewer: Actor, jaeger: FakeJaeger) -> None:
    for number in (3, 2, 1):
        add(jaeger, number, number * SECOND)

    found = await list_traces(viewer, query=before_noon("limit=2"))

    assert (ids(found), found.more) == ([1, 2], True)
    assert found.older == replace(found.query, before=Place(NOON - 2 * SECOND - 1))
    assert (found.back_to, found.until) == (NOON - 2 * SECOND, NOON)
    assert parse_query(str(found.older)) == found.older
    rest = await list_traces(viewer, query=found.older)
    assert (ids(rest), rest.until, rest.back_to) == ([3], NOON - 2 * SECOND, NOON - HOUR)


@EITHER_JAEGER
async def test_it_comes_to_an_end_with_one_trace_at_a_time(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    for number in (3, 2, 1):
        add(jaeger, number, number * SECOND)
    query: TraceQuery | None = before_noon("limit=1")
    seen = set()

    while query is not None:
        found = await list_traces(viewer, query=query)
        seen.update(ids(found))
        query = found.older

    assert seen == {1, 2, 3}


@EITHER_JAEGER
async def test_newer_follows_as_long_again_or_up_to_now(viewer: Actor, jaeger: FakeJaeger) -> None:
    past = await list_traces(viewer, query=before_noon())
    assert past.newer == replace(past.query, range=TimeRange(Moment(NOON), Moment(NOON + HOUR)))
    start = now_ns() - MINUTE
    lately = TimeRange(Moment(start), Moment(start + MINUTE // 2 + SECOND))
    recent = await list_traces(viewer, query=TraceQuery(range=lately))
    assert recent.newer is not None
    assert recent.newer.range.start == lately.end
    last = await list_traces(viewer, query=recent.newer)
    assert recent.end < last.end < now_ns()
    assert last.newer is None
    assert (await list_traces(viewer, query=TraceQuery())).newer is None
