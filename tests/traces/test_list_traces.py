from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import pytest

from ops.actor import Actor
from ops.errors import BackendUnavailable, InvalidInput, NotFound, NotPermitted
from ops.traces.actions import TraceList, list_traces, operations, services, show_trace
from ops.vocabulary.filters import Place, TraceQuery, parse_query
from ops.vocabulary.timerange import (
    DAY,
    HOUR,
    MILLISECOND,
    MINUTE,
    SECOND,
    Moment,
    TimeRange,
    now_ns,
)
from tests.conftest import SiteFile
from tests.fakes.jaeger import EITHER_JAEGER, RELEASES, FakeJaeger, Release, span, trace

pytestmark = pytest.mark.django_db(transaction=True)

NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z, long past
HOUR_BEFORE_NOON = TimeRange(Moment(NOON - HOUR), Moment(NOON))
SITE = """
[sites.production]
default_service = "shop"
jaeger = {{ address = "{0}", ui = "https://jaeger.example.com/" }}
[sites.production.services.shop]
jaeger_name = "petstore"
[sites.production.services.mailer]
[sites.bare]
jaeger = {{ address = "{0}" }}
[sites.empty]
"""


RELEASED = pytest.mark.parametrize("release", RELEASES)


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, jaeger: FakeJaeger) -> None:
    site_file(SITE.format(jaeger.address))


def before_noon(line: str = "") -> TraceQuery:
    return replace(parse_query(line), range=HOUR_BEFORE_NOON)


def ids(found: TraceList) -> list[int]:
    return [int(each.trace_id, 16) for each in found.traces]


def add(jaeger: FakeJaeger, number: int, start: int, service: str = "petstore") -> None:
    """A trace with that id that starts so many nanoseconds before noon."""
    jaeger.add(trace(span(service, "AddPets", start=NOON - start), trace_id=f"{number:x}"))


@EITHER_JAEGER
async def test_a_service_that_is_left_out_goes_by_its_name_in_the_site_file(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    add(jaeger, 1, SECOND)
    add(jaeger, 2, 2 * SECOND, "mailer")
    found = await list_traces(viewer, query=before_noon("service!=shop"))
    assert (ids(found), found.fetched, found.query.service) == ([2], 2, "")


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


@EITHER_JAEGER
@pytest.mark.parametrize(
    ("line", "asked", "shown"),
    [
        ("", "petstore", "shop"),
        ("service=shop", "petstore", "shop"),
        ("service=mailer", "mailer", "mailer"),
        ("service=petstore", "petstore", "petstore"),
        ("service=somebody", "somebody", "somebody"),
        ("site=bare", "", ""),
    ],
)
async def test_it_asks_jaeger_for_its_name_of_the_service(
    viewer: Actor, jaeger: FakeJaeger, line: str, asked: str, shown: str
) -> None:
    found = await list_traces(viewer, query=before_noon(line))

    assert jaeger.calls[-1].request.query.service_name == asked
    assert found.query.service == shown


@EITHER_JAEGER
async def test_it_passes_on_what_jaeger_understands_of_the_filter(
    viewer: Actor, jaeger: FakeJaeger, release: Release
) -> None:
    await list_traces(
        viewer, query=before_noon('operation="Add Pets" error a=b min=100ms max=2s limit=7')
    )

    sent = jaeger.calls[-1].request.query
    assert sent.operation_name == "Add Pets"
    failed = {} if release == "2.13" else {"error": "true"}
    assert dict(sent.attributes) == {"a": "b", **failed}
    assert (sent.duration_min.ToNanoseconds(), sent.duration_max.ToNanoseconds()) == (
        100 * MILLISECOND,
        2 * SECOND,
    )
    assert sent.start_time_min.ToNanoseconds() == NOON - HOUR
    assert sent.start_time_max.ToNanoseconds() == NOON - 1
    assert sent.search_depth == 32


@EITHER_JAEGER
async def test_it_bounds_whole_traces_itself(viewer: Actor, jaeger: FakeJaeger) -> None:
    for number, milliseconds in ((1, 50), (2, 150), (3, 250)):
        root = span("petstore", "x", start=NOON - SECOND, duration=milliseconds * MILLISECOND)
        jaeger.add(trace(root, trace_id=f"{number:x}"))

    found = await list_traces(viewer, query=before_noon("trace-min=100ms trace-max=200ms"))

    assert ids(found) == [2]
    assert found.fetched == 3


@RELEASED
async def test_error_finds_the_failing_traces_whatever_the_release(
    viewer: Actor, site_file: SiteFile, release: Release
) -> None:
    async with FakeJaeger(release) as other:
        site_file(SITE.format(other.address))
        add(other, 1, SECOND)
        other.add(trace(span("petstore", "x", start=NOON - SECOND, error="bad"), trace_id="2"))

        found = await list_traces(viewer, query=before_noon("error"), explain=5)

    assert ids(found) == [2]
    assert found.traces[0].error == "x: bad"


@RELEASED
async def test_error_false_finds_the_traces_in_which_nothing_failed(
    viewer: Actor, site_file: SiteFile, release: Release
) -> None:
    """Also those whose matching span did not fail, but another one did."""
    async with FakeJaeger(release) as other:
        site_file(SITE.format(other.address))
        add(other, 1, SECOND)
        below = span("store", "Query", error="bad")
        other.add(trace(span("petstore", "x", start=NOON - SECOND, children=[below])))

        found = await list_traces(viewer, query=before_noon("error=false"))

    assert ids(found) == [1]
    assert (found.fetched, found.more) == (2, False)
    assert all("error" not in str(call.request) for call in other.calls)


async def followed(viewer: Actor, query: TraceQuery) -> list[TraceList]:
    """The lists that one sees who goes on with what is older."""
    lists = [await list_traces(viewer, query=query)]
    while (older := lists[-1].older) is not None:
        lists.append(await list_traces(viewer, query=older))
    return lists


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


def failing(jaeger: FakeJaeger, number: int, start: int) -> None:
    """A trace whose child raised; only its exception says what.

    It has more spans than come in one message from a release that does not send whole traces.
    """
    child = span(
        "store", "Query", error="", events=[("exception", {"exception.message": f"e{number}"})]
    )
    fine = [span("store", "Query") for _ in range(10)]
    root = span("petstore", "Search", start=NOON - start, error="failed", children=[child, *fine])
    jaeger.add(trace(root, trace_id=f"{number:x}"))


@RELEASED
async def test_it_explains_every_failing_trace(
    viewer: Actor, site_file: SiteFile, release: Release
) -> None:
    async with FakeJaeger(release) as other:
        site_file(SITE.format(other.address))
        for number in range(1, 31):
            failing(other, number, number * SECOND)
        found = await list_traces(viewer, query=before_noon("error limit=30"), explain=100)

    assert [each.error for each in found.traces] == [f"Query: e{n}" for n in range(1, 31)]


@pytest.fixture
async def in_pieces(site_file: SiteFile) -> AsyncIterator[FakeJaeger]:
    """A release of which no answer to a search says why a trace failed."""
    async with FakeJaeger("1.x") as server:
        site_file(SITE.format(server.address))
        yield server


async def test_it_explains_the_first_failing_traces(viewer: Actor, in_pieces: FakeJaeger) -> None:
    add(in_pieces, 9, 1)
    for number in (1, 2, 3):
        failing(in_pieces, number, number * SECOND)

    found = await list_traces(viewer, query=before_noon(), explain=2)

    assert [(int(each.trace_id), each.error) for each in found.traces] == [
        (9, ""), (1, "Query: e1"), (2, "Query: e2"), (3, ""),
    ]  # fmt: skip


async def test_it_explains_a_trace_once(viewer: Actor, in_pieces: FakeJaeger) -> None:
    failing(in_pieces, 1, SECOND)
    for _ in range(3):
        found = await list_traces(viewer, query=before_noon(), explain=5)

    assert found.traces[0].error == "Query: e1"
    assert in_pieces.methods().count("GetTrace") <= 2  # one for api_v3, which it does not have


@EITHER_JAEGER
async def test_a_range_that_has_ended_is_asked_for_once(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger, 1, SECOND)
    first = await list_traces(viewer, query=before_noon(), explain=5)
    asked = len(jaeger.calls)
    again = await list_traces(viewer, query=before_noon(), explain=5)

    assert again == first
    assert len(jaeger.calls) == asked

    await list_traces(viewer, query=before_noon("error"), explain=5)
    assert len(jaeger.calls) > asked


@EITHER_JAEGER
async def test_a_relative_range_is_asked_for_anew(viewer: Actor, jaeger: FakeJaeger) -> None:
    until_a_minute_ago = TimeRange(Moment(-HOUR, relative=True), Moment(-MINUTE, relative=True))
    query = TraceQuery(range=until_a_minute_ago)

    assert (await list_traces(viewer, query=query)).traces == ()
    jaeger.add(trace(span("petstore", "AddPets", start=now_ns() - 2 * MINUTE), trace_id="1"))
    assert ids(await list_traces(viewer, query=query)) == [1]


async def test_a_list_is_worth_more_than_its_explanations(
    viewer: Actor, in_pieces: FakeJaeger
) -> None:
    failing(in_pieces, 1, SECOND)
    in_pieces.fail(grpc.StatusCode.INTERNAL, "disk", method="GetTrace")

    found = await list_traces(viewer, query=before_noon(), explain=5)

    assert [each.error for each in found.traces] == [""]


async def test_what_cannot_be_right_never_reaches_jaeger(viewer: Actor, jaeger: FakeJaeger) -> None:
    backwards = TraceQuery(range=TimeRange(Moment(NOON), Moment(NOON - 1)))

    with pytest.raises(InvalidInput, match="not before its end"):
        await list_traces(viewer, query=backwards)
    with pytest.raises(NotFound, match='there is no site "prodcution"; did you mean "production"'):
        await list_traces(viewer, query=TraceQuery(site="prodcution"))
    with pytest.raises(NotFound, match='site "empty" has no Jaeger'):
        await list_traces(viewer, query=TraceQuery(site="empty"))
    assert jaeger.calls == []


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
