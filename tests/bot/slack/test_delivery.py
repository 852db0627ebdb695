"""Two bots with one database and one Slack app, and all the ways in which Slack repeats events."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from bot.models import BotProcess, ReceivedEvent, State
from bot.slack.event_handler import AT_ONCE, MOST_OF_ONE, MOST_WAITING
from bot.slack.event_store import write
from bot.slack.jobs import new_job
from bot.slack.process import health
from bot.slack.rate_limit import Limit
from ops.audit.models import AuditEntry
from ops.database import in_database
from tests.bot.conftest import QUICK, Backends, Workspace, another_bot, away, until, until_stored
from tests.fakes.jaeger import ANY_JAEGER
from tests.fakes.slack import ALICE, DIRECT, Delivery, FakeSlack, Fault, person

pytestmark = pytest.mark.django_db(transaction=True)


async def settled(slack: FakeSlack, posts: int) -> None:
    """Wait for this many posts, and until the database has them as answered."""
    await slack.posted(posts)
    await until_ended(posts)


async def until_ended(number: int) -> None:
    await until_stored(lambda: ReceivedEvent.objects.exclude(finished=None).count() >= number)


async def left_behind(slack: FakeSlack, text: str, state: State, ago: float = 60) -> str:
    """Record a message of a process that was killed, by default longer ago than its lease.

    Returns its ts.
    """
    then = timezone.now() - timedelta(seconds=ago)
    event = slack.mention_event(ALICE, text)
    payload = {"event_id": "Ev1", "team_id": "T0ACME001", "event": event}
    row = new_job(payload, "killed", then).row
    row.state = state
    await in_database(write, [row], {}, then)
    return row.ts


async def test_it_changes_once_what_is_delivered_in_every_way(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    async with another_bot(slack):
        delivery = await slack.mention(ALICE, "change sampling float 0.1 now")
        copies = [await slack.redeliver(delivery, attempt) for attempt in (0, 0, 0, 1, 2, 3)]
        for each in (delivery, *copies):
            await each.acknowledged()
        await settled(slack, 1)
    assert [each.told for each in backends.instances] == [[("STFloat", 0.1)]] * 3
    assert len(slack.posts) == 1
    assert await in_database(AuditEntry.objects.count) == 2, "started and ok"
    assert slack.violations == []


async def test_it_answers_half_of_two_bots_messages_each_once(
    slack: FakeSlack, alice: User
) -> None:
    async with another_bot(slack):
        sent = [await slack.mention(ALICE, "help") for _ in range(20)]
        for each in sent:
            await slack.redeliver(each)
        await settled(slack, 20)
    threads = [each.envelope["payload"]["event"]["ts"] for each in sent]
    assert sorted(post.thread_ts for post in slack.posts) == threads


async def test_it_answers_a_thread_in_order_whichever_bot_has_which_message(
    slack: FakeSlack, alice: User
) -> None:
    slack.users["U0BOB0001"] = person("U0BOB0001", "bob")
    async with another_bot(slack):
        slack.fail("users.info", Fault(hang=True))
        first = await slack.mention(ALICE, "help")
        await slack.called("users.info")
        thread = first.envelope["payload"]["event"]["ts"]
        for command in ("alerts", "version", "sampling", "compare"):
            sent = await slack.mention(ALICE, f"help {command}", thread_ts=thread)
            await sent.acknowledged()
        await slack.mention("U0BOB0001", "help")
        await slack.posted(1)
        slack.release.set()
        await settled(slack, 6)
    other, *answers = (post.shown.partition("\n")[0] for post in slack.posts)
    assert other.startswith("I cannot help you"), "another thread waits for nobody"
    assert answers[0] == "Commands"
    assert [answer.split()[0] for answer in answers[1:]] == [
        "alerts", "version", "sampling", "compare",
    ]  # fmt: skip


async def test_it_knows_in_a_new_process_what_is_answered(
    workspace: Workspace, alice: User
) -> None:
    async with workspace(FakeSlack()) as slack:
        delivery = await slack.mention(ALICE, "help")
        await settled(slack, 1)
        async with another_bot(slack):
            again = [await slack.redeliver(delivery, attempt) for attempt in (0, 0, 0, 0)]
            for each in again:
                await each.acknowledged()
    assert len(slack.posts) == 1
    assert slack.violations == []


async def test_it_answers_a_retry_that_it_sees_for_the_first_time(
    slack: FakeSlack, alice: User
) -> None:
    seen = await slack.mention(ALICE, "help")
    event = slack.mention_event(ALICE, "compare")
    payload = {**seen.envelope["payload"], "event": event, "event_id": "Ev2"}
    lost = Delivery({**seen.envelope, "payload": payload})
    await (await slack.redeliver(lost, attempt=2)).acknowledged()
    posts = await slack.posted(2)
    assert event["ts"] in [post.thread_ts for post in posts]


@pytest.mark.parametrize("state", [State.RECORDED, State.WORKING])
async def test_it_answers_what_a_killed_process_has_left(
    workspace: Workspace, alice: User, state: State
) -> None:
    slack = FakeSlack()
    await left_behind(slack, "help", state)
    async with workspace(slack):
        [post] = await slack.posted(1)
        assert post.shown.startswith("Commands")
        await until_ended(1)
    assert (await in_database(ReceivedEvent.objects.get)).state == State.ANSWERED


async def test_it_asks_before_it_repeats_a_change_of_a_killed_process(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    slack = FakeSlack()
    await left_behind(slack, "change sampling always", State.WORKING)
    async with workspace(slack):
        [post] = await slack.posted(1)
        assert post.shown.startswith("I was interrupted and do not know whether this was done.")
        assert "change sampling always" in post.shown
        await until_ended(1)
        assert (await in_database(ReceivedEvent.objects.get)).state == State.ASKED
        await slack.press(ALICE, post, "Do it again")
        assert (await slack.posted(2))[1].shown.startswith("Change sampling of petstore: unknown")
    assert [each.told for each in backends.instances] == [[], [], []]


async def test_it_takes_over_a_change_that_all_it_has_room_for_wait_for(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    slack = FakeSlack()
    thread = await left_behind(slack, "change sampling always", State.WORKING, ago=0)
    async with workspace(slack, replace(QUICK, tend=0.02)):
        for number in range(AT_ONCE + MOST_WAITING):
            asker = f"U0ASKER{number // MOST_OF_ONE:02}"
            await (await slack.mention(asker, "help", thread_ts=thread)).acknowledged()
        assert slack.posts == []
        left = ReceivedEvent.objects.filter(holder="killed")
        await in_database(left.update, lease_until=timezone.now())
        first = (await slack.posted(2))[0]
    assert first.shown.startswith("I was interrupted and do not know whether this was done.")
    assert [each.told for each in backends.instances] == [[], [], []]


@ANY_JAEGER
async def test_it_answers_several_commands_in_order_and_asks_for_the_changes(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    lines = "- help\n- change sampling always now\n- help alerts\n- help version"
    delivery = await slack.mention(ALICE, lines)
    *posts, left = await slack.posted(4)
    assert [post.shown.split()[0] for post in posts] == ["Commands", "alerts", "version"]
    ts = delivery.envelope["payload"]["event"]["ts"]
    assert {post.thread_ts for post in slack.posts} == {ts}
    assert left.shown.startswith("1 change not made: I ask for each one separately")
    assert [each.told for each in backends.instances] == [[], [], []]
    await slack.press(ALICE, left, "change sampling always now")
    await slack.posted(5)
    assert [len(each.told) for each in backends.instances] == [1, 1, 1]


async def test_it_says_nothing_twice_of_several_answers_when_killed_between_them(
    workspace: Workspace, alice: User
) -> None:
    async with workspace(FakeSlack(), replace(QUICK, grace=0)) as slack:
        slack.fail("chat.postMessage", Fault(lost=True), Fault(hang=True))
        await slack.mention(ALICE, "help\nhelp alerts")
        await slack.called("chat.postMessage", 2)
        left = ReceivedEvent.objects.filter(state=State.POSTING)
        await in_database(left.update, holder="killed", lease_until=timezone.now())
        async with another_bot(slack, replace(QUICK, tend=0.02)):
            await until_ended(1)
    assert [post.shown.split()[0] for post in slack.posts] == ["Commands"]
    assert (await in_database(ReceivedEvent.objects.get)).state == State.UNKNOWN


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("is_archived", "the channel is archived"),
        ("restricted_action_thread_locked", "the thread is locked"),
        ("not_in_channel", "I am not in the channel; invite me"),
    ],
)
async def test_what_a_channel_does_not_take_comes_directly_with_the_reason(
    slack: FakeSlack, alice: User, code: str, why: str
) -> None:
    slack.fail("chat.postMessage", Fault(code))
    await slack.mention(ALICE, "help")
    [post] = await slack.posted(1)
    assert (post.channel, post.thread_ts) == (DIRECT, "")
    assert post.shown.startswith(f"I could not answer in the channel: {why}. Commands\n")
    await until_ended(1)
    assert (await in_database(ReceivedEvent.objects.get)).state == State.ANSWERED


async def test_what_cannot_be_said_directly_either_is_whispered(
    slack: FakeSlack, alice: User
) -> None:
    slack.fail("chat.postMessage", Fault("restricted_action_thread_locked"))
    slack.fail("conversations.open", Fault("user_disabled"))
    await slack.mention(ALICE, "help")
    [whisper] = await slack.whispered(1)
    assert whisper.shown.startswith("I could not answer in the channel: the thread is locked. ")
    assert slack.posts == []
    assert slack.violations == []


async def test_it_answers_direct_messages_beside_them_or_in_their_thread(
    slack: FakeSlack, alice: User
) -> None:
    await slack.direct(ALICE, "help")
    [post] = await slack.posted(1)
    await slack.press(ALICE, post, "Versions")
    await slack.posted(2)
    await slack.direct(ALICE, "help", thread_ts=post.ts)
    assert [each.thread_ts for each in await slack.posted(3)] == ["", "", post.ts]


async def test_what_is_refused_in_a_direct_message_is_not_said_again(
    slack: FakeSlack, alice: User
) -> None:
    slack.fail("chat.postMessage", Fault("restricted_action"))
    await slack.direct(ALICE, "help")
    await until_ended(1)
    assert slack.posts == []
    assert (await in_database(ReceivedEvent.objects.get)).state == State.FAILED


async def test_it_says_nothing_twice_that_a_killed_process_may_have_posted(
    workspace: Workspace, alice: User
) -> None:
    slack = FakeSlack()
    await left_behind(slack, "help", State.POSTING)
    async with workspace(slack):
        await until_ended(1)
    assert slack.posts == []
    assert (await in_database(ReceivedEvent.objects.get)).state == State.UNKNOWN


async def test_it_notes_an_answer_that_slack_may_have_lost(slack: FakeSlack, alice: User) -> None:
    slack.fail("chat.postMessage", Fault(reset=True))
    await slack.mention(ALICE, "help")
    await until_ended(1)
    assert (await in_database(ReceivedEvent.objects.get)).state == State.UNKNOWN


async def test_it_ends_a_call_to_slack_before_it_stops(workspace: Workspace, alice: User) -> None:
    async with workspace(FakeSlack(), replace(QUICK, grace=0)) as slack:
        slack.seconds["chat.postMessage"] = 0.2
        await slack.mention(ALICE, "help")
        await slack.called("chat.postMessage")
    assert len(slack.posts) == 1
    assert (await in_database(ReceivedEvent.objects.get)).state == State.ANSWERED


async def test_it_leaves_to_others_what_waits_for_its_turn_when_it_stops(
    workspace: Workspace, alice: User
) -> None:
    once = Limit(interval=600, burst=1)  # longer ones are taken for a clock set back
    slow = replace(QUICK, grace=0, limits=replace(QUICK.limits, channel=once))
    async with workspace(FakeSlack(), slow) as slack:
        await slack.mention(ALICE, "help")
        await settled(slack, 1)
        await slack.mention(ALICE, "help")
        await until_stored(ReceivedEvent.objects.filter(state=State.WORKING).exists)
    left = await in_database(ReceivedEvent.objects.get, state=State.WORKING)
    assert left.lease_until <= timezone.now()


async def test_it_acknowledges_whatever_comes_once(slack: FakeSlack) -> None:
    strange: list[Any] = [
        None,
        [],
        "x",
        {"event": []},
        {"event": {"type": "app_mention", "user": ALICE}},
    ]
    for payload in strange:
        await (await slack.send({"type": "events_api", "payload": payload})).acknowledged()
    for socket in slack.sockets:
        for text in ("no JSON", "[]", json.dumps({"type": "something new"})):
            await socket.send_str(text)
    await (await slack.send({"type": "interactive", "payload": {}})).acknowledged()
    assert slack.violations == []


async def test_it_counts_the_connections_of_all_its_processes(
    slack: FakeSlack, caplog: pytest.LogCaptureFixture
) -> None:
    async with another_bot(slack):
        await until(lambda: health.alive == 4)
        await until_stored(lambda: BotProcess.objects.count() >= 2)
    assert await in_database(BotProcess.objects.filter(stopped=None).count) == 1
    assert "use this Slack app" not in caplog.text


async def test_it_answers_once_what_slack_sends_again_while_the_database_is_away(
    slack: FakeSlack, alice: User
) -> None:
    slack.redelivery_speed = 1_000
    async with away(ReceivedEvent):
        delivery = await slack.mention(ALICE, "help")
        await slack.all_redelivered()
    for each in (delivery, *delivery.copies):
        await each.acknowledged()
    await slack.posted(1)
    assert [each.envelope["retry_attempt"] for each in delivery.copies] == [1, 0, 2, 3]
    assert slack.violations == []
