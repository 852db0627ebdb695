"""Incidents as they are opened, written in, closed and opened again, and by whom."""

import asyncio

import pytest

from ops.actor import Actor, Door
from ops.alerts.actions import list_alerts
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotFound, NotPermitted
from ops.incidents import actions
from ops.incidents.actions import EntryKind, Incident, Origin, OriginKind, Thread
from ops.incidents.facts import MOST_NOTES
from ops.incidents.models import StoredEntry, StoredIncident
from ops.vocabulary import timerange
from tests.conftest import Person, actor_of
from tests.fakes.prometheus import FakePrometheus, alert

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def carol(person: Person) -> Actor:
    return actor_of(person("carol", "operators"), Door.SLACK)


async def rows(action: str) -> list[AuditEntry]:
    found = AuditEntry.objects.filter(action=f"incidents.{action}").order_by("seq")
    return await in_database(list, found)


async def opened(actor: Actor, title: str = "petstore slow") -> Incident:
    return await actions.open_incident(actor, title=title, services=["petstore"])


async def test_it_is_opened_written_in_closed_and_opened_again(
    operator: Actor, carol: Actor, prometheus: FakePrometheus
) -> None:
    made = await opened(operator)
    await actions.add_note(carol, text=" only petstore-3\0 \n", number=1)
    closed = await actions.close_incident(carol, number=1)
    again = await actions.reopen(operator, number=1)

    assert (made.number, made.title, made.services) == (1, "petstore slow", ("petstore",))
    assert (made.opener, made.door, made.is_open) == ("olga", "browser", True)
    assert (closed.closer, closed.is_open, again.is_open) == ("carol", False, True)
    assert [(each.kind, each.author, each.door, each.text) for each in again.entries] == [
        (EntryKind.NOTE, "carol", "slack", "only petstore-3"),
        (EntryKind.CLOSED, "carol", "slack", ""),
        (EntryKind.REOPENED, "olga", "browser", ""),
    ]
    assert [each.outcome for each in await rows("open_incident")] == ["started", "ok"]
    assert (await rows("open_incident"))[1].record["detail"] == "incident 1: petstore slow"
    [note, _] = await rows("add_note")
    assert (note.target, note.actor) == ("production/incident 1", "carol")


async def test_the_audit_log_says_in_words_what_it_was_opened_from(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("QueueDeep", alert("QueueDeep"))
    await opened(operator)
    await actions.open_incident(
        operator, origin=Origin(OriginKind.GROUP, "QueueDeep"), thread=Thread("T1", "C1", "1.5")
    )

    by_hand, _, from_group, _ = [each.record["parameters"] for each in await rows("open_incident")]
    assert "origin" not in by_hand
    assert (from_group["origin"], from_group["thread"]) == ("group QueueDeep", "T1/C1/1.5")


async def test_numbers_count_within_a_site(operator: Actor, prometheus: FakePrometheus) -> None:
    await opened(operator)
    second = await opened(operator, "another")
    elsewhere = await actions.open_incident(operator, title="deploys fail", site="staging")

    assert (second.number, elsewhere.number) == (2, 1)
    assert [each.number for each in (await actions.list_incidents(operator)).incidents] == [2, 1]


async def test_an_alert_says_what_it_is_about(operator: Actor, prometheus: FakePrometheus) -> None:
    since = timerange.now_ns() - 5 * timerange.MINUTE
    prometheus.rule(
        "QueueDeep", alert("QueueDeep", job="petstore", active_at=timerange.format_moment(since))
    )
    fingerprint = (await list_alerts(operator)).alerts[0].fingerprint

    made = await actions.open_incident(operator, origin=Origin(OriginKind.ALERT, fingerprint))
    group = await actions.open_incident(operator, origin=Origin(OriginKind.GROUP, "QueueDeep"))

    assert (made.title, made.services) == ("QueueDeep on petstore", ("petstore",))
    assert abs(made.begins - since) < timerange.MINUTE
    assert (group.title, group.begins) == (made.title, made.begins)


async def test_of_many_who_close_it_at_once_one_does_and_no_note_is_lost(
    operator: Actor, carol: Actor, prometheus: FakePrometheus
) -> None:
    await opened(operator)

    closed = await asyncio.gather(
        *(actions.close_incident(each, number=1) for each in (operator, carol) * 2),
        *(actions.add_note(carol, text=f"note {number}", number=1) for number in range(4)),
        return_exceptions=True,
    )
    reopened = await asyncio.gather(
        *(actions.reopen(each, number=1) for each in (operator, carol) * 2), return_exceptions=True
    )

    refused = {str(each) for each in closed if isinstance(each, Conflict)}
    assert len(refused) == 1 and "incident 1 was closed by " in str(refused)
    assert [type(each) for each in reopened].count(Incident) == 1
    assert {str(each) for each in reopened if isinstance(each, Conflict)} == {
        "incident 1 is open already"
    }
    kinds = [each.kind for each in (await actions.show_incident(carol, number=1)).entries]
    assert [kinds.count(each) for each in EntryKind] == [4, 0, 1, 1]


async def test_one_is_open_for_an_alert_however_many_press(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("QueueDeep", alert("QueueDeep", job="petstore"))
    origin = Origin(OriginKind.GROUP, "QueueDeep")

    found = await asyncio.gather(
        *(actions.open_incident(operator, origin=origin) for _ in range(4)),
        return_exceptions=True,
    )
    refused = [each for each in found if isinstance(each, Conflict)]
    await actions.close_incident(operator, number=1)
    later = await actions.open_incident(operator, origin=origin)
    with pytest.raises(Conflict, match="incident 2 is open for this already"):
        await actions.reopen(operator, number=1)

    assert len(refused) == 3
    assert {str(each) for each in refused} == {
        "incident 1 is open for this already: QueueDeep on petstore"
    }
    assert later.number == 2
    assert not (await actions.show_incident(operator, number=1)).is_open


async def test_a_thread_has_one_open_incident(operator: Actor, prometheus: FakePrometheus) -> None:
    thread = Thread("T1", "C1", "17.1")
    await actions.open_incident(operator, title="one", thread=thread)
    with pytest.raises(Conflict, match="this thread belongs to incident 1: one"):
        await actions.open_incident(operator, title="two", thread=thread)
    await actions.close_incident(operator, number=1)
    second = await actions.open_incident(operator, title="two", thread=thread)

    assert await actions.find_by_thread(operator, channel="C1", ts="17.1") == second
    assert await actions.find_by_thread(operator, channel="C1", ts="") is None
    assert await actions.find_by_thread(operator, channel="C2", ts="17.1") is None


async def test_viewers_see_and_do_not_work(
    operator: Actor, viewer: Actor, stranger: Actor, prometheus: FakePrometheus
) -> None:
    await opened(operator)

    assert (await actions.show_incident(viewer)).number == 1
    for refused in (
        actions.open_incident(viewer, title="x"),
        actions.add_note(viewer, text="x", number=1),
        actions.close_incident(viewer, number=1),
        actions.list_incidents(stranger),
    ):
        with pytest.raises(NotPermitted):
            await refused
    assert await in_database(StoredEntry.objects.count) == 0
    assert [each.outcome for each in await rows("add_note")] == ["denied"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"title": "x" * 121}, "the title has 121 characters; the limit is 120"),
        ({"title": ""}, "what is wrong"),
        ({"title": "x", "services": ["a"] * 6}, "6 services"),
    ],
)
async def test_what_is_opened_is_bounded(
    given: dict[str, object], words: str, operator: Actor, prometheus: FakePrometheus
) -> None:
    with pytest.raises(InvalidInput, match=words):
        await actions.open_incident(operator, **given)  # type: ignore[arg-type]


async def test_notes_are_bounded(operator: Actor, prometheus: FakePrometheus) -> None:
    await opened(operator)
    row = await in_database(StoredIncident.objects.get)
    many = [
        StoredEntry(incident=row, at=1, kind="note", text="x", author="olga", door="browser")
        for _ in range(MOST_NOTES)
    ]
    await in_database(StoredEntry.objects.bulk_create, many)

    with pytest.raises(InvalidInput, match="the note has 2,001 characters"):
        await actions.add_note(operator, text="x" * 2_001, number=1)
    with pytest.raises(InvalidInput, match="the note is empty"):
        await actions.add_note(operator, text=" \0", number=1)
    with pytest.raises(InvalidInput, match="has 500 notes already"):
        await actions.add_note(operator, text="x", number=1)


async def test_it_says_what_is_not_there(operator: Actor, prometheus: FakePrometheus) -> None:
    with pytest.raises(NotFound, match='site "production" has no incident 7'):
        await actions.add_note(operator, text="x", number=7)
    with pytest.raises(NotFound, match='no incident of site "production" is open'):
        await actions.show_incident(operator)
    await opened(operator)
    with pytest.raises(Conflict, match="incident 1 is open already"):
        await actions.reopen(operator, number=1)
    await actions.close_incident(operator)
    with pytest.raises(Conflict, match="incident 1 was closed by olga already"):
        await actions.close_incident(operator, number=1)


async def test_it_lists_those_that_were_open_then(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    now, hour = timerange.now_ns(), timerange.HOUR
    await opened(operator)
    await actions.close_incident(operator)
    await actions.open_incident(operator, title="store", services=["store"])
    old = StoredIncident.objects.filter(number=1)
    await in_database(lambda: old.update(begins=now - 3 * hour, closed_at=now - 2 * hour))

    async def numbers(start: int = 0, end: int = 0, service: str = "", limit: int = 9) -> list[int]:
        found = await actions.list_incidents(
            operator, start=start, end=end, service=service, limit=limit
        )
        return [each.number for each in found.incidents] + ([0] if found.more else [])

    assert await numbers() == [2, 1]
    assert await numbers(limit=1) == [2, 0]
    assert await numbers(end=now - hour) == [1]
    assert await numbers(start=now - hour) == [2]
    assert await numbers(service="petstore") == [1]
