"""What is wrong with a service or a site, and what the bot says first about it."""

import grpc
import pytest
from django.contrib.auth.models import Permission
from pytest_django import Settings

from bot.answers.diagnosis import diagnosis, site_diagnosis
from bot.answers.slowness import slowness
from bot.replies import Reply
from ops.actor import Actor
from ops.backends.clients import close_clients
from ops.database import in_database
from ops.overview.actions import diagnose, diagnose_site
from ops.sampling.actions import change_policy
from ops.vocabulary import timerange
from ops.vocabulary.policies import NEVER, rate
from ops.vocabulary.timerange import MINUTE, SECOND
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.instance import fake_instance
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, FakeJaeger, span, trace
from tests.fakes.prometheus import FakePrometheus, Fault, alert

pytestmark = pytest.mark.django_db(transaction=True)

SITE = """
default_site = "production"
[sites.production]
default_service = "petstore"
jaeger = {{ address = "{jaeger}" }}
prometheus = {{ name = "main", url = "{prometheus}" }}
[sites.production.services.petstore]
instances = ["{instance}"]
version = "petstore_build_info"
failing = "failing_of_petstore"
[sites.production.services.store]
[sites.production.services.quiet]
alerts = {{}}
[sites.staging]
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus) -> None:
    addresses = {"jaeger": jaeger.address, "prometheus": prometheus.url}
    site_file(SITE.format(**addresses, instance="127.0.0.1:1"))
    prometheus.says(
        "petstore_build_info",
        ({"instance": "a", "version": "1.2.0"}, 1),
        ({"instance": "b", "version": "1.2.0"}, 1),
    )


def add(
    jaeger: FakeJaeger, number: int, minutes_ago: int, *, error: str = "", took: int = 10
) -> str:
    """Add traces that lasted so many milliseconds; returns the ID of the last one."""
    start = timerange.now_ns() - minutes_ago * MINUTE
    found = ""
    for place in range(number):
        child = span("store", "Query", error=error or None)
        root = span(
            "petstore",
            "AddPets",
            start=start + place * SECOND,
            duration=took * timerange.MILLISECOND,
            error="failed" if error else None,
            children=[child] if error else [],
        )
        found = jaeger.add(trace(root))
    return found


async def said(actor: Actor, service: str = "petstore") -> Reply:
    return diagnosis(await diagnose(actor, service=service))


@EITHER_JAEGER
async def test_the_verdict_joins_alerts_traces_and_versions(
    viewer: Actor, jaeger: FakeJaeger, prometheus: FakePrometheus, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://ops.example.com"
    prometheus.rule("Slow", alert("Slow", job="petstore", severity="critical"))
    prometheus.rule("Other", alert("Other", job="store", severity="critical"))
    add(jaeger, 20, 40)
    add(jaeger, 7, 10)
    failing = add(jaeger, 3, 5, error="no disk")

    reply = await said(viewer)

    assert reply.summary == (
        "petstore: 1 critical alert firing (Slow), 30% of 10 traces failed (0% the hour before)"
    )
    cells = {row.cells[0]: row for row in reply.rows}
    assert cells["alert"].cells[1] == "Slow firing (critical)"
    assert cells["AddPets"].cells[1].startswith("3 of 10 failed, median ")
    assert cells["AddPets"].below == ("Query: no disk", f"failed: {failing}")
    assert cells["version"].cells[1] == "1.2.0 on 2 of 2"
    assert [each.url for each in reply.links] == [
        "https://ops.example.com/sites/production/services/petstore/"
    ]
    assert [each.line for each in reply.follow_ups] == [
        "alerts petstore",
        f"show trace {failing}",
        "list traces petstore error last=15m",
        "changes petstore",
    ]
    assert len([each for each in jaeger.methods() if each != "GetTrace"]) <= 4


@EITHER_JAEGER
async def test_slow_operations_are_found(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger, 10, 40, took=40)
    add(jaeger, 10, 10, took=400)
    reply = await said(viewer)
    slow = "AddPets takes 400 ms in the median of 10 traces (40 ms the hour before)"
    assert reply.summary == f"petstore: {slow}"
    slow_traces = "list traces petstore operation=AddPets trace-min=400ms last=15m"
    assert slow_traces in [each.line for each in reply.follow_ups]


@ANY_JAEGER
async def test_what_is_slow_is_compared_with_the_hour_before(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    nothing = slowness(await diagnose(viewer, service="petstore"))
    assert nothing.summary == (
        "Not sure whether petstore is slow: there are no traces of the last 15 minutes"
    )
    await close_clients()
    add(jaeger, 10, 10, took=40)
    alone = slowness(await diagnose(viewer, service="petstore"))
    assert alone.summary == (
        "petstore: nothing to compare with in the hour before; 0 of 10 failed, median 40 ms, "
        "p95 40 ms"
    )
    await close_clients()
    add(jaeger, 10, 40, took=40)
    same = slowness(await diagnose(viewer, service="petstore"))
    assert same.summary.startswith(
        "petstore: no operation takes much longer than in the hour before;"
    )
    await close_clients()
    add(jaeger, 30, 5, took=400)
    slower = slowness(await diagnose(viewer, service="petstore"))
    assert slower.summary == (
        "petstore: AddPets takes 400 ms in the median of 40 traces (40 ms the hour before)"
    )
    assert slower.rows[0].cells[0] == "AddPets"
    assert slower.follow_ups[0].line == f"show trace {slower.rows[0].below[0].split()[-1]}"


@ANY_JAEGER
async def test_all_is_well_only_with_what_was_looked_at(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger, 10, 10)
    reply = await said(viewer)
    known = "no alert is firing, none of 10 traces failed, 1.2.0 on 2 of 2"
    assert reply.summary == f"petstore: {known}"
    assert reply.notes == ()


@ANY_JAEGER
async def test_without_traces_it_says_what_sampling_has_to_do_with_it(
    operator: Actor, site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    assert (await said(operator)).summary == (
        "petstore: no alert is firing, no traces in 15 min, 1.2.0 on 2 of 2"
    )
    async with fake_instance() as instance:
        addresses = {"jaeger": jaeger.address, "prometheus": prometheus.url}
        site_file(SITE.format(**addresses, instance=instance.address))
        await change_policy(operator, policy=NEVER, service="petstore")
        off = await said(operator)
        await change_policy(operator, policy=rate(0.1), service="petstore")
        some = await said(operator)
    assert "no traces in 15 min because sampling is off" in off.summary
    assert "no traces in 15 min though sampling is 10%" in some.summary
    assert "sampling up petstore" in [each.line for each in some.follow_ups]


@ANY_JAEGER
async def test_it_is_never_sure_while_a_source_is_silent(
    viewer: Actor, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    add(jaeger, 10, 10)
    prometheus.fault = Fault.INTERNAL
    reply = await said(viewer)
    assert reply.summary.startswith("Not sure about petstore: Prometheus main of production at ")
    assert reply.summary.endswith("; otherwise none of 10 traces failed")
    assert reply.notes[0].startswith("Not sure: Prometheus main of production at ")

    prometheus.fault = Fault.NONE
    jaeger.fail(grpc.StatusCode.UNAVAILABLE, "away")
    other = await said(viewer, "store")
    assert other.summary.startswith("Not sure about store: Jaeger of production at ")
    assert other.summary.endswith("; otherwise no alert is firing")


@ANY_JAEGER
async def test_what_is_late_is_named_and_there_the_next_time(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    early = diagnosis(await diagnose(viewer, service="petstore", patience=0))
    assert early.summary.startswith("Not sure about petstore: ")
    assert "Not sure: traces did not arrive in time" in early.notes
    later = diagnosis(await diagnose(viewer, service="petstore", patience=30))
    assert later.summary.startswith("petstore: no alert is firing")


@ANY_JAEGER
async def test_what_may_not_be_seen_is_left_out_and_said(
    person: Person, prometheus: FakePrometheus, jaeger: FakeJaeger
) -> None:
    prometheus.rule("Slow", alert("Slow", job="petstore", severity="critical"))
    add(jaeger, 10, 10)
    user = await in_database(person, "oscar")
    may = Permission.objects.filter(codename__in=("view_overview", "view_traces"))
    await in_database(lambda: user.user_permissions.set(may))
    reply = await said(actor_of(user))
    assert reply.summary == (
        "Not sure about petstore: you are not allowed to see alerts; otherwise none of 10 traces "
        "failed"
    )
    assert not [row for row in reply.rows if row.cells[0] in ("alert", "version", "sampling")]


@ANY_JAEGER
async def test_what_the_site_file_does_not_set_up_is_no_doubt(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    reply = await said(viewer, "quiet")
    assert reply.summary == "quiet: no traces in 15 min"
    assert any("no alert labels" in note for note in reply.notes)


@ANY_JAEGER
async def test_of_a_site_the_worst_service_comes_first(
    viewer: Actor, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    prometheus.says("failing_of_petstore", ({}, 0.2))
    prometheus.rule("Deep", alert("Deep", job="store", severity="warning"))
    prometheus.rule("Node", alert("Node", job="node", severity="critical"))

    reply = site_diagnosis(await diagnose_site(viewer))

    assert reply.summary == (
        "2 of 3 services of production have problems. store: 1 warning alert firing (Deep); "
        "petstore: 20% of the requests fail; 1 critical alert firing (Node), of no service of "
        "production"
    )
    assert [row.cells[0] for row in reply.rows] == ["store", "petstore", "alert"]
    assert [each.line for each in reply.follow_ups][:2] == ["diagnose store", "diagnose petstore"]


@ANY_JAEGER
async def test_of_a_site_it_is_calm_only_if_everything_answered(
    viewer: Actor, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    calm = site_diagnosis(await diagnose_site(viewer))
    assert (calm.summary, calm.notes) == (
        "production: no alert is firing",
        ("Not checked: staging; ask with site=NAME",),
    )
    await close_clients()
    prometheus.fault = Fault.INTERNAL
    add(jaeger, 1, 1, error="no disk")
    reply = site_diagnosis(await diagnose_site(viewer))
    assert reply.summary.startswith("Not sure about production: Prometheus main of production at ")
    assert reply.summary.endswith("; otherwise at least 1 trace failed in the last hour")
