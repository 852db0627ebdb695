"""Messages to the bot and its answers, through all of Slack."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from slack_sdk.web.async_client import AsyncWebClient

from bot.models import ReceivedEvent, State
from bot.slack.deadlines import Deadlines
from bot.slack.direct_messages import DirectMessages
from bot.slack.event_handler import AT_ONCE, EventHandler
from bot.slack.inbox import Inbox
from bot.slack.profiles import Profiles
from bot.slack.sender import TRIES, Sender
from bot.slack.trust import Trust
from ops.accounts.models import Identity
from ops.audit.models import AuditEntry
from ops.database import in_database
from tests.bot.conftest import PATIENT, QUICK, Backends, Workspace, away, until
from tests.fakes.slack import (
    ALICE,
    APP,
    BOT_ID,
    BOT_TOKEN,
    BOT_USER,
    CHANNEL,
    DIRECT,
    TEAM,
    FakeSlack,
    Fault,
    person,
)

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_answers_a_mention_in_its_thread(slack: FakeSlack, alice: User) -> None:
    delivery = await slack.mention(ALICE, "help")
    await delivery.acknowledged()
    [post] = await slack.posted(1)
    assert (post.channel, post.thread_ts) == (CHANNEL, delivery.envelope["payload"]["event"]["ts"])
    assert post.shown.startswith("Commands\nCommand  What it does\nhelp  ")
    assert slack.violations == []


async def test_times_are_those_of_the_persons_own_zone(slack: FakeSlack, alice: User) -> None:
    await slack.mention(ALICE, "what changed yesterday between 2 and 3 pm UTC")
    await slack.mention(ALICE, "change sampling 10% until yesterday")
    shown = " ".join(post.shown for post in await slack.posted(2))
    assert "00:00 Europe/Paris has passed" in shown
    assert "14:00:00 UTC to" in shown


async def test_it_stays_in_the_thread_it_was_asked_in(slack: FakeSlack, alice: User) -> None:
    await slack.mention(ALICE, "help", thread_ts="1760005928.816399", parent_user_id="U2")
    [post] = await slack.posted(1)
    assert post.thread_ts == "1760005928.816399"


async def test_it_answers_direct_messages(slack: FakeSlack, alice: User) -> None:
    await slack.direct(ALICE, "qwert <odd> & zxcvb")
    [post] = await slack.posted(1)
    assert 'there is no command "qwert <odd> & zxcvb"' in post.shown
    assert post.live == []


async def test_it_acknowledges_before_it_has_answered(slack: FakeSlack, alice: User) -> None:
    slack.fail("users.info", Fault(hang=True))
    delivery = await slack.mention(ALICE, "help")
    await delivery.acknowledged()
    assert slack.posts == []
    slack.release.set()


async def test_it_answers_a_repeated_event_once(slack: FakeSlack, alice: User) -> None:
    delivery = await slack.mention(ALICE, "help")
    copy = await slack.redeliver(delivery, attempt=0)
    again = await slack.redeliver(delivery, attempt=1)
    for each in (delivery, copy, again):
        await each.acknowledged()
    await slack.posted(1)
    await slack.mention(ALICE, "compare")
    first, second = await slack.posted(2)
    assert first.shown.startswith("Commands")
    assert "which trace?" in second.shown
    assert slack.violations == []


async def test_it_answers_one_message_that_comes_as_two_events_once(
    slack: FakeSlack, alice: User
) -> None:
    event = slack.mention_event(ALICE, "help")
    await slack.deliver(event)
    await slack.deliver({**event, "client_msg_id": "another"})
    await slack.posted(1)
    await slack.mention(ALICE, "compare")
    first, second = await slack.posted(2)
    assert first.shown.startswith("Commands")
    assert "which trace?" in second.shown


@pytest.mark.parametrize(
    "differently",
    [
        {"edited": {"user": ALICE, "ts": "1760005941.000000"}},
        {"bot_id": "B0OTHER01"},
        {"subtype": "bot_message"},
        {"user": None},
        {"user": "U0OPSBOT1"},
        {"type": "message", "channel_type": "channel"},
        {"type": "reaction_added"},
        {"bot_id": BOT_ID, "app_id": APP, "bot_profile": {"id": BOT_ID}},
        {"type": "message", "channel_type": "im", "subtype": "bot_message"},
        {"type": "message", "channel_type": "im", "subtype": "message_changed"},
        {"type": "message", "channel_type": "im", "subtype": "message_deleted"},
        {"type": "message", "channel_type": "im", "edited": {"user": ALICE, "ts": "1.1"}},
    ],
)
async def test_it_acknowledges_and_ignores_what_is_no_persons_new_message(
    slack: FakeSlack, alice: User, differently: dict[str, Any]
) -> None:
    event = slack.mention_event(ALICE, "change sampling always")
    ignored = await slack.deliver({**event, **differently})
    await ignored.acknowledged()
    assert not await in_database(ReceivedEvent.objects.exists), "recorded before acknowledged"


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast"])
async def test_it_answers_a_message_with_a_file_or_sent_to_the_channel(
    slack: FakeSlack, alice: User, subtype: str
) -> None:
    await slack.mention(ALICE, "help", subtype=subtype, files=[{"id": "F1"}])
    [post] = await slack.posted(1)
    assert post.shown.startswith("Commands")


async def test_it_does_not_answer_itself(slack: FakeSlack, alice: User) -> None:
    """Slack delivers the bot's own direct messages to it, too."""
    await slack.direct(ALICE, "help")
    [post] = await slack.posted(1)
    event = {"channel": post.channel, "ts": post.ts, "thread_ts": post.thread_ts}
    event |= {"type": "message", "channel_type": "im", "user": BOT_USER, "bot_id": BOT_ID}
    echo = await slack.deliver({**event, "text": post.text, "blocks": post.blocks})
    await echo.acknowledged()
    await slack.direct(ALICE, "compare")
    [_, second] = await slack.posted(2)
    assert "which trace?" in second.shown


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {"event": None},
        {"event": [{"type": "app_mention"}]},
        {"event": {"type": ["app_mention"], "channel": 5, "ts": {"a": 1}, "user": [ALICE]}},
        {"event": {"type": "app_mention", "channel": CHANNEL, "ts": None, "user": ALICE}},
        {"event": {"type": "app_mention", "channel": [], "ts": "", "user": {}, "text": 7}},
        {
            "event_id": {"odd": None},
            "event": {
                "type": "app_mention", "channel": ["C"], "ts": 1.5, "thread_ts": [None],
                "user": {"id": ALICE}, "text": ["\x00", "\ud800"], "blocks": {"a": [[]]},
                "subtype": None, "edited": 0,
            },
        },
    ],
)  # fmt: skip
async def test_it_acknowledges_whatever_comes_and_goes_on(
    slack: FakeSlack, alice: User, payload: Any
) -> None:
    delivery = await slack.send({"type": "events_api", "payload": payload})
    await delivery.acknowledged()
    await slack.mention(ALICE, "help")
    [post] = await slack.posted(1)
    assert post.shown.startswith("Commands")


async def test_it_acknowledges_what_it_does_not_know(slack: FakeSlack) -> None:
    for kind in ("slash_commands", "interactive", "something_new"):
        delivery = await slack.send({"type": kind, "payload": {"user": {"id": ALICE}}})
        await delivery.acknowledged()
    assert slack.violations == []


async def test_it_changes_sampling_as_the_linked_person(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    delivery = await slack.mention(ALICE, "change sampling float 0.1 now")
    [post] = await slack.posted(1)
    assert "Sampling of petstore: unknown -> 10%, confirmed by 3 of 3 instances" in post.shown
    assert [each.told for each in backends.instances] == [[("STFloat", 0.1)]] * 3
    entries = await in_database(lambda: list(AuditEntry.objects.order_by("seq")))
    assert [(e.actor, e.door, e.outcome) for e in entries] == [
        ("alice", "slack", "started"),
        ("alice", "slack", "ok"),
    ]
    payload = delivery.envelope["payload"]
    assert entries[0].record["origin"] == {
        "slack_user": ALICE,
        "slack_team": TEAM,
        "channel": CHANNEL,
        "ts": payload["event"]["ts"],
        "event_id": payload["event_id"],
    }


async def test_it_takes_the_next_thread_when_slack_limits_it(slack: FakeSlack, alice: User) -> None:
    limited = Fault("ratelimited", status=429, retry_after=0)
    slack.fail("chat.postMessage", limited, limited)
    await slack.mention(ALICE, "help")
    [post] = await slack.posted(1)
    assert post.shown.startswith("Commands")


async def test_it_posts_the_text_alone_when_slack_refuses_the_blocks(
    slack: FakeSlack, alice: User
) -> None:
    slack.fail("chat.postMessage", Fault("invalid_blocks"))
    await slack.direct(ALICE, "<nonsense>")
    [post] = await slack.posted(1)
    assert post.blocks == []
    assert 'there is no command "<nonsense>"; "help" lists the commands' in post.shown
    assert post.live == []


async def test_it_posts_lines_when_slack_refuses_the_table(slack: FakeSlack, alice: User) -> None:
    slack.fail("chat.postMessage", Fault("invalid_blocks"))
    await slack.mention(ALICE, "help")
    [post] = await slack.posted(1)
    block, buttons = post.blocks
    assert block["elements"][1]["type"] == "rich_text_preformatted"
    assert buttons["type"] == "actions"
    assert "list traces\n  search for traces" in post.shown


def handler_of(slack: FakeSlack, inbox: Inbox) -> EventHandler:
    """A handler whose messages stay in the queue, because nothing starts them."""
    web = AsyncWebClient(BOT_TOKEN, slack.api_url, retry_handlers=[])
    sender, profiles = Sender(web, QUICK), Profiles(web, Trust(TEAM))
    return EventHandler(BOT_USER, profiles, inbox, sender, DirectMessages(web, sender), QUICK)


def help_envelope(slack: FakeSlack) -> dict[str, Any]:
    event = {"event_id": "Ev1", "team_id": TEAM, "event": slack.mention_event(ALICE, "help")}
    return {"type": "events_api", "payload": event}


async def acknowledge() -> None:
    """Reach Slack."""


async def test_it_answers_also_what_it_cannot_acknowledge() -> None:
    """This process holds the message, so that no other would answer it."""

    async def broken() -> None:
        raise RuntimeError("the transport is closed")

    async with FakeSlack() as slack:
        inbox = Inbox("first")
        handler = handler_of(slack, inbox)
        writing = asyncio.ensure_future(inbox.write())
        with pytest.raises(RuntimeError):
            await handler.receive(help_envelope(slack), broken)
        writing.cancel()
    assert handler.waiting == 1


async def test_it_queues_a_repeated_event_once_even_without_a_database() -> None:
    async with FakeSlack() as slack:
        inbox = Inbox("first", deadlines=Deadlines(record=0))
        handler, envelope = handler_of(slack, inbox), help_envelope(slack)
        for _ in range(3):
            await handler.receive(envelope, acknowledge)
    assert handler.waiting == 1
    await inbox.close()


async def test_it_does_not_queue_what_another_process_recorded_first() -> None:
    async with FakeSlack() as slack:
        inboxes = Inbox("first", deadlines=PATIENT), Inbox("second", deadlines=PATIENT)
        writing = [asyncio.ensure_future(inbox.write()) for inbox in inboxes]
        first, second = (handler_of(slack, inbox) for inbox in inboxes)
        envelope = help_envelope(slack)
        for handler in (first, second):
            await handler.receive(envelope, acknowledge)
        for each in writing:
            each.cancel()
    assert (first.waiting, second.waiting) == (1, 0)


async def test_it_says_that_the_database_fails(slack: FakeSlack, alice: User) -> None:
    async with away(Identity):
        await slack.mention(ALICE, "help")
        [post] = await slack.posted(1)
    assert post.shown.startswith("Database unavailable: a database table is missing")


async def test_it_answers_without_a_database_but_changes_nothing(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    """Another process could not know that the change was made, and would make it again."""
    impatient = replace(QUICK, deadlines=replace(PATIENT, record=0.01, record_change=0.01))
    async with workspace(FakeSlack(), impatient) as slack, away(ReceivedEvent):
        await slack.mention(ALICE, "change sampling always now")
        [post] = await slack.posted(1)
        assert "the database did not answer, so nothing was changed" in post.shown
        await slack.mention(ALICE, "help")
        [_, post] = await slack.posted(2)
        assert post.shown.startswith("Commands")
    assert [each.told for each in backends.instances] == [[], [], []]


async def test_it_gives_an_answer_up_when_its_patience_is_over(
    workspace: Workspace, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    impatient = replace(QUICK, limits=replace(QUICK.limits, patience=0))
    async with workspace(FakeSlack(), impatient) as slack:
        slack.fail("chat.postMessage", *[Fault("ratelimited", status=429, retry_after=0)] * TRIES)
        await slack.mention(ALICE, "help")
        await slack.called("chat.postMessage", TRIES)
        await slack.mention(ALICE, "compare")
        [post] = await slack.posted(1)
        assert "which trace?" in post.shown
    assert caplog.text.count("may not be in Slack (later): ratelimited") == TRIES


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(reset=True), Fault("fatal_error")])
async def test_it_does_not_post_twice_when_an_answer_is_lost(
    slack: FakeSlack, alice: User, fault: Fault
) -> None:
    slack.fail("chat.postMessage", fault)
    await slack.mention(ALICE, "help")
    await slack.called("chat.postMessage")
    await slack.mention(ALICE, "compare")
    [post] = await slack.posted(1)
    assert "which trace?" in post.shown


@pytest.mark.parametrize(
    "faults", [[Fault("fatal_error")], [Fault(status=500)], [Fault(reset=True)] * 2]
)
async def test_it_does_nothing_while_slack_does_not_say_who_speaks(
    slack: FakeSlack, alice: User, backends: Backends, faults: list[Fault]
) -> None:
    slack.fail("users.info", *faults)
    await slack.mention(ALICE, "change sampling always")
    [post] = await slack.posted(1)
    assert "I cannot help you: Slack did not identify you" in post.shown
    assert "request " in post.shown
    assert [each.told for each in backends.instances] == [[], [], []]
    await slack.mention(ALICE, "help")
    assert len(await slack.posted(2)) == 2, "and asks again the next time"


async def test_it_asks_slack_for_a_person_once_in_ten_minutes(
    slack: FakeSlack, alice: User
) -> None:
    for number in (1, 2, 3):
        await slack.mention(ALICE, "help")
        await slack.posted(number)
    assert [name for name, _ in slack.calls].count("users.info") == 1


async def test_a_channel_that_takes_no_answers_holds_up_no_other(
    slack: FakeSlack, alice: User
) -> None:
    await channel_that_is_held_up(slack)
    posting = ReceivedEvent.objects.filter(channel=CHANNEL, state=State.POSTING)
    assert await in_database(posting.count) == 1, "a kill now leaves the others to another bot"
    slack.release.set()
    await slack.posted(1 + AT_ONCE)


async def test_whoever_asks_while_others_wait_for_a_slow_backend_is_told_so_too(
    workspace: Workspace, alice: User
) -> None:
    async with workspace(FakeSlack(), replace(QUICK, placeholder=0)) as slack:
        askers = [f"U0ASKER{number:02}" for number in range(AT_ONCE + 2)]
        slack.users |= {asker: person(asker, asker.lower()) for asker in askers}
        slack.fail("users.info", *[Fault(hang=True)] * len(askers))
        for asker in askers:
            await slack.mention(asker, "help")
        posts = await slack.posted(len(askers))
        assert {post.shown for post in posts} == {"Working on it …"}
        slack.release.set()
        for post in posts:
            await slack.replaced(post.ts)


async def test_a_channel_that_takes_no_placeholders_holds_up_no_other(
    workspace: Workspace, alice: User
) -> None:
    async with workspace(FakeSlack(), replace(QUICK, placeholder=0)) as slack:
        await channel_that_is_held_up(slack)
        slack.release.set()
        await until(lambda: len(slack.posts) == 2 + AT_ONCE)


async def channel_that_is_held_up(slack: FakeSlack) -> None:
    """Ask more than is answered at once, in a channel that accepts nothing; then ask directly."""
    slack.fail("chat.postMessage", Fault(hang=True))
    for _ in range(AT_ONCE + 1):
        await slack.mention(ALICE, "help")
    await slack.called("chat.postMessage")
    await slack.direct(ALICE, "help")
    [post] = await slack.posted(1)
    assert post.channel == DIRECT


async def test_it_answers_a_guest_of_another_workspace_with_why(slack: FakeSlack) -> None:
    slack.users["U0EVE0001"] = person("U0EVE0001", "eve", team_id="T0OTHER01")
    shared = {"user_team": "T0OTHER01", "source_team": "T0OTHER01", "team": "T0OTHER01"}
    await slack.mention("U0EVE0001", "change sampling always", **shared)
    [post] = await slack.posted(1)
    assert post.shown.startswith("I cannot help you: you are from another Slack workspace")
