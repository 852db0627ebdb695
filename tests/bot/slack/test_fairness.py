"""A flood of one person delays nobody else, and is answered for once."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from django.contrib.auth.models import User

from bot.models import ReceivedEvent, State
from bot.slack.event_handler import AT_ONCE, MOST_OF_ONE, MOST_WAITING
from ops.accounts.models import Identity
from ops.database import in_database
from tests.bot.conftest import QUICK, Workspace, until, until_stored
from tests.fakes.slack import ALICE, BOB, TEAM, FakeSlack, Fault, person

pytestmark = pytest.mark.django_db(transaction=True)
MANY = [f"U0MANY{number:03}" for number in range((AT_ONCE + MOST_WAITING) // MOST_OF_ONE + 1)]
SORRY = (
    "Sorry, too many messages are waiting: {} left unanswered. Nothing was changed. "
    "Please send what you still need again in a minute"
)
ONE = SORRY.format("1 message of yours is")


@pytest.fixture
async def slack(workspace: Workspace, alice: User) -> AsyncIterator[FakeSlack]:
    """A workspace with Bob and many others, who are linked as well."""
    async with workspace(FakeSlack(), replace(QUICK, recount=0.05)) as running:
        for user in (BOB, *MANY):
            running.users[user] = person(user, user.lower())
            identity = {"slack_user_id": user, "slack_team_id": TEAM, "user": alice}
            await in_database(Identity.objects.create, **identity)
        yield running
        running.release.set()


async def flood(slack: FakeSlack, number: int, user: str = ALICE) -> None:
    """Let a person ask so many questions, of which none gets an answer until the release."""
    slack.fail("users.info", Fault(hang=True))
    sent = [await slack.mention(user, "help") for _ in range(number)]
    for each in sent:
        await each.acknowledged()


async def test_it_answers_others_while_somebodys_flood_waits(slack: FakeSlack) -> None:
    await flood(slack, MOST_OF_ONE)
    await slack.mention(BOB, "help")
    [post] = await slack.posted(1)
    assert post.shown.startswith("Commands")
    slack.release.set()
    await slack.posted(1 + MOST_OF_ONE)


async def test_it_says_once_how_many_of_a_flood_it_leaves(slack: FakeSlack) -> None:
    await flood(slack, MOST_OF_ONE + 30)
    await slack.posted(1)
    await until(lambda: slack.posts[0].shown == SORRY.format("30 messages of yours are"))
    slack.release.set()
    await slack.posted(1 + MOST_OF_ONE)
    apologies = [post for post in slack.posts if post.shown.startswith("Sorry")]
    assert len(apologies) == 1
    assert len({post.thread_ts for post in slack.posts}) == 1 + MOST_OF_ONE
    await until_stored(
        lambda: ReceivedEvent.objects.filter(state=State.ANSWERED).count() == MOST_OF_ONE + 30
    )


async def test_only_who_typed_a_command_sees_that_it_is_left(slack: FakeSlack) -> None:
    await flood(slack, MOST_OF_ONE)
    await slack.slash(ALICE, "help")
    [whisper] = await slack.whispered(1)
    assert whisper.shown == ONE
    assert slack.posts == []


async def test_it_leaves_what_comes_when_too_many_people_wait(slack: FakeSlack) -> None:
    for user in MANY[:-1]:
        await flood(slack, MOST_OF_ONE, user)
    await flood(slack, (AT_ONCE + MOST_WAITING) % MOST_OF_ONE, MANY[-1])
    slack.fail("chat.postMessage", Fault(hang=True))
    await slack.mention(ALICE, "help")
    await slack.called("chat.postMessage")
    await slack.direct(BOB, "help")
    [post] = await slack.posted(1)
    assert (post.channel, post.shown) == (f"D{BOB[1:]}", ONE)


async def test_it_says_what_it_left_before_it_stops(workspace: Workspace, alice: User) -> None:
    slow = replace(QUICK, gather=600)
    async with workspace(FakeSlack(), slow) as slack:
        await flood(slack, MOST_OF_ONE + 3)
        await until_stored(lambda: ReceivedEvent.objects.filter(state=State.ANSWERED).count() == 2)
        slack.release.set()
    said = [post.shown for post in slack.posts if post.shown.startswith("Sorry")]
    assert said == [SORRY.format("3 messages of yours are")]
