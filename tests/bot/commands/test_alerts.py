from dataclasses import replace

import pytest
from pytest_django import Settings

from ops.actor import Actor
from ops.backends.clients import close_clients
from ops.database import in_database
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, Origin
from ops.vocabulary.timerange import HOUR
from tests.alerts.making import alert as made
from tests.alerts.past import period
from tests.bot.conftest import Backends, said
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_shows_alerts(viewer: Actor, backends: Backends) -> None:
    backends.prometheus.rule(
        "Errors",
        alert("Errors", severity="page", job="petstore", annotations={"summary": "12% fail"}),
        alert("Errors", "pending", severity="page", job="store"),
    )
    backends.prometheus.rule("Broken", health="err", error="many-to-many")
    reply = await said(viewer, "alerts")
    assert reply.summary == "1 alert firing that we know of (1 page), 1 pending"
    assert reply.rows[0].cells[:3] == ("1 firing, 1 pending", "page", "Errors (2)")
    assert reply.rows[0].below == ("12% fail", "job: petstore, store", "value 1")
    doubt = "There may be more: rule Broken cannot be evaluated: many-to-many"
    assert reply.notes == (doubt,)
    narrowed = await said(viewer, "alerts petstore severity=~page|critical")
    assert narrowed.summary == (
        '1 alert firing that we know of (1 page) for job="petstore", severity=~"page|critical"'
    )
    assert narrowed.notes == (), "broken rules are not under every answer"
    assert [follow_up.line for follow_up in reply.follow_ups] == [
        "ack Errors", "list traces petstore error", "list traces store error", "version",
    ]  # fmt: skip
    none = await said(viewer, 'alerts team="a" state=firing')
    known = "1 alert firing, none that we know of"
    assert none.summary == f'{known} for state=firing team="a"'
    assert [follow_up.line for follow_up in none.follow_ups] == ["alerts"]


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("alerts Errors", 'alertname="Errors"'),
        ("alerts for petstore", 'job="petstore"'),
        ("alerts firing page", 'state=firing severity="page"'),
        ('alerts {alertname="Errors",job=~"pet.*"}', 'alertname="Errors", job=~"pet.*"'),
        ("alerts severity = \u201cpage\u201d age>1m", 'age>1m severity="page"'),
        ('alerts summary=~".*fail"', 'summary=~".*fail"'),
        ('alerts "site"=eu', '"site"="eu"'),
    ],
)
async def test_it_says_what_it_understood(
    viewer: Actor, backends: Backends, line: str, asked: str
) -> None:
    backends.prometheus.rule(
        "Errors",
        alert(
            "Errors",
            severity="page",
            job="petstore",
            site="eu",
            annotations={"summary": "12% fail"},
        ),
    )
    reply = await said(viewer, line)
    assert reply.summary.endswith(f" for {asked}")
    assert reply.rows[0].below[:2] == ("12% fail", 'job=petstore, "site"=eu')


async def test_it_does_not_take_a_mistyped_service_for_one_without_alerts(
    viewer: Actor, backends: Backends
) -> None:
    backends.prometheus.rule("Errors", alert("Errors", job="petstore"))
    reply = await said(viewer, "alerts PetStor state=firing")
    assert reply.summary.startswith("Read as `alerts firing petstore`. 1 alert firing")
    reply = await said(viewer, "alerts critical")
    assert reply.summary == '1 alert firing, none for severity="critical"'


async def test_alerts_of_one_name_are_one_row(viewer: Actor, backends: Backends) -> None:
    link = {"runbook_url": "https://runbooks.example.com/deep", "summary": "deep"}
    deep = [alert("Deep", job="a", pod=f"pod-{n}", annotations=link) for n in range(12)]
    backends.prometheus.rule("Deep", *deep)
    odd = {"runbook_url": "javascript:alert(1)"}
    backends.prometheus.rule("Odd", alert("Odd", annotations=odd, value="2.28e-01", unit="ratio"))
    reply = await said(viewer, "alerts")
    deeps, odds = reply.rows
    assert deeps.cells[2] == "Deep (12)"
    assert deeps.below == (
        "deep",
        "pod: pod-0, pod-1, pod-10 and 9 more",
        "value 1",
        "runbook: https://runbooks.example.com/deep",
    )
    assert odds.below == ("unit=ratio", "value 22.8%")


async def test_broken_rules_are_one_line(viewer: Actor, backends: Backends) -> None:
    for number in range(5):
        backends.prometheus.rule(f"Broken{number}", health="err", error="many-to-many")
    reply = await said(viewer, "alerts")
    named = "Broken0, Broken1, Broken2 and 2 more"
    assert reply.notes == (f"There may be more: 5 rules cannot be evaluated: {named}",)


async def test_it_shows_one_alert_with_its_rule_and_its_past(
    viewer: Actor, backends: Backends, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://ops.example.com"
    backends.prometheus.rule(
        "Deep",
        alert("Deep", job="petstore", severity="page", annotations={"summary": "depth 412"}),
        query="depth > 100",
        duration=60,
    )
    gone = made("Deep", {"job": "petstore", "severity": "page"}, sources=("127.0.0.1",))
    site = sites().default
    gone = replace(
        gone, fingerprint=Origin(site, "127.0.0.1").fingerprint("demo", "Deep", gone.labels)
    )
    now = timerange.now_ns()
    await in_database(period, gone, FIRING, now - 3 * HOUR, now - 2 * HOUR, site=site)

    reply = await said(viewer, "show alert Deep")
    assert reply.summary == "Deep is firing: depth 412"
    assert [note.partition(" since")[0] for note in reply.notes] == [
        "firing",
        "pending",
        "severity page",
        "value 1",
        "job=petstore",
        "rule: depth > 100, for 1 min",
        next(note for note in reply.notes if note.startswith("fired 1 time, 1 h in all")),
    ]
    [link] = reply.links
    assert link.url.endswith(f"/alerts/{gone.fingerprint}/")
    assert [each.line for each in reply.follow_ups][:3] == [
        f"ack {gone.fingerprint}", "what changed before Deep", "list traces petstore error",
    ]  # fmt: skip
    by_id = await said(viewer, f"alert {gone.fingerprint}")
    assert by_id.summary == reply.summary

    backends.prometheus.groups.clear()
    await close_clients()
    resolved = await said(viewer, f"alert {gone.fingerprint}")
    assert resolved.summary == "Deep has resolved"


async def test_several_that_match_are_listed(viewer: Actor, backends: Backends) -> None:
    backends.prometheus.rule("Deep", alert("Deep", job="a"), alert("Deep", job="b"))
    assert (await said(viewer, "show alert Deep")).rows[0].cells[2] == "Deep (2)"
    unknown = await said(viewer, f"alert {'ab' * 10}")
    assert unknown.failed and "Choose an alert from the list" in unknown.summary
