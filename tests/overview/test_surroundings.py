"""What changed before an alert, and how its traces differ from the hour before."""

from dataclasses import replace

import grpc
import pytest
from django.contrib.auth.models import Permission

from ops.actor import Actor
from ops.database import in_database
from ops.errors import BackendUnavailable, NotFound
from ops.overview.actions import (
    ChangeKind,
    TracesOfAlert,
    compare_alert_traces,
    show_surroundings,
)
from ops.traces.actions import Share
from ops.versions.models import VersionPeriod
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, Alert
from ops.vocabulary.timerange import DAY, HOUR, MINUTE, SECOND
from tests.alerts.making import alert
from tests.alerts.past import SITE, period, watched
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.jaeger import ANY_JAEGER, FakeJaeger, span, trace
from tests.fakes.prometheus import FakePrometheus, Fault

pytestmark = [pytest.mark.django_db(transaction=True), ANY_JAEGER]
TEXT = """
[sites.production]
jaeger = {{ address = "{jaeger}" }}
prometheus = {{ name = "main", url = "{prometheus}" }}
[sites.production.services.petstore]
version = "petstore_build_info"
alerts = {{ job = "petstore" }}
[sites.production.services.store]
version = "store_build_info"
[sites.production.services.pets]
alerts = {{ team = "pets" }}
"""
NOW = timerange.now_ns()
STARTED = NOW - 20 * MINUTE
LABELS = {"job": "petstore", "team": "pets"}
DEEP = alert("QueueDeep", LABELS, sources=("main",), active_at=STARTED)


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus) -> None:
    site_file(TEXT.format(jaeger=jaeger.address, prometheus=prometheus.url))


def rolled_out(service: str, at: int, *versions: str) -> None:
    before, after = versions
    for version, start, end in ((before, NOW - DAY, at), (after, at, None)):
        VersionPeriod.objects.create(
            site=SITE, key=f"{service}{version}", state=VersionPeriod.RUNS, start=start, end=end,
            service=service, instance="a", version=version,
        )  # fmt: skip


def remembered() -> None:
    """An alert of 20 minutes ago that lasted five; two rollouts and other alerts before it."""
    watched(NOW - 2 * DAY, NOW, "main")
    period(DEEP, FIRING, STARTED, NOW - 15 * MINUTE)
    rolled_out("store", STARTED - 2 * MINUTE, "4.0.6", "4.0.7")
    rolled_out("petstore", STARTED - 4 * MINUTE, "1.2.0", "1.3.0")
    for number in range(3):
        slow = alert("Slow", {"pod": str(number)}, sources=("main",))
        period(slow, FIRING, STARTED - MINUTE, None)
    period(alert("Early", sources=("main",)), FIRING, STARTED - 16 * MINUTE, None)


def add(jaeger: FakeJaeger, start: int, version: str, error: str | None = None) -> None:
    for number in range(30):
        of = {"service.version": version}
        root = span("petstore", "Buy", start=start + number * SECOND, error=error, resource=of)
        jaeger.add(trace(root))


async def compared(actor: Actor, one: Alert = DEEP, service: str = "") -> TracesOfAlert:
    return await compare_alert_traces(actor, fingerprint=one.fingerprint, service=service)


async def test_it_is_in_order_and_about_the_fifteen_minutes_before(viewer: Actor) -> None:
    await in_database(remembered)
    found = await show_surroundings(viewer, fingerprint=DEEP.fingerprint)
    *rollouts, slow = found.found
    # A rollout of the alert's own service comes before a newer one of another.
    services = [each.version.service for each in rollouts if each.version]
    assert services == ["petstore", "store"]
    assert slow.alert and (slow.alert.name, slow.alert.count) == ("Slow", 3)
    assert (found.start, found.end) == (STARTED, NOW - 15 * MINUTE)
    assert not found.is_unsure and not found.nothing
    assert found.rolled == {"petstore", "store"}


async def test_that_nothing_changed_is_only_said_as_far_as_it_is_known(viewer: Actor) -> None:
    await in_database(period, DEEP, FIRING, STARTED, None)
    found = await show_surroundings(viewer, fingerprint=DEEP.fingerprint)
    assert found.nothing == "No rollouts, sampling changes or other alerts"
    assert found.is_unsure, "nobody watched"
    await in_database(watched, NOW - DAY, NOW, "main")
    assert not (await show_surroundings(viewer, fingerprint=DEEP.fingerprint)).is_unsure


async def test_an_alert_that_is_over_is_found_by_its_name(viewer: Actor) -> None:
    await in_database(remembered)
    assert (await show_surroundings(viewer, name="QueueDeep")).fingerprint == DEEP.fingerprint
    with pytest.raises(NotFound, match='no alert "Other" is firing, and none is remembered'):
        await show_surroundings(viewer, name="Other")


async def test_while_no_source_answers_only_what_is_remembered_is_found(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    await in_database(remembered)
    prometheus.fault = Fault.UNAVAILABLE
    assert (await show_surroundings(viewer, name="QueueDeep")).fingerprint == DEEP.fingerprint
    with pytest.raises(BackendUnavailable):
        await show_surroundings(viewer, name="Other")


async def test_its_traces_are_compared_from_the_rollout_on(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    await in_database(remembered)
    add(jaeger, STARTED - 30 * MINUTE, "1.2.0")
    add(jaeger, STARTED - 3 * MINUTE, "1.3.0", "no stock")
    found = await compared(viewer)
    assert (found.service, found.problem) == ("petstore", "")
    assert found.comparison and found.rollout
    assert found.rollout.at == STARTED - 4 * MINUTE
    assert found.comparison.now.start == STARTED - 5 * MINUTE, "it was noticed some time later"
    assert found.comparison.now.end == NOW - 15 * MINUTE
    assert found.comparison.before.start == STARTED - 5 * MINUTE - HOUR
    assert (found.comparison.now.every, found.comparison.before.every) == (
        Share(30, 30),
        Share(30, 0),
    )
    assert jaeger.methods() == ["FindTraces", "FindTraces"]


async def test_a_rollout_that_was_noticed_after_its_alert_is_there(viewer: Actor) -> None:
    await in_database(period, DEEP, FIRING, STARTED, None)
    await in_database(rolled_out, "petstore", STARTED + 5 * SECOND, "1.2.0", "1.3.0")
    found = await show_surroundings(viewer, fingerprint=DEEP.fingerprint)
    assert [each.at for each in found.found] == [STARTED + 5 * SECOND]
    assert (await compared(viewer)).rollout == found.found[0]


async def test_without_a_rollout_they_are_compared_from_five_minutes_before(viewer: Actor) -> None:
    await in_database(period, DEEP, FIRING, STARTED, None)
    found = await compared(viewer)
    assert found.comparison and found.rollout is None
    assert found.comparison.now.start == STARTED - 5 * MINUTE
    assert NOW - MINUTE < found.comparison.now.end <= timerange.now_ns()


async def test_of_a_long_alert_the_first_hour_is_compared(viewer: Actor) -> None:
    long = replace(DEEP, active_at=NOW - DAY)
    await in_database(period, long, FIRING, NOW - DAY, None)
    found = await compared(viewer)
    assert found.comparison
    assert found.comparison.now.end - found.comparison.now.start == HOUR


async def test_an_alert_of_no_service_has_no_traces_to_compare(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    other = alert("Other", {"job": "else"}, sources=("main",), active_at=STARTED)
    await in_database(period, other, FIRING, STARTED, None)
    assert await compared(viewer, other) == TracesOfAlert("", None, None)
    assert jaeger.methods() == []


async def test_those_of_each_of_its_services_are_compared_on_their_own(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    await in_database(remembered)
    around = await show_surroundings(viewer, fingerprint=DEEP.fingerprint)
    assert [each.service for each in around.lines] == ["petstore", "pets"]
    found = await compared(viewer, service="pets")
    assert found.comparison and found.comparison.service == "pets"
    assert found.rollout is None, "petstore's is none of pets"
    assert jaeger.methods() == ["FindTraces", "FindTraces"]
    with pytest.raises(NotFound, match='traces of "store" are not compared'):
        await compared(viewer, service="store")


async def test_a_fourth_service_is_left_out_and_named(
    viewer: Actor, site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    more = "".join(
        f'[sites.production.services.{each}]\nalerts = {{ team = "pets" }}\n' for each in ("c", "d")
    )
    site_file(TEXT.format(jaeger=jaeger.address, prometheus=prometheus.url) + more)
    await in_database(remembered)
    around = await show_surroundings(viewer, fingerprint=DEEP.fingerprint)
    assert [each.service for each in around.lines] == ["petstore", "pets", "c"]
    assert around.left_out == ("d",)
    with pytest.raises(NotFound, match='traces of "d" are not compared'):
        await compared(viewer, service="d")


async def test_a_comparison_that_fails_is_a_sentence(viewer: Actor, jaeger: FakeJaeger) -> None:
    await in_database(remembered)
    jaeger.fail(grpc.StatusCode.UNAVAILABLE, "away")
    found = await compared(viewer)
    assert found.comparison is None
    assert found.problem.startswith("The traces were not compared: Jaeger of production")


async def test_what_may_not_be_seen_is_said(person: Person, jaeger: FakeJaeger) -> None:
    await in_database(remembered)
    user = await in_database(person, "oscar")
    may = Permission.objects.filter(codename="view_alerts")
    await in_database(lambda: user.user_permissions.set(may))
    actor = actor_of(user)
    around = await show_surroundings(actor, fingerprint=DEEP.fingerprint)
    assert around.changes.hidden == (ChangeKind.ROLLOUTS, ChangeKind.SAMPLING)
    assert around.is_unsure and around.rolled == frozenset()
    found = await compared(actor)
    assert (found.problem, found.rollout) == ("You are not allowed to see traces", None)
    assert jaeger.methods() == []
