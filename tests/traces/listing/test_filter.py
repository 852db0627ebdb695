"""What a search asks Jaeger for, and what it tests itself."""

import pytest

from ops.actor import Actor
from ops.errors import InvalidInput, NotFound
from ops.traces.actions import list_traces
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.timerange import HOUR, MILLISECOND, MINUTE, SECOND, Moment, TimeRange, now_ns
from tests.conftest import SiteFile
from tests.fakes.jaeger import EITHER_JAEGER, FakeJaeger, Release, span, trace
from tests.traces.listing.shop import NOON, RELEASED, SITE, add, before_noon, ids

pytestmark = pytest.mark.django_db(transaction=True)


@EITHER_JAEGER
async def test_a_service_that_is_left_out_goes_by_its_name_in_the_site_file(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    add(jaeger, 1, SECOND)
    add(jaeger, 2, 2 * SECOND, "mailer")
    found = await list_traces(viewer, query=before_noon("service!=shop"))
    assert (ids(found), found.fetched, found.query.service) == ([2], 2, "")


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


async def test_what_cannot_be_right_never_reaches_jaeger(viewer: Actor, jaeger: FakeJaeger) -> None:
    backwards = TraceQuery(range=TimeRange(Moment(NOON), Moment(NOON - 1)))

    with pytest.raises(InvalidInput, match="not before its end"):
        await list_traces(viewer, query=backwards)
    with pytest.raises(NotFound, match='there is no site "prodcution"; did you mean "production"'):
        await list_traces(viewer, query=TraceQuery(site="prodcution"))
    with pytest.raises(NotFound, match='site "empty" has no Jaeger'):
        await list_traces(viewer, query=TraceQuery(site="empty"))
    assert jaeger.calls == []
