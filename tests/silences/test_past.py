"""Silences of a time that have ended, and whose they are."""

import pytest

from ops.actor import Actor
from ops.database import in_database
from ops.overview.actions import ChangeKind, show_changes, show_timeline
from ops.silences.actions import create_silence
from ops.silences.past import is_about, list_past
from ops.vocabulary import timerange
from ops.vocabulary.matchers import parse_matchers
from ops.vocabulary.notifications import Silence
from ops.vocabulary.timerange import HOUR, MINUTE
from tests.conftest import Person, actor_of
from tests.fakes.alertmanager import Fault
from tests.silences.conftest import Cluster

NOW = timerange.now_ns()
pytestmark = pytest.mark.django_db(transaction=True)


def has(cluster: Cluster, key: str, start: int, end: int, **more: object) -> None:
    """Add a silence from so many minutes ago to so many minutes ago."""
    starts, ends = (timerange.format_moment(NOW - each * MINUTE) for each in (start, end))
    state = "active" if end < 0 else "expired"
    cluster.first.silence(key, ends=ends, startsAt=starts, status={"state": state}, **more)


async def test_those_of_a_time_are_listed_newest_first(viewer: Actor, cluster: Cluster) -> None:
    has(cluster, "over", 50, 40)
    has(cluster, "before", 200, 100)
    has(cluster, "on", 30, -60)
    has(cluster, "never", 20, 20)

    found = await list_past(viewer, start=NOW - HOUR, end=NOW)

    assert [each.id for each in found.silences] == ["on", "over"]
    assert (found.more, found.failures) == (False, ())


async def test_the_answer_of_one_is_enough(viewer: Actor, cluster: Cluster) -> None:
    has(cluster, "on", 30, -60)
    cluster.first.fault = Fault.MESSAGE

    assert (await list_past(viewer, start=NOW - HOUR, end=NOW)).failures == ()


async def test_if_none_answers_they_are_named(viewer: Actor, cluster: Cluster) -> None:
    cluster.first.fault = cluster.second.fault = Fault.MESSAGE

    found = await show_changes(viewer, kinds=(ChangeKind.SILENCES,))

    assert ["am-a" in each or "am-b" in each for each in found.problems] == [True, True]


async def test_changes_name_them_and_who_made_them(viewer: Actor, cluster: Cluster) -> None:
    has(cluster, "over", 50, 40)

    found = await show_changes(viewer, kinds=(ChangeKind.SILENCES,))

    assert [(each.ended, each.person) for each in found.found] == [(True, ""), (False, "olga")]


async def test_a_silence_is_once_in_the_time_line_not_again_from_the_audit_log(
    cluster: Cluster, person: Person
) -> None:
    cluster.fires("A")
    ada = actor_of(await in_database(person, "ada", "operators", "auditors"))
    matchers = parse_matchers('alertname="A"')
    await create_silence(ada, matchers=matchers, ends_at=timerange.now_ns() + HOUR)

    found = await show_timeline(ada)

    assert [each.kind for each in found.changes.found] == [ChangeKind.SILENCES]
    assert (await show_timeline(ada, person="olga")).changes.found == ()
    assert len((await show_timeline(ada, person="ada")).changes.found) == 1


@pytest.mark.parametrize(
    ("matchers", "expected"),
    [
        ('job="petstore"', True),
        ('job="petstore", severity="page"', True),
        ('job="store"', False),
        ('job!="petstore"', False),
        ('alertname="Slow"', True),
        ('alertname="Slow", job="store"', False),
        ('alertname="Deep"', False),
        ('severity="page"', False),
    ],
)
def test_a_silence_is_a_services_by_its_labels_or_its_alerts(matchers: str, expected: bool) -> None:
    silence = Silence("1", parse_matchers(matchers), 0, 1, "olga", "")

    assert is_about(silence, {"job": "petstore"}, {"Slow"}) is expected
