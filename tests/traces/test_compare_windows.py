"""Two windows of a service's traces, compared: what is read of Jaeger, and what is said of it."""

from dataclasses import replace

import grpc
import pytest

from ops.actor import Actor
from ops.errors import BackendUnavailable, InvalidInput
from ops.traces.actions import (
    FailureGroup,
    Share,
    StatementKind,
    WindowComparison,
    compare_windows,
    list_traces,
)
from ops.vocabulary.timerange import HOUR, MILLISECOND, MINUTE, SECOND
from tests.conftest import SiteFile
from tests.fakes.jaeger import ANY_JAEGER, RELEASES, FakeJaeger, Planned, span, trace

pytestmark = pytest.mark.django_db(transaction=True)

NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z, long past
SITE = """
[sites.production]
default_service = "shop"
jaeger = {{ address = "{0}" }}
[sites.production.services.shop]
jaeger_name = "petstore"
[sites.production.services.store]
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, jaeger: FakeJaeger) -> None:
    site_file(SITE.format(jaeger.address))


def ran(version: str, instance: str = "") -> dict[str, str]:
    return {"service.version": version, "service.instance.id": instance}


def request(
    start: int,
    version: str = "1.2.0",
    instance: str = "petstore-1",
    error: str | None = None,
    duration: int = 20 * MILLISECOND,
) -> Planned:
    """A request that starts so long after noon, and asks the store."""
    query = span("store", "Query", error=error, duration=duration, resource=ran("4.0.7"))
    return span(
        "petstore",
        "SearchPets",
        start=NOON + start,
        children=[query],
        error=None if error is None else "the store failed",
        duration=duration + MILLISECOND,
        resource=ran(version, instance),
    )


def a_bad_release(jaeger: FakeJaeger) -> None:
    """An hour of 1.2.0, then ten minutes in which one of three instances runs 1.3.0."""
    for minute in range(60):
        jaeger.add(trace(request((minute - 60) * MINUTE, instance=f"petstore-{minute % 3}")))
    for number in range(60):
        start = number * 10 * SECOND
        if number % 3:
            jaeger.add(trace(request(start, instance=f"petstore-{number % 3}")))
        else:
            error = f"deadline exceeded after {number} ms" if number % 2 else None
            jaeger.add(trace(request(start, "1.3.0", "petstore-0", error)))


async def compared(actor: Actor) -> WindowComparison:
    return await compare_windows(
        actor,
        service="shop",
        start=NOON,
        end=NOON + 10 * MINUTE,
        before_start=NOON - HOUR,
        before_end=NOON,
    )


@pytest.mark.parametrize("release", RELEASES)
async def test_it_says_which_version_fails_and_with_what(viewer: Actor, jaeger: FakeJaeger) -> None:
    a_bad_release(jaeger)
    found = await compared(viewer)
    version, error = found.statements[0], found.statements[-1]
    assert version.words == (
        "shop 1.3.0 fails 50% of 20 traces, 1.2.0 none of 40; only petstore-0 ran it"
    )
    assert error.words == (
        "New: deadline exceeded after … ms in Query of store "
        "in 10 of 60 traces, none of 60 the hour before"
    )
    assert (found.now.every, found.before.every) == (Share(60, 10), Share(60, 0))
    assert found.unchanged == ("store 4.0.7",)


@ANY_JAEGER
async def test_failing_traces_are_grouped_by_what_failed(viewer: Actor, jaeger: FakeJaeger) -> None:
    a_bad_release(jaeger)
    jaeger.add(trace(request(0, "1.2.0", "petstore-1", "deadline exceeded after 7 ms")))
    slow = trace(request(MINUTE, "1.3.0", "petstore-0", "no such table", SECOND), trace_id="51")
    jaeger.add(slow)
    found = await compared(viewer)
    assert found.failures == (
        FailureGroup(
            service="store",
            operation="Query",
            version="4.0.7",
            message="deadline exceeded after … ms",
            traces=11,
            before=0,
            is_new=True,
            example=found.failures[0].example,
            duration=21 * MILLISECOND,
            query=found.failures[0].query,
            is_said=True,
        ),
        replace(
            found.failures[1],
            message="no such table",
            traces=1,
            is_new=False,
            is_said=False,
            example="51".zfill(32),
            duration=SECOND + MILLISECOND,
        ),
    )
    assert [each.sentence for each in found.failures] == [
        "deadline exceeded after … ms in Query",
        "no such table in Query",
    ]


@pytest.mark.parametrize("release", ["2.13", "2.20"])
async def test_its_links_find_exactly_these_traces(viewer: Actor, jaeger: FakeJaeger) -> None:
    a_bad_release(jaeger)
    jaeger.add(*(trace(request(each * SECOND, error="no such table")) for each in range(4)))
    found = await compared(viewer)
    queries = [found.failing, *(each.query for each in found.statements)]
    queries += [each.query for each in found.failures]
    lists = [await list_traces(viewer, query=each) for each in queries]
    kinds = [each.kind for each in found.statements]
    assert kinds == [StatementKind.VERSION, StatementKind.ERROR]
    # A message that varies cannot be searched for: all failures of its operation are found.
    assert [len(each.traces) for each in lists] == [14, 10, 14, 14, 4]


@ANY_JAEGER
async def test_jaeger_is_asked_once_for_each_window(viewer: Actor, jaeger: FakeJaeger) -> None:
    a_bad_release(jaeger)
    await compared(viewer)
    await compared(viewer)
    assert jaeger.methods() == ["FindTraces", "FindTraces"]


@ANY_JAEGER
async def test_without_traces_it_says_nothing(viewer: Actor, jaeger: FakeJaeger) -> None:
    found = await compared(viewer)
    assert (found.now.every, found.statements, found.failures) == (Share(), (), ())


@ANY_JAEGER
async def test_without_traces_before_nothing_is_new(viewer: Actor, jaeger: FakeJaeger) -> None:
    jaeger.add(*(trace(request(each * SECOND, error="no such table")) for each in range(40)))
    found = await compared(viewer)
    assert (found.now.every, found.before.every) == (Share(40, 40), Share())
    assert (found.statements, found.failures[0].is_new) == ((), False)


async def test_windows_must_follow_each_other(viewer: Actor) -> None:
    with pytest.raises(InvalidInput, match="the windows must follow each other"):
        await compare_windows(
            viewer, service="shop", start=NOON, end=NOON, before_start=NOON - HOUR, before_end=NOON
        )


@ANY_JAEGER
async def test_a_jaeger_that_fails_is_an_error(viewer: Actor, jaeger: FakeJaeger) -> None:
    jaeger.fail(grpc.StatusCode.UNAVAILABLE, "down")
    with pytest.raises(BackendUnavailable):
        await compared(viewer)
