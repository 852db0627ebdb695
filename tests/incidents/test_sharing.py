"""What many people look at together is read once, and never in place of what is newer."""

import asyncio

import pytest
from django.contrib.auth.models import Permission, User

from ops.actor import Actor
from ops.incidents import actions
from ops.overview.actions import show_timeline
from ops.rights import rights_of
from ops.vocabulary import timerange
from ops.vocabulary.timerange import MINUTE, Moment, TimeRange
from tests.conftest import Person, actor_of
from tests.fakes.prometheus import FakePrometheus

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def carol(person: Person) -> Actor:
    return actor_of(person("carol", "operators"))


@pytest.fixture
def reader(person: Person) -> Actor:
    """Somebody who may see incidents and the time line, but no alerts."""
    user: User = person("rita")
    user.user_permissions.set(
        Permission.objects.filter(codename__in=("view_incidents", "view_overview"))
    )
    return actor_of(user)


async def known(*readers: Actor) -> None:
    """Have their rights read, so that what they read next is under way at the same moment."""
    for each in readers:
        await rights_of(each.user_id)


def last_hour() -> TimeRange:
    now = timerange.now_ns() // timerange.SECOND * timerange.SECOND
    return TimeRange(Moment(now - 60 * MINUTE), Moment(now))


async def test_readers_with_the_same_permissions_share_what_is_read(
    operator: Actor, carol: Actor, reader: Actor, prometheus: FakePrometheus
) -> None:
    await actions.open_incident(operator, title="petstore slow", services=["petstore"])
    await known(operator, carol, reader)
    one, same, fewer = await asyncio.gather(
        *(actions.show_story(each, number=1) for each in (operator, carol, reader))
    )
    assert one is same
    assert fewer is not one

    hour = last_hour()
    along, same_line, fewer_along = await asyncio.gather(
        *(show_timeline(each, range=hour) for each in (operator, carol, reader))
    )
    assert along is same_line
    assert fewer_along is not along
    assert fewer_along.changes.hidden and not along.changes.hidden


async def test_whoever_reads_after_a_change_reads_it(
    operator: Actor, carol: Actor, prometheus: FakePrometheus
) -> None:
    await actions.open_incident(operator, title="petstore slow", services=["petstore"])
    before = await actions.show_story(carol, number=1)
    await actions.add_note(operator, text="rolled back", number=1)
    after = await actions.show_story(carol, number=1)

    assert "rolled back" not in str(before.lines)
    assert "rolled back" in str(after.lines)


async def test_a_time_line_of_another_second_is_read_anew(
    operator: Actor, carol: Actor, prometheus: FakePrometheus
) -> None:
    hour = last_hour()
    later = TimeRange(hour.start, Moment(hour.end.at(0) + timerange.SECOND))
    await known(operator, carol)
    one, same, other = await asyncio.gather(
        show_timeline(operator, range=hour),
        show_timeline(carol, range=hour),
        show_timeline(operator, range=later),
    )
    assert one is same
    assert other is not one
