"""What changed, from OpsPortal's own memory, and how far back that goes."""

import pytest
from django.contrib.auth.models import Permission
from pytest_django import Settings

from bot.answers.changes import MOST_ROWS, changes_reply
from ops.actor import Actor
from ops.alerts.acknowledgements import Held, take
from ops.alerts.acknowledgements import Person as Holder
from ops.alerts.models import AlertPeriod
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.incidents.actions import close_incident, open_incident
from ops.overview.actions import ChangeKind, show_changes
from ops.sampling.actions import change_policy
from ops.versions.models import VersionPeriod
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING
from ops.vocabulary.policies import rate
from ops.vocabulary.timerange import DAY, HOUR, MINUTE, SECOND, TimeRange
from tests.alerts.making import alert
from tests.alerts.past import SITE, answered, period, watched
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.instance import fake_instance

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = """
[sites.production]
prometheus = {{ name = "main", url = "http://127.0.0.1:1" }}
[sites.production.services.petstore]
instances = ["{instance}"]
version = "petstore_build_info"
alerts = {{ job = "petstore", "a__b" = "c" }}
[sites.production.services.store]
version = "store_build_info"
[sites.production.services.quiet]
alerts = {{}}
version = ""
"""
OF_PETSTORE = {"job": "petstore", "a__b": "c"}


@pytest.fixture(autouse=True)
def site(site_file: SiteFile) -> None:
    site_file(TEXT.format(instance="127.0.0.1:1"))


def ran(service: str, instance: str, version: str, start: int, end: int | None) -> None:
    VersionPeriod.objects.create(
        site=SITE, key=f"{service}{instance}{version}", state=VersionPeriod.RUNS,
        start=start, end=end, service=service, instance=instance, version=version,
    )  # fmt: skip


def remembered(now: int, since: int = 2 * DAY) -> None:
    """A rollout 50 minutes ago, and alerts of two services."""
    watched(now - since, now, "main")
    ran("petstore", "a", "1.2.0", now - DAY, now - 50 * MINUTE)
    ran("petstore", "a", "1.3.0", now - 50 * MINUTE, None)
    slow = alert("Slow", {**OF_PETSTORE, "severity": "page"}, annotations={"summary": "p95 1 s"})
    period(slow, FIRING, now - 40 * MINUTE, now - 10 * MINUTE)
    period(alert("Deep", {"job": "store"}), FIRING, now - 30 * MINUTE, None)
    period(alert("Deep", {"job": "petstore"}), FIRING, now - 29 * MINUTE, None)


async def test_it_lists_everything_newest_first(viewer: Actor) -> None:
    await in_database(remembered, timerange.now_ns())
    found = await show_changes(viewer)
    reply = changes_reply(found)
    assert reply.summary == "1 rollout and 3 alert changes on production in the last 24 h"
    assert [row.cells[1] for row in reply.rows] == [
        "Slow resolved", "Deep started firing, 2 alerts", "Slow started firing (page)",
        "petstore started to run 1.3.0",
    ]  # fmt: skip
    assert reply.rows[2].below == ("p95 1 s",)
    assert reply.notes == ()


async def test_many_alerts_hide_no_rollout(viewer: Actor) -> None:
    now = timerange.now_ns()

    def many() -> None:
        remembered(now)
        for number in range(60):
            name = f"A{number}"
            period(alert(name), FIRING, now - 20 * MINUTE + number * SECOND, None)

    await in_database(many)
    reply = changes_reply(await show_changes(viewer))
    assert reply.summary == "1 rollout and 63 alert changes on production in the last 24 h"
    assert len(reply.rows) == MOST_ROWS
    assert reply.rows[-1].cells[1] == "petstore started to run 1.3.0"
    assert reply.notes == ("and 24 more changes",)


async def test_of_one_service_only_its_own(viewer: Actor) -> None:
    now = timerange.now_ns()
    await in_database(remembered, now)
    await in_database(answered, "main", now - HOUR, None, fails=True)
    reply = changes_reply(await show_changes(viewer, service="petstore"))
    assert [row.cells[1] for row in reply.rows] == [
        "Slow resolved", "Slow started firing (page)", "petstore started to run 1.3.0",
    ]  # fmt: skip
    assert reply.notes == ("main did not answer all the time",)


async def test_what_cannot_be_known_of_a_service_is_said(viewer: Actor) -> None:
    now = timerange.now_ns()
    await in_database(watched, now - 2 * DAY, now, "main")
    quiet = changes_reply(await show_changes(viewer, service="quiet", kinds=(ChangeKind.ALERTS,)))
    assert quiet.summary == (
        "No alert change in quiet that we know of in the last 24 h: quiet has no alert labels in "
        "the site file, so its alerts are unknown"
    )


async def test_changes_of_sampling_say_who_and_why(operator: Actor, site_file: SiteFile) -> None:
    async with fake_instance() as instance:
        site_file(TEXT.format(instance=instance.address))
        await change_policy(operator, policy=rate(0.5), service="petstore", reason="a look")
    found = await show_changes(operator, kinds=(ChangeKind.SAMPLING,))
    reply = changes_reply(found)
    assert reply.summary == "1 sampling change on production in the last 24 h"
    assert reply.rows[0].cells[1] == "sampling of petstore: unknown -> 50%"
    assert reply.rows[0].below == ("by olga from browser: a look",)
    assert reply.notes == (), "changes of sampling need no watcher"
    before = TimeRange(timerange.parse_moment("now-2d"), timerange.parse_moment("now-1d"))
    earlier = changes_reply(
        await show_changes(operator, kinds=(ChangeKind.SAMPLING,), range=before)
    )
    assert earlier.summary.startswith("No sampling change on production from 20")


async def test_it_says_how_far_back_it_knows(viewer: Actor) -> None:
    never = changes_reply(await show_changes(viewer))
    assert never.summary == (
        "No change on production that we know of in the last 24 h: site production has not "
        "been watched yet, so rollouts and alerts are not remembered"
    )
    now = timerange.now_ns()
    await in_database(watched, now - 2 * HOUR, now - HOUR, "main")
    await in_database(watched, now - 30 * MINUTE, now, "main")
    reply = changes_reply(await show_changes(viewer, kinds=(ChangeKind.ROLLOUTS,)))
    known = "No rollout on production that we know of in the last 24 h: rollouts and alerts are"
    assert reply.summary.startswith(known)
    since, hole = reply.notes
    assert since.startswith("Rollouts and alerts are remembered since ")
    assert hole.startswith("Not watched for 30 min")
    lately = changes_reply(await show_changes(viewer, range=TimeRange.last(20 * MINUTE)))
    assert lately.notes == ()
    assert "that we know of" not in lately.summary


async def test_what_may_not_be_seen_is_left_out_and_said(person: Person) -> None:
    user = await in_database(person, "oscar")
    names = ("view_overview", "view_alerts")
    may = Permission.objects.filter(codename__in=names)
    await in_database(lambda: user.user_permissions.set(may))
    await in_database(remembered, timerange.now_ns())
    found = await show_changes(actor_of(user))
    assert found.hidden == (ChangeKind.ROLLOUTS, ChangeKind.SAMPLING, ChangeKind.INCIDENTS)
    reply = changes_reply(found)
    assert reply.summary == "3 alert changes on production that we know of in the last 24 h"
    assert reply.notes == ("You are not allowed to see rollouts, sampling changes and incidents",)
    assert not await in_database(AuditEntry.objects.exists), "leaving out is no refusal"


async def test_incidents_and_acknowledgements_are_among_them(
    operator: Actor, viewer: Actor
) -> None:
    now = timerange.now_ns()
    await in_database(remembered, now)
    deep = await in_database(AlertPeriod.objects.filter(name="Deep").first)
    assert deep
    held = Held(SITE, "Deep", deep.key)
    olga = Holder(operator.user_id, operator.name)
    await in_database(
        lambda: take(held, olga, until=0, note="mine", services=("petstore",), now=now - MINUTE)
    )
    made = await open_incident(operator, title="petstore slow", services=["petstore"])
    await close_incident(operator, number=made.number)

    found = await show_changes(viewer, service="petstore")
    reply = changes_reply(found)

    assert [row.cells[1] for row in reply.rows][:3] == [
        "olga closed incident 1", "olga opened incident 1", "olga has Deep",
    ]  # fmt: skip
    assert [each.person for each in found.found][:3] == ["olga", "olga", "olga"]


async def test_it_links_to_the_same_window_of_the_time_line(
    viewer: Actor, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://ops.example.com"
    lately = changes_reply(await show_changes(viewer, service="petstore"))
    noon = timerange.parse_moment("2026-11-24T12:00:00Z")
    then = changes_reply(await show_changes(viewer, range=TimeRange(noon.earlier(2 * HOUR), noon)))
    line = "https://ops.example.com/timeline/"
    assert [each.url for each in lately.links] == [f"{line}?last=1d&service=petstore"]
    assert [each.url for each in then.links] == [f"{line}?last=2h&at=2026-11-24T11%3A00%3A00Z"]
