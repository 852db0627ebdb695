"""Who has an alert: of two who press at once one; the rights, the audit log, other people."""

import asyncio
import threading

import pytest
from django.db import connection, transaction

from ops.acknowledgements import actions
from ops.acknowledgements.actions import Acknowledgement
from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.alerts.acknowledgements import MOST, Held, give_back, holding
from ops.alerts.acknowledgements import Person as Has
from ops.alerts.models import HeldAlert
from ops.audit.models import AuditEntry
from ops.backends.clients import close_clients
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotFound, NotPermitted
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import GIVEN_BACK, HANDED_OVER
from ops.vocabulary.alerts import Alert
from ops.vocabulary.timerange import DAY, HOUR
from tests.conftest import Person, actor_of
from tests.fakes.prometheus import FakePrometheus

pytestmark = pytest.mark.django_db(transaction=True)


async def listed(actor: Actor) -> list[tuple[Alert, Acknowledgement | None]]:
    found = await alerts.list_alerts(actor)
    return [(each, found.held.of(each)) for each in found.alerts]


async def persons(actor: Actor) -> list[str]:
    return [held.person if held else "" for _, held in await listed(actor)]


async def test_somebody_has_a_group_and_somebody_else_one_of_its_alerts(
    operator: Actor, mia: Actor, prometheus: FakePrometheus
) -> None:
    assert await persons(mia) == ["", ""]

    group = await actions.acknowledge(operator, name="QueueDeep", note="looking at the store")
    (first, _), _ = await listed(mia)
    one = await actions.acknowledge(mia, fingerprint=first.fingerprint)

    assert (group.what, group.person, group.services) == (
        "all QueueDeep alerts",
        "olga",
        ("petstore",),
    )
    assert group.note == "looking at the store"
    assert one.what == "QueueDeep"
    assert await persons(operator) == ["mia", "olga"]
    shown = await alerts.show_alert(operator, fingerprint=first.fingerprint)
    assert shown.held == one
    assert shown.had == (one, group)


async def test_of_many_who_press_at_once_one_has_it_and_the_others_read_who(
    person: Person, prometheus: FakePrometheus
) -> None:
    names = ("ann", "ben", "cem", "dan", "eva", "fay")
    users = await in_database(lambda: [person(name, "operators") for name in names])
    found = await asyncio.gather(
        *(actions.acknowledge(actor_of(user), name="QueueDeep") for user in users),
        return_exceptions=True,
    )

    [has] = [each for each in found if isinstance(each, Acknowledgement)]
    refused = [str(each) for each in found if isinstance(each, Conflict)]
    assert refused == [f"{has.person} has all QueueDeep alerts since just now"] * 5
    assert await persons(actor_of(users[0])) == [has.person, has.person]


async def test_of_many_who_hand_it_over_at_once_nobody_has_it_twice(
    person: Person, operator: Actor, prometheus: FakePrometheus
) -> None:
    names = ("ann", "ben", "cem", "dan")
    users = await in_database(lambda: [person(name, "operators") for name in names])
    await actions.acknowledge(operator, name="QueueDeep")

    await asyncio.gather(
        *(actions.hand_over(actor_of(user), name="QueueDeep", to=user.username) for user in users),
        return_exceptions=True,
    )

    past = await actions.list_acknowledgements(operator, start=1)
    assert [each.ended for each in past].count(0) == 1
    assert {each.end for each in past} == {"", HANDED_OVER}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="another database has one writer")
async def test_who_presses_again_while_it_is_given_back_has_it(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    await actions.acknowledge(operator, name="QueueDeep")
    olga, now = Has(operator.user_id, operator.name), timerange.now_ns()
    what = Held("production", "QueueDeep")
    given_back, may_commit = threading.Event(), threading.Event()

    def give() -> None:
        with transaction.atomic():
            give_back(what, olga, now)
            given_back.set()
            may_commit.wait()

    giving = asyncio.create_task(in_database(give))
    await asyncio.to_thread(given_back.wait)
    pressing = asyncio.ensure_future(actions.acknowledge(operator, name="QueueDeep", note="again"))
    while not (pressing.done() or await in_database(_somebody_waits)):
        pass
    may_commit.set()
    await asyncio.gather(giving, pressing)

    past = await actions.list_acknowledgements(operator, start=1)
    assert [(each.end, each.note) for each in past] == [("", "again"), (GIVEN_BACK, "")]


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


async def test_who_presses_again_changes_end_and_note(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    until = timerange.now_ns() + HOUR
    first = await actions.acknowledge(operator, name="QueueDeep", note="looking")

    again = await actions.acknowledge(operator, name="QueueDeep", until=until)

    assert (again.id, again.since, again.until, again.note) == (
        first.id,
        first.since,
        until,
        "looking",
    )


async def test_it_is_handed_over_taken_over_and_given_back(
    operator: Actor, mia: Actor, prometheus: FakePrometheus
) -> None:
    until = timerange.now_ns() + HOUR
    await actions.acknowledge(operator, name="QueueDeep", until=until, note="looking")

    handed = await actions.hand_over(operator, name="QueueDeep", to="mia")
    with pytest.raises(Conflict) as not_hers:
        await actions.give_back(operator, name="QueueDeep")
    taken = await actions.hand_over(operator, name="QueueDeep", to="olga", note="found it")
    given = await actions.give_back(operator, name="QueueDeep")

    assert (handed.person, handed.given_by, handed.until, handed.note) == (
        "mia",
        "olga",
        until,
        "looking",
    )
    assert str(not_hers.value).startswith("mia has all QueueDeep alerts, so only they can")
    assert (taken.person, taken.given_by, taken.note) == ("olga", "", "found it")
    assert (given.end, given.ended > 0) == (GIVEN_BACK, True)
    assert await persons(operator) == ["", ""]
    past = await actions.list_acknowledgements(operator, start=1)
    assert [(each.person, each.end) for each in past] == [
        ("olga", GIVEN_BACK),
        ("mia", HANDED_OVER),
        ("olga", HANDED_OVER),
    ]
    assert await actions.list_acknowledgements(operator, start=1, service="petstore") == past
    assert await actions.list_acknowledgements(operator, start=1, service="orders") == ()
    assert await actions.list_acknowledgements(operator) == ()


async def test_it_is_over_when_its_time_is_over(
    operator: Actor, mia: Actor, prometheus: FakePrometheus
) -> None:
    until = timerange.now_ns() + timerange.SECOND
    first = await actions.acknowledge(operator, name="QueueDeep", until=until)

    later = until + timerange.SECOND
    assert (await actions.list_acknowledgements(mia, start=until, end=later))[0].id == first.id
    held = await in_database(holding, "production", later)
    assert held.of_group("QueueDeep") is None


async def test_only_some_can_have_it(
    operator: Actor, viewer: Actor, prometheus: FakePrometheus
) -> None:
    with pytest.raises(NotPermitted):
        await actions.acknowledge(viewer, name="QueueDeep")
    await actions.acknowledge(operator, name="QueueDeep")
    for to in ("victor", "nobody"):
        with pytest.raises(NotFound, match=f'nobody called "{to}" may acknowledge alerts'):
            await actions.hand_over(operator, name="QueueDeep", to=to)

    assert await persons(viewer) == ["olga", "olga"], "viewers see who has it"
    assert await actions.list_people(operator) == ("olga",)


async def test_every_change_is_in_the_audit_log(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    await actions.acknowledge(operator, name="QueueDeep", note="looking")
    await actions.give_back(operator, name="QueueDeep")

    rows = await in_database(list, AuditEntry.objects.order_by("seq"))
    assert [(row.action.partition(".")[2], row.outcome) for row in rows] == [
        ("acknowledge", "started"),
        ("acknowledge", "ok"),
        ("give_back", "started"),
        ("give_back", "ok"),
    ]
    assert rows[0].record["parameters"] == {"name": "QueueDeep", "note": "looking"}
    assert rows[1].record["detail"] == "olga has all QueueDeep alerts"


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        ({}, InvalidInput, "which alert"),
        ({"name": "Calm"}, NotFound, 'no alert called "Calm" is firing or pending'),
        ({"name": "x" * 201}, InvalidInput, "more than 200 characters"),
        ({"name": "QueueDeep", "note": "x" * 301}, InvalidInput, "at most 300 characters"),
        ({"name": "QueueDeep", "note": "a\nb"}, InvalidInput, "one line"),
        ({"name": "QueueDeep", "until": 1}, InvalidInput, "must end in the future"),
        ({"name": "QueueDeep", "until": 91 * DAY}, InvalidInput, "within 90 d"),
    ],
)
async def test_it_refuses(
    operator: Actor,
    prometheus: FakePrometheus,
    wish: dict[str, object],
    error: type[Exception],
    words: str,
) -> None:
    if wish.get("until") == 91 * DAY:
        wish = wish | {"until": timerange.now_ns() + 91 * DAY}
    with pytest.raises(error, match=words):
        await actions.acknowledge(operator, **wish)  # type: ignore[arg-type]


async def test_an_alert_that_nobody_knows_of_is_refused_with_the_reason_for_any_doubt(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    with pytest.raises(NotFound) as sure:
        await actions.acknowledge(operator, name="QueueFull")
    prometheus.rule("Broken", health="err", error="many-to-many")
    await close_clients()  # and what they have read
    with pytest.raises(NotFound) as unsure:
        await actions.acknowledge(operator, name="QueueFull")

    sentence = 'no alert called "QueueFull" is firing or pending'
    assert str(sure.value) == sentence
    assert str(unsure.value) == (
        f"{sentence} that we know of: rule Broken of main cannot be evaluated"
    )


async def test_of_a_service_the_newest_are_listed_however_many_others_had(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    held = await actions.acknowledge(operator, name="QueueDeep")

    def others() -> None:
        later = {"start": held.since + 1, "until": 0, "person": "mia"}
        HeldAlert.objects.bulk_create(
            HeldAlert(site=held.site, name=f"Other{number}", services=["orders"], **later)
            for number in range(MOST)
        )

    await in_database(others)

    assert await actions.list_acknowledgements(operator, service="petstore") == (held,)
