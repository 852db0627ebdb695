"""What is read of a service's traces in a window, for comparing it with another."""

import pytest

from ops.backends.jaeger.observing import LONGEST_MESSAGE, Observer
from ops.backends.trace_search import TraceSearch
from ops.vocabulary.observed import ObservedTrace, ObservedWindow, Ran, Work
from ops.vocabulary.timerange import HOUR, MINUTE, SECOND
from tests.backends.conftest import PAST, client
from tests.fakes.jaeger import ANY_JAEGER, MILLISECOND, FakeJaeger, Planned, Release, span, trace

START = PAST - HOUR
ONE = {"service.version": "1.3.0", "service.instance.id": "petstore-1"}
SHOP = Ran("petstore", "1.3.0", "petstore-1", "service.version", "service.instance.id")


async def observe(fake: FakeJaeger, most: int = 100) -> ObservedWindow:
    return await client(fake).observe("petstore", start=START, end=PAST, most=most)


async def only(fake: FakeJaeger, *roots: Planned) -> ObservedTrace:
    fake.add(trace(*roots))
    [found] = (await observe(fake)).traces
    return found


@pytest.mark.parametrize("release", ["2.20", "1.x"])
async def test_it_reads_what_ran_for_how_long_and_what_failed_deepest(release: Release) -> None:
    async with FakeJaeger(release) as fake:
        query = span("store", "Query", error="no disk", duration=7 * MILLISECOND)
        again = span("store", "Query", duration=9 * MILLISECOND)
        root = span(
            "petstore", "Buy", start=START, children=[query, again], error="it failed",
            duration=20 * MILLISECOND, resource=ONE,
        )  # fmt: skip
        found = await only(fake, root)
        assert set(found.work) == {
            Work(SHOP, "Buy", 20 * MILLISECOND, failed=True),
            Work(Ran("store"), "Query", 9 * MILLISECOND, failed=True),
        }
        assert found.error
        assert (found.error.ran, found.error.operation) == (Ran("store"), "Query")
        assert found.error.message == "no disk"
        assert (found.start, found.duration) == (START, 20 * MILLISECOND)


@ANY_JAEGER
async def test_only_spans_that_started_within_the_window_count(jaeger: FakeJaeger) -> None:
    late = span("petstore", "Late", start=PAST, error="later")
    early = span("petstore", "Early", start=START - 1, error="earlier")
    found = await only(jaeger, early, span("petstore", "Within", start=START), late)
    assert [each.operation for each in found.work] == ["Within"]
    assert found.error is None


@ANY_JAEGER
async def test_traces_without_the_service_within_the_window_do_not_count(
    jaeger: FakeJaeger,
) -> None:
    jaeger.add(trace(span("petstore", "Late", start=PAST), span("store", "Query", start=START)))
    assert (await observe(jaeger)).traces == ()


@ANY_JAEGER
@pytest.mark.parametrize(("most", "cut"), [(3, True), (4, False)])
async def test_it_says_that_there_may_be_more(jaeger: FakeJaeger, most: int, cut: bool) -> None:
    jaeger.add(*(trace(span("petstore", "Buy", start=START + n * MINUTE)) for n in range(3)))
    found = await observe(jaeger, most)
    assert (len(found.traces), found.cut) == (3, cut)


@ANY_JAEGER
async def test_a_message_can_be_in_an_event_and_is_cut(jaeger: FakeJaeger) -> None:
    event = "exception", {"exception.message": "x" * 1_000}
    found = await only(jaeger, span("petstore", "Buy", start=START, error="", events=[event]))
    assert found.error
    assert (found.error.message, found.error.is_status) == ("x" * LONGEST_MESSAGE, False)


@ANY_JAEGER
async def test_a_tag_says_as_well_that_a_span_failed(jaeger: FakeJaeger) -> None:
    found = await only(jaeger, span("petstore", "Buy", start=START, tags={"error": True}))
    assert [each.failed for each in found.work] == [True]


def test_a_trace_in_several_messages_is_one_and_its_circles_end() -> None:
    observer = Observer(TraceSearch(START, PAST, 10, "petstore"))
    ends = "1".zfill(16), "2".zfill(16)
    for own, parent in (ends, ends[::-1]):
        root = span("petstore", own, start=START, error=own, span_id=own, parent_id=parent)
        observer.add(trace(root, trace_id="7").SerializeToString())
    [found] = observer.observed(cut=False).traces
    assert found.trace_id == "7".zfill(32)
    assert len(found.work) == 2 and found.error


def test_a_message_that_cannot_be_read_is_left_out() -> None:
    observer = Observer(TraceSearch(START, PAST, 10, "petstore"))
    whole = trace(span("petstore", "Buy", start=START)).SerializeToString()
    observer.add(whole[:-1])
    assert observer.unread
    observer.add(whole)
    assert len(observer.observed(cut=True).traces) == 1


def test_a_span_that_was_delivered_twice_counts_once() -> None:
    observer = Observer(TraceSearch(START, PAST, 10, "petstore"))
    twice = trace(span("petstore", "Buy", start=START, duration=SECOND)).SerializeToString()
    observer.add(twice)
    observer.add(twice)
    [found] = observer.observed(cut=False).traces
    assert found.work == (Work(Ran("petstore"), "Buy", SECOND, failed=False),)
