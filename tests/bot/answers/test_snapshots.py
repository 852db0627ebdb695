"""The versions and alerts while a trace ran, as short as possible."""

import pytest

from bot.answers.snapshots import at_that_time
from bot.commands.traces import look_back
from ops.actor import Actor
from ops.overview.actions import ServiceSnapshot, SiteSnapshot
from ops.traces.actions import show_trace
from ops.vocabulary.alerts import Alert
from tests.bot.conftest import Backends
from tests.fakes.jaeger import span, trace
from tests.fakes.prometheus import Fault


def fired(name: str, state: str = "firing", **labels: str) -> Alert:
    return Alert(name, state, "1", 0, labels, {}, ("main",), "demo", "ok")


def moment(*lines: ServiceSnapshot, problems: tuple[str, ...] = ()) -> SiteSnapshot:
    return SiteSnapshot("demo", 0, 1, lines, problems)


def service(name: str, *alerts: Alert) -> ServiceSnapshot:
    return ServiceSnapshot(name, None, alerts, None)


def test_it_says_nothing_where_nothing_is_known() -> None:
    assert at_that_time(moment(service("petstore"))) == ()


def test_it_begins_with_the_services_that_had_alerts() -> None:
    errors, slow = fired("Errors", severity="page"), fired("Slow", "pending")
    found = at_that_time(moment(service("store"), service("petstore", errors, slow)))
    assert found == ("At that time: petstore Errors was firing (page), Slow was pending",)


def test_it_names_three_of_many() -> None:
    many = [fired(f"A{number}") for number in range(5)]
    lines = [service(f"s{number}", *many[:1]) for number in range(5)]
    [found] = at_that_time(moment(service("petstore", *many), *lines))
    assert found == (
        "At that time: petstore A0 was firing, A1 was firing, A2 was firing, 2 more; "
        "s0 A0 was firing; s1 A0 was firing; and 3 more"
    )


def test_it_says_what_is_not_known() -> None:
    found = at_that_time(moment(problems=("Prometheus main does not answer", "another")))
    assert found == ("Incomplete for that time: Prometheus main does not answer",)


def test_it_is_short_whatever_the_names() -> None:
    long = [service("s", *[fired("w" * 10_000)] * 9)] * 9
    assert all(len(note) <= 500 for note in at_that_time(moment(*long, problems=("w" * 10_000,))))


@pytest.mark.django_db(transaction=True)
async def test_a_trace_does_not_wait_for_its_moment(viewer: Actor, backends: Backends) -> None:
    trace_id = backends.jaeger.add(trace(span("petstore", "AddPets")))
    found = await show_trace(viewer, trace_id=trace_id)
    backends.prometheus.fault = Fault.HANG
    then = await look_back(viewer, found, seconds=0.01)
    assert (then.lines, then.problems) == ((), ("no answer within 0.01 s",))
