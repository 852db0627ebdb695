import pytest
from grpc import StatusCode

from ops.actor import Actor
from ops.errors import InvalidInput, NotFound, NotPermitted
from ops.traces import usual_timing
from ops.traces.actions import compare_duration, compare_traces, compare_with_usual
from ops.traces.fetching import MANY_SPANS
from ops.vocabulary.timerange import HOUR, MILLISECOND, MINUTE, SECOND
from tests.conftest import SiteFile
from tests.fakes.jaeger import EITHER_JAEGER, FakeJaeger, Planned, Release, span, trace

pytestmark = pytest.mark.django_db(transaction=True)

NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z, long past
SITES = """
[sites.production]
jaeger = {{ address = "{0}" }}
[sites.staging]
jaeger = {{ address = "{1}" }}
"""


@pytest.fixture(autouse=True)
def two_sites(site_file: SiteFile, jaeger: FakeJaeger, second: FakeJaeger) -> None:
    site_file(SITES.format(jaeger.address, second.address))


def search(query: int, *, start: int = NOON, error: str | None = None, **more: int) -> Planned:
    """SearchPets, a query of so many milliseconds below it, and so many calls of each name."""
    children = [
        span("store", "Query", start=start, duration=query * MILLISECOND, error=error),
        *(
            span("store", name, start=start + query * MILLISECOND, duration=MILLISECOND)
            for name, times in more.items()
            for _ in range(times)
        ),
    ]
    whole = (query + 1) * MILLISECOND
    return span("petstore", "SearchPets", start=start, duration=whole, children=children)


async def test_it_compares_two_traces(viewer: Actor, jaeger: FakeJaeger) -> None:
    first, second = (jaeger.add(trace(search(query))) for query in (30, 1200))

    found = await compare_traces(viewer, trace_ids=[first[-8:].upper(), f" {second} "])

    assert (found.first.trace_id, found.second.trace_id) == (first, second)
    assert found.longer == 1170 * MILLISECOND
    assert found.main
    assert (found.main.service, found.main.operation) == ("store", "Query")
    assert (found.main.kind, found.main.explains) == ("slower", 1170 * MILLISECOND)


async def test_it_compares_large_traces_off_the_loop(viewer: Actor, jaeger: FakeJaeger) -> None:
    first, second = (
        jaeger.add(trace(search(9, Step=steps))) for steps in (MANY_SPANS, MANY_SPANS + 2)
    )

    found = await compare_traces(viewer, trace_ids=[first, second], site="production")

    assert ("new", "Step", (0, 2)) in [(d.kind, d.operation, d.counts) for d in found.differences]


async def test_it_needs_two_different_traces_of_one_site(
    viewer: Actor, jaeger: FakeJaeger, second: FakeJaeger
) -> None:
    here, there = jaeger.add(trace(search(1))), second.add(trace(search(1)))

    with pytest.raises(InvalidInput, match=f"^{here} is given twice; a comparison needs two diff"):
        await compare_traces(viewer, trace_ids=[here, here.lstrip("0")])
    with pytest.raises(InvalidInput, match=r"^the first trace is on the site production, the sec"):
        await compare_traces(viewer, trace_ids=[here, there])
    with pytest.raises(NotFound, match=f"^Jaeger of production has no trace {there}$"):
        await compare_traces(viewer, trace_ids=[here, there], site="production")
    with pytest.raises(InvalidInput, match=r'^"x" is not a trace ID'):
        await compare_traces(viewer, trace_ids=[here, "x"])
    for ids, sentence in (
        ([], "^no trace IDs given; a comparison needs two$"),
        ([here], "^only one trace is given; add the ID of a second one to compare it with$"),
        ([here] * 3, "^3 trace IDs given; a comparison needs two$"),
    ):
        with pytest.raises(InvalidInput, match=sentence):
            await compare_traces(viewer, trace_ids=ids)


@EITHER_JAEGER
async def test_it_says_how_long_such_a_trace_usually_takes(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    for number, query in enumerate((10, 20, 30, 40, 50)):
        jaeger.add(trace(search(query, start=NOON - number * MINUTE)))
    jaeger.add(
        trace(search(1, start=NOON - HOUR, error="no")),
        trace(search(1, start=NOON - 25 * HOUR)),
        trace(search(1, start=NOON + HOUR)),
        trace(span("petstore", "AddPets", start=NOON)),
        trace(span("gateway", "GET", start=NOON, children=[search(1)])),
    )
    slow = jaeger.add(trace(search(1200)))

    found = await compare_duration(viewer, trace_id=slow)

    assert (found.found, found.duration, found.read) == (5, 31 * MILLISECOND, 0)
    assert found.longer == 1170 * MILLISECOND
    assert jaeger.methods().count("GetTrace") == 1


@EITHER_JAEGER
async def test_it_takes_the_last_that_succeeded(viewer: Actor, jaeger: FakeJaeger) -> None:
    for number in range(usual_timing.MOST + 10):
        query = 10 if number < usual_timing.MOST else 900
        jaeger.add(trace(search(query, start=NOON - (number + 1) * SECOND)))
    slow = jaeger.add(trace(search(1200)))

    found = await compare_with_usual(viewer, trace_id=slow)

    assert (found.found, found.duration) == (usual_timing.MOST, 11 * MILLISECOND)
    assert found.read == usual_timing.MOST_READ


@EITHER_JAEGER
async def test_a_finished_trace_is_looked_up_once(viewer: Actor, jaeger: FakeJaeger) -> None:
    jaeger.add(trace(search(10)))
    slow = jaeger.add(trace(search(1200)))

    first = await compare_with_usual(viewer, trace_id=slow)
    before = len(jaeger.calls)

    assert await compare_with_usual(viewer, trace_id=slow) == first
    assert len(jaeger.calls) == before


@pytest.mark.parametrize("release", ["2.13", "2.20", "main"])
async def test_it_compares_operations_with_their_median(
    viewer: Actor, site_file: SiteFile, release: Release
) -> None:
    async with FakeJaeger(release) as server:
        site_file(f'[sites.p]\njaeger = {{ address = "{server.address}" }}')
        for rare, query in enumerate((10, 20, 90)):
            start = NOON - (rare + 1) * MINUTE
            server.add(trace(search(query, start=start, Cache=2, Rare=rare // 2)))
        slow = server.add(trace(search(500, Cache=2, Retry=3)))

        found = await compare_with_usual(viewer, trace_id=slow)

    assert (found.found, found.read) == (3, 3)
    assert [
        (each.kind, each.operation, each.counts, each.explains // MILLISECOND)
        for each in found.differences
    ] == [
        ("slower", "Query", (1, 1), 480),
        ("new", "Retry", (0, 3), 3),
        ("same", "SearchPets", (1, 1), 0),
        ("same", "Cache", (2, 2), 0),
    ]
    assert found.differences[1].rows == (None, 4)


@EITHER_JAEGER
async def test_nothing_is_usual_of_what_never_succeeded_or_lacks_its_root(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    alone = jaeger.add(trace(search(1)))
    orphan = jaeger.add(trace(span("petstore", "x", start=NOON, parent_id="00000000deadbeef")))

    for trace_id in (alone, orphan):
        found = await compare_with_usual(viewer, trace_id=trace_id, site="production")
        assert (found.found, found.read, found.differences) == (0, 0, ())


@EITHER_JAEGER
async def test_traces_that_cannot_be_read_are_left_out(viewer: Actor, jaeger: FakeJaeger) -> None:
    jaeger.add(trace(search(10)))
    slow = jaeger.add(trace(search(1200)))
    await compare_duration(viewer, trace_id=slow)
    jaeger.fail(StatusCode.DATA_LOSS, "rotten", method="GetTrace")

    found = await compare_with_usual(viewer, trace_id=slow)

    assert (found.found, found.duration) == (1, 11 * MILLISECOND)
    assert (found.read, found.differences) == (0, ())


async def test_strangers_learn_nothing(stranger: Actor, jaeger: FakeJaeger) -> None:
    with pytest.raises(NotPermitted):
        await compare_traces(stranger, trace_ids=["a", "b"])
    for action in (compare_duration, compare_with_usual):
        with pytest.raises(NotPermitted):
            await action(stranger, trace_id="a")
    assert jaeger.calls == []
