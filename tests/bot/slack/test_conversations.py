"""Follow-ups in threads and direct messages, whichever bot process answers them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from bot.follow_ups import About
from bot.models import Conversation, ReceivedEvent, State
from bot.slack import conversations
from bot.slack.conversations import KEPT, PAUSE
from ops.database import in_database
from tests.bot.conftest import Backends, Workspace, another_bot, away, until_stored
from tests.fakes.jaeger import ANY_JAEGER, span, trace
from tests.fakes.slack import ALICE, BOB, CHANNEL, Delivery, FakeSlack, Post, person

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now()


async def asked(slack: FakeSlack, text: str, thread: str = "") -> tuple[Post, str]:
    """Mention the bot; returns the answer and its thread."""
    number = len(slack.posts)
    delivery = await slack.mention(ALICE, text, **({"thread_ts": thread} if thread else {}))
    post = (await slack.posted(number + 1))[number]
    return post, thread or str(delivery.envelope["payload"]["event"]["ts"])


async def overheard(
    slack: FakeSlack, said: str, thread: str, user: str = ALICE, **event: Any
) -> Delivery:
    """Let somebody write in a thread without mentioning the bot."""
    whole = slack.mention_event(user, said, thread_ts=thread)
    whole |= {"type": "message", "channel_type": "channel", "text": said, **event}
    del whole["blocks"]
    delivery = await slack.deliver(whole)
    await delivery.acknowledged()
    return delivery


@ANY_JAEGER
async def test_a_thread_goes_on_whichever_process_answers(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    backends.jaeger.add(trace(span("petstore", "AddPets", error="no")))
    async with workspace(FakeSlack()) as slack, another_bot(slack):
        _, thread = await asked(slack, "list traces petstore")
        for hours in (6, 5, 4):
            post, _ = await asked(slack, f"last {hours}h", thread)
            line = f"list traces service=petstore last={hours}h"
            assert post.shown.startswith(f"Read as `{line}`. 1 trace")


@ANY_JAEGER
async def test_direct_messages_are_one_conversation(slack: FakeSlack, alice: User) -> None:
    await slack.direct(ALICE, "list traces petstore")
    await slack.posted(1)
    await slack.direct(ALICE, "last 6h")
    post = (await slack.posted(2))[1]
    assert post.shown.startswith("Read as `list traces service=petstore last=6h`. ")


@ANY_JAEGER
async def test_it_hears_a_follow_up_without_a_mention_and_nothing_else(
    slack: FakeSlack, alice: User
) -> None:
    _, thread = await asked(slack, "list traces petstore")
    await overheard(slack, "last time we had this it was the disk", thread)
    await overheard(slack, "and the deploy tomorrow?", thread)
    await overheard(slack, "show alerts", thread)
    await overheard(slack, "last 6h", "1760005928.816399")  # a thread that is not ours
    await until_stored(lambda: not ReceivedEvent.objects.exclude(state=State.ANSWERED).exists())
    await overheard(slack, "last 6h", thread)
    assert (await slack.posted(2))[1].shown.startswith("Read as `list traces service=petstore la")
    assert len(slack.posts) == 2


async def test_it_refuses_no_stranger_whom_it_overhears(slack: FakeSlack, alice: User) -> None:
    slack.users[BOB] = person(BOB, "bob")
    _, thread = await asked(slack, "help")
    await overheard(slack, "again", thread, BOB)
    await until_stored(lambda: ReceivedEvent.objects.filter(state=State.ANSWERED).count() == 2)
    assert len(slack.posts) == 1


@pytest.mark.parametrize(
    "event",
    [
        {"text": "yes"}, {"thread_ts": ""}, {"bot_id": "B1"}, {"subtype": "message_changed"},
        {"text": "and <@U0OPSBOT1>"}, {"channel_type": "mpim"}, {"edited": {"ts": "1.0"}},
        {"text": {"and": []}}, {"text": "and " * 100},
    ],
)  # fmt: skip
async def test_it_does_not_record_what_people_say_to_each_other(
    slack: FakeSlack, alice: User, event: dict[str, Any]
) -> None:
    await overheard(slack, "again", "1760005928.816399", **event)
    assert not await in_database(ReceivedEvent.objects.exists)


async def test_what_only_one_person_saw_is_no_conversation_of_the_channel(
    slack: FakeSlack, alice: User
) -> None:
    await slack.slash(ALICE, "help")
    await slack.whispered(1)
    assert not await in_database(Conversation.objects.exists)


async def test_without_the_table_it_answers_all_the_same(slack: FakeSlack, alice: User) -> None:
    async with away(Conversation):
        post, _ = await asked(slack, "help")
    assert post.shown.startswith("Commands")


def test_it_forgets_what_is_old_and_what_is_too_much() -> None:
    for number in range(5):
        at = NOW + KEPT / 10 * number
        conversations.remember("C1", f"{number}.0", About(str(number)), at, most=3)
    known = [conversations.recall("C1", f"{number}.0", NOW + KEPT / 2) for number in range(5)]
    assert [about and about.line for about in known] == [None, None, "2", "3", "4"]
    assert conversations.recall("C1", "2.0", NOW + 2 * KEPT) is None
    conversations.remember("C1", "9.0", About("9"), NOW + 2 * KEPT)
    assert Conversation.objects.count() == 1
    conversations.remember("C1", "9.0", About("a" * 40_000), NOW + 2 * KEPT)
    found = conversations.recall("C1", "9.0", NOW + 2 * KEPT)
    assert found is not None
    assert found.line == "9"


def test_direct_messages_start_anew_after_a_pause() -> None:
    conversations.remember("D1", "", About("alerts"), NOW)
    assert conversations.recall("D1", "", NOW + PAUSE - timedelta(seconds=1)) == About("alerts")
    assert conversations.recall("D1", "", NOW + PAUSE) is None
    assert conversations.recall(CHANNEL, "", NOW) is None
