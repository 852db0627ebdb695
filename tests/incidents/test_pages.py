"""The pages of incidents: the list, the form, an incident, and what people do there."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import AsyncClient

from ops.actor import Actor
from ops.alerts.actions import list_alerts
from ops.database import in_database
from ops.incidents import actions
from ops.vocabulary import timerange
from tests.alerts.past import watched
from tests.conftest import Person
from tests.dashboard.places import heading, link, links, text
from tests.fakes.prometheus import FakePrometheus, alert
from tests.incidents.conftest import DEEP, logged_in, quiet_incident

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/sites/production/incidents/1/"
NEW = "/sites/production/incidents/new/"


@pytest.fixture
def looker(person: Person) -> AsyncClient:
    return logged_in(person("vera", "viewers"))


async def test_it_tells_what_happened(
    operator: Actor, browser: AsyncClient, prometheus: FakePrometheus
) -> None:
    await quiet_incident(operator)
    await actions.add_note(operator, text="only <petstore-3>\nstore is fine", number=1)

    page = await browser.get(PAGE)

    said = text(page)
    assert heading(page) == "petstore slow: quiet for 4 min, was failing for 19 min"
    assert "opened by olga" in said
    assert "QueueDeep started firing: depth <b>412</b> over 100 Prometheus" in said
    assert "QueueDeep resolved after 19 min" in said
    assert "olga : only <petstore-3> store is fine browser" in said
    assert "· 1 alert · 1 person" in said
    assert "StoreDown" not in said, "it is no alert of its services"
    assert link(page, "QueueDeep") == f"/sites/production/alerts/{DEEP.fingerprint}/"
    assert 'aria-label="QueueDeep: 2 entries"' in page.content.decode()


async def test_people_work_on_it(browser: AsyncClient, prometheus: FakePrometheus) -> None:
    form = await browser.get(NEW)
    made = await browser.post(NEW, {"title": "store slow", "services": ["store"]})
    await browser.post(f"{PAGE}change/", {"note": "looking"})
    done = await browser.post(f"{PAGE}change/", {"close": "1"}, follow=True)
    again = await browser.post(f"{PAGE}change/", {"reopen": "1"}, follow=True)

    assert heading(form) == "Open an incident"
    assert (made.status_code, made["Location"]) == (302, PAGE)
    assert heading(done).startswith("store slow: closed after ")
    assert "bob : looking" in text(done)
    assert "bob closed the incident" in text(done)
    assert heading(again) == "store slow: alert status unknown", "nobody watches"


async def test_what_cannot_be_opened_is_said_at_its_field(
    browser: AsyncClient, prometheus: FakePrometheus
) -> None:
    nothing = await browser.post(NEW, {"title": ""})
    long = await browser.post(NEW, {"title": "x" * 121})
    strange = await browser.post(NEW, {"title": "x", "kind": "moon", "key": "1"})
    change = await browser.post(f"{PAGE}change/", {})

    assert nothing.status_code == long.status_code == 400
    assert "This field is required" in text(nothing)
    assert "at most 120 characters" in text(long)
    assert '"moon" is not one of: alert, group, trace' in text(strange)
    assert change.status_code == 400


async def test_two_who_press_at_an_alert_come_to_one_incident(
    browser: AsyncClient, operator: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("QueueDeep", alert("QueueDeep", job="petstore"))
    pressed = {"kind": "group", "key": "QueueDeep"}

    first = await browser.post(NEW, pressed)
    second = await browser.post(NEW, pressed)
    nowhere = await browser.post(NEW, {"kind": "group", "key": "Unknown"})

    assert first["Location"] == second["Location"] == PAGE
    assert heading(await browser.get(PAGE)).startswith("QueueDeep on petstore: ")
    assert nowhere.status_code == 404


async def test_viewers_read_and_cannot_write(
    operator: Actor, looker: AsyncClient, prometheus: FakePrometheus
) -> None:
    await quiet_incident(operator)

    page = await looker.get(PAGE)
    refused = await looker.post(f"{PAGE}change/", {"close": "1"})

    assert "Close incident" not in text(page)
    assert "<textarea" not in page.content.decode()
    assert refused.status_code == 403
    assert (await actions.show_incident(operator)).is_open

    form = (await looker.get("/sites/production/incidents/new/")).content.decode()
    assert "You can view incidents. Opening one requires the permission" in form
    assert "<button" not in form.partition("<main")[2].partition("</main>")[0]


async def test_what_a_reader_may_not_see_is_left_out_and_said(
    operator: Actor, person: Person, prometheus: FakePrometheus
) -> None:
    user = await in_database(person, "oscar")
    may = Permission.objects.filter(codename="view_incidents")
    await in_database(lambda: user.user_permissions.set(may))
    await quiet_incident(operator)
    await actions.add_note(operator, text="looking", number=1)

    page = await (await in_database(logged_in, user)).get(PAGE)

    said = text(page)
    assert heading(page).startswith("petstore slow: open for")
    assert "You are not allowed to see alerts and versions and sampling" in said
    assert "QueueDeep" not in said
    assert "looking" in said


async def test_closing_is_offered_once_all_is_quiet_for_long(
    operator: Actor, browser: AsyncClient, looker: AsyncClient, prometheus: FakePrometheus
) -> None:
    await quiet_incident(operator, quiet=16)

    page, theirs = await browser.get(PAGE), await looker.get(PAGE)
    now = timerange.now_ns()
    await in_database(watched, now - timerange.MINUTE, now)
    await actions.close_incident(operator, number=1)
    closed = await browser.get(PAGE)

    offer = "All alerts of this incident have been quiet for 16 min."
    assert f"{offer} Close it if it is over." in text(page)
    assert offer in text(theirs)
    assert "Close it" not in text(theirs)
    assert offer not in text(closed)


async def test_it_lists_them(
    operator: Actor, browser: AsyncClient, prometheus: FakePrometheus
) -> None:
    empty = await browser.get("/sites/production/incidents/")
    await actions.open_incident(operator, title="petstore slow", services=["petstore"])
    await actions.open_incident(operator, title="deploys <fail>")
    await actions.close_incident(operator, number=1)
    page = await browser.get("/sites/production/incidents/")

    assert heading(empty) == "No incident is open"
    assert "No incident has been opened yet." in text(empty)
    assert heading(page) == "1 incident open"
    rows = re.findall(r"(\d) · (\S+) (\S+)", text(page))
    assert rows == [("2", "deploys", "<fail>"), ("1", "petstore", "slow")]
    assert ("Incidents", "/sites/production/incidents/") in links(page)
    assert (await browser.get("/sites/production/incidents/9/")).status_code == 404


async def test_it_is_written_up(
    operator: Actor, browser: AsyncClient, prometheus: FakePrometheus
) -> None:
    await quiet_incident(operator)
    browser.cookies["zone"] = "Europe/Berlin"

    page = await browser.get(f"{PAGE}write-up/")
    file = await browser.get(f"{PAGE}incident.md")
    shown = await browser.get(PAGE)

    written = file.content.decode()
    assert file["Content-Type"] == "text/markdown; charset=utf-8"
    assert file["Content-Disposition"] == 'attachment; filename="incident-1.md"'
    assert written.startswith("# petstore slow\n")
    assert "All times are Europe/Berlin." in written
    assert (
        f"[QueueDeep](<http://testserver/sites/production/alerts/{DEEP.fingerprint}/>) started "
        "firing: depth \\<b\\>412\\</b\\> over 100"
    ) in written
    assert text(page).endswith(" ".join(written.split()))
    assert link(shown, "Write up") == f"{PAGE}write-up/"


async def test_an_alert_and_a_trace_lead_to_it(
    browser: AsyncClient, operator: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("QueueDeep", alert("QueueDeep", job="petstore"))
    [listed] = (await list_alerts(operator)).alerts
    its_page = f"/sites/production/alerts/{listed.fingerprint}/"

    before = await browser.get(its_page)
    group = await browser.get("/sites/production/alerts/")
    await browser.post(NEW, {"kind": "alert", "key": listed.fingerprint})
    after = await browser.get(its_page)
    offered = await browser.get(NEW, {"kind": "trace", "key": "4bf92f3577b34da6"})

    assert "Open incident" in text(before)
    assert link(group, "Open incident") == f"{NEW}?kind=group&key=QueueDeep"
    assert link(after, "Incident 1") == PAGE
    assert "Open incident" not in text(after)
    assert "Pin to incident 1 QueueDeep on petstore" in text(offered)
    assert 'name="key" value="4bf92f3577b34da6"' in offered.content.decode()
