"""What a list of traces says, and in which order."""

from dataclasses import replace

import pytest

from ops.actor import Actor
from ops.errors import BackendUnavailable, NotPermitted
from ops.traces.actions import list_traces, operations, services, show_trace
from ops.vocabulary.filters import TraceQuery, parse_query
from ops.vocabulary.timerange import DAY, HOUR, MILLISECOND, MINUTE, SECOND, Moment, TimeRange
from tests.conftest import SiteFile
from tests.fakes.jaeger import EITHER_JAEGER, FakeJaeger, Release, span, trace
from tests.traces.listing.shop import NOON, RELEASED, SITE, add, before_noon, followed, ids

pytestmark = pytest.mark.django_db(transaction=True)


@EITHER_JAEGER
async def test_it_lists_newest_first_and_ties_by_id(viewer: Actor, jaeger: FakeJaeger) -> None:
    for number, start in ((1, 3 * SECOND), (2, 2 * SECOND), (4, SECOND), (3, SECOND)):
        add(jaeger, number, start)

    found = await list_traces(viewer, query=before_noon())

    assert ids(found) == [3, 4, 2, 1]
    assert (found.fetched, found.more, found.older) == (4, False, None)


@EITHER_JAEGER
async def test_it_sums_up_each_trace(viewer: Actor, jaeger: FakeJaeger) -> None:
    jaeger.add(
        trace(
            span(
                "petstore",
                "AddPets",
                start=NOON - SECOND,
                duration=44 * MILLISECOND,
                error="",
                children=[span("store", "Insert", error="no disk")],
            )
        )
    )

    (found,) = (await list_traces(viewer, query=before_noon())).traces

    assert (found.start, found.duration) == (NOON - SECOND, 44 * MILLISECOND)
    assert (found.service, found.operation) == ("petstore", "AddPets")
    assert (found.span_count, found.error_count) == (2, 2)
    assert found.services == ("petstore", "store")
    assert found.matched == found.matched_from == NOON - SECOND


@RELEASED
@pytest.mark.parametrize("error", ["no", None])
async def test_it_counts_a_span_once_that_was_delivered_twice_or_says_that_it_may_not(
    viewer: Actor, jaeger: FakeJaeger, error: str | None
) -> None:
    query = span("store", "Query", error=error)
    once = trace(span("petstore", "AddPets", start=NOON - SECOND, children=[query]), trace_id="1")
    jaeger.add(once, once)
    (listed,) = (await list_traces(viewer, query=before_noon())).traces
    by_summaries = jaeger.methods()[-1] == "FindTraceSummaries"
    shown = await show_trace(viewer, trace_id="1")
    assert (shown.span_count, shown.error_count) == (2, 1 if error else 0)
    assert listed.as_stored == by_summaries
    if not by_summaries:
        assert (listed.span_count, listed.error_count) == (shown.span_count, shown.error_count)


@EITHER_JAEGER
async def test_it_says_what_it_asked(viewer: Actor, jaeger: FakeJaeger) -> None:
    found = await list_traces(viewer, query=TraceQuery(limit=7))

    assert (found.query.site, found.query.service, found.query.limit) == ("production", "shop", 7)
    assert found.end - found.start == HOUR
    assert found.query.range == TimeRange(Moment(found.start), Moment(found.end))
    assert parse_query(str(found.query)) == found.query


@RELEASED
async def test_a_trace_is_listed_when_it_matched_however_long_ago_it_began(
    viewer: Actor, site_file: SiteFile, release: Release
) -> None:
    async with FakeJaeger(release) as other:
        site_file(SITE.format(other.address))
        failed = span("petstore", "last step", start=NOON - MINUTE, error="disk full")
        batch = span("petstore", "batch", start=NOON - 2 * HOUR, duration=2 * HOUR)
        other.add(trace(replace(batch, children=[failed]), trace_id="b"))
        add(other, 1, 2 * MINUTE)
        add(other, 2, 30 * SECOND)
        add(other, 3, 0)

        latest = await list_traces(viewer, query=before_noon())
        failing = await list_traces(viewer, query=before_noon("error"))
        began = replace(
            before_noon(), range=TimeRange(Moment(NOON - 3 * HOUR), Moment(NOON - HOUR))
        )
        earlier = await list_traces(viewer, query=began)

    assert ids(latest) == [2, 0xB, 1]
    assert ids(failing) == ids(earlier) == [0xB]
    (listed,) = failing.traces
    assert (listed.start, listed.matched) == (NOON - 2 * HOUR, NOON - MINUTE)
    assert earlier.traces[0].matched == NOON - 2 * HOUR


@RELEASED
async def test_a_clock_that_is_wrong_hides_no_trace(
    viewer: Actor, site_file: SiteFile, release: Release
) -> None:
    """One behind, one without a time, one ahead; and an id that was used before."""
    async with FakeJaeger(release) as other:
        site_file(SITE.format(other.address))
        for number, wrong in enumerate((NOON - 2 * HOUR, 1, NOON + 300 * 365 * DAY), 1):
            child = span("other", "x", start=wrong)
            root = span("petstore", "x", start=NOON - number * SECOND, children=[child])
            made = trace(root, trace_id=f"{number:x}")
            for each in made.resource_spans:
                for one in each.scope_spans[0].spans:
                    one.start_time_unix_nano -= one.start_time_unix_nano == 1
            other.add(made)
        for start in (NOON - 4 * SECOND, NOON - 30 * HOUR):
            other.add(trace(span("petstore", "x", start=start), trace_id="4"))

        found = await list_traces(viewer, query=before_noon())

    assert [(int(each.trace_id), each.matched) for each in found.traces] == [
        (number, NOON - number * SECOND) for number in range(1, 5)
    ]


@pytest.mark.parametrize("release", ["2.20"])  # one without summaries sends the spans
async def test_traces_too_large_for_a_list_match_between_two_times(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    """Their spans are not read, and none is lost for that."""
    for number in range(1, 4):
        spans = [
            span("petstore", f"step {each}", start=NOON - 50 * MINUTE + each)
            for each in range(7_000)
        ]
        root = span("petstore", "stream", start=NOON - 2 * HOUR, duration=2 * HOUR, children=spans)
        jaeger.add(trace(root, trace_id=f"{number:x}"))

    lists = await followed(viewer, before_noon("limit=2"))

    assert {number for found in lists for number in ids(found)} == {1, 2, 3}
    listed = lists[0].traces[0]
    assert listed.matched_from <= NOON - 50 * MINUTE + 7_000 <= listed.matched
    assert not listed.is_exact
    assert "FindTraces" not in jaeger.methods()


async def test_it_says_what_is_wrong_with_jaeger(viewer: Actor, jaeger: FakeJaeger) -> None:
    await jaeger.stop()

    with pytest.raises(BackendUnavailable, match=f"Jaeger of production at {jaeger.address}"):
        await list_traces(viewer, query=before_noon())


async def test_it_names_services_and_operations_in_order(viewer: Actor, jaeger: FakeJaeger) -> None:
    for service, operation in (("petstore", "b"), ("petstore", "a"), ("store", "c")):
        jaeger.add(trace(span(service, operation)))

    assert await services(viewer) == ("petstore", "store")
    assert await operations(viewer, service="shop") == ("a", "b")
    assert await operations(viewer, service="") == ("a", "b")
    assert await operations(viewer, service="store", site="bare") == ("c",)
    assert await operations(viewer, service="nobody") == ()


async def test_it_asks_nothing_for_a_stranger(stranger: Actor, jaeger: FakeJaeger) -> None:
    for reading in (
        services(stranger),
        operations(stranger, service="shop"),
        list_traces(stranger, query=TraceQuery()),
    ):
        with pytest.raises(NotPermitted):
            await reading

    assert jaeger.calls == []
