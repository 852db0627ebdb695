"""People are told directly, once, that they got an alert or that somebody has theirs now."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from django.contrib.auth.models import User

from bot.models import HandOverMessage
from ops import rights
from ops.accounts.models import Identity
from ops.acknowledgements import actions
from ops.actor import OPSPORTAL, Actor
from ops.alerts.handing import AGE
from ops.alerts.models import HeldAlert
from ops.database import in_database
from tests.bot.conftest import QUICK, Backends, Workspace, another_bot
from tests.bot.slack.test_timed import LOST, REFUSED
from tests.conftest import Person, actor_of
from tests.fakes.prometheus import alert
from tests.fakes.slack import ALICE, BOB, SECONDS, TEAM, FakeSlack, Fault
from tests.fakes.slack import person as slack_person

pytestmark = pytest.mark.django_db(transaction=True)
TELLING = replace(QUICK, beat=0.05)
HELD = "QueueDeep"


@pytest.fixture
async def slack(workspace: Workspace, alice: User, backends: Backends) -> AsyncIterator[FakeSlack]:
    backends.prometheus.rule("QueueDeep", alert("QueueDeep", severity="page"))
    async with workspace(FakeSlack(), TELLING) as running:
        yield running


@pytest.fixture
async def bob(slack: FakeSlack, person: Person) -> Actor:
    """Somebody else who is linked."""
    slack.users[BOB] = slack_person(BOB, "bob")
    user = await in_database(person, "bob", "operators")
    await in_database(Identity.objects.create, slack_user_id=BOB, slack_team_id=TEAM, user=user)
    return actor_of(user)


async def until_told(number: int) -> None:
    async with asyncio.timeout(SECONDS):
        while await in_database(HandOverMessage.objects.count) < number:
            pass


async def test_the_one_who_gets_it_hears_who_gave_it_and_why(
    slack: FakeSlack, alice: User, operator: Actor
) -> None:
    await actions.acknowledge(operator, name=HELD)
    async with another_bot(slack, TELLING):
        await actions.hand_over(operator, to="alice", note="<!channel> my shift ends", name=HELD)
        [told] = await slack.posted(1)
        await until_told(1)

    assert told.channel.startswith("D")
    assert not told.thread_ts
    assert told.shown.startswith("olga handed all QueueDeep alerts over to you")
    assert "Note: <!channel> my shift ends" in told.shown
    assert "<!channel>" not in told.text, "nobody is called"
    assert "[Give back]" in told.shown
    await slack.press(ALICE, told, "Give back")
    given = (await slack.posted(2))[1]
    assert given.shown.startswith("Nobody has all QueueDeep alerts now: alice gave it back")
    assert slack.violations == []


async def test_the_one_who_had_it_hears_who_took_it_over(
    slack: FakeSlack, alice: User, operator: Actor, bob: Actor
) -> None:
    await actions.acknowledge(actor_of(alice), name=HELD)
    await actions.hand_over(bob, to="bob", name=HELD)
    [took] = await slack.posted(1)
    await until_told(1)
    await actions.hand_over(operator, to="alice", name=HELD)
    both = (await slack.posted(3))[1:]
    await until_told(3)

    assert took.shown.startswith("bob took all QueueDeep alerts over from you")
    assert "[Take over]" in took.shown
    assert {each.shown.splitlines()[0] for each in both} == {
        "olga handed all QueueDeep alerts over to you",
        "olga handed all QueueDeep alerts, which you had, over to alice",
    }
    assert len({each.channel for each in both}) == 2
    assert len(slack.posts) == 3, "who did it is not told"


async def test_who_is_not_linked_or_may_not_see_alerts_is_left_alone_and_so_is_an_old_one(
    slack: FakeSlack, alice: User, operator: Actor, person: Person
) -> None:
    await in_database(person, "mia", "operators")
    await actions.acknowledge(operator, name=HELD)
    await actions.hand_over(operator, to="mia", name=HELD)
    await actions.hand_over(operator, to="alice", name=HELD)
    await slack.posted(1)
    await until_told(1)
    [told] = slack.posts
    assert "over to you" in told.shown

    def long_ago() -> None:
        HandOverMessage.objects.all().delete()
        for row in HeldAlert.objects.all():
            row.start, row.end = row.start - AGE, row.end and row.end - AGE
            row.save()

    found = await actions.list_hand_overs(OPSPORTAL)
    await in_database(alice.groups.clear)
    rights.cache.clear()
    still = await actions.list_hand_overs(OPSPORTAL)
    await in_database(long_ago)
    old = await actions.list_hand_overs(OPSPORTAL)

    assert [(each.by, each.now.person, each.got) for each in found] == [
        ("olga", "mia", True),
        ("olga", "alice", True),
        ("olga", "alice", False),
    ]
    assert [each.now.person for each in still if each.got] == ["mia"]
    assert old == ()


@pytest.mark.parametrize(("fault", "posts"), [(LOST, 1), (REFUSED, 0)])
async def test_what_slack_did_not_take_is_not_repeated(
    slack: FakeSlack, alice: User, operator: Actor, fault: Fault, posts: int
) -> None:
    await actions.acknowledge(operator, name=HELD)
    slack.fail("chat.postMessage", fault)
    await actions.hand_over(operator, to="alice", name=HELD)
    await until_told(1)
    await actions.hand_over(operator, to="olga", name=HELD)
    [*_, told] = await slack.posted(posts + 1)
    await until_told(2)
    assert told.shown.startswith("olga took all QueueDeep alerts over from you")
    assert len(slack.posts) == posts + 1
