"""A slow answer replaces the message that held its place."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from bot.models import LOST_PLACE, ReceivedEvent, State
from bot.slack.event_handler import SHARE
from bot.slack.sender import TRIES
from bot.slack.status import report
from ops.database import in_database
from tests.bot.conftest import QUICK, Backends, Workspace, another_bot
from tests.bot.slack.sender.sending import LIMITED, THREAD, asked, ours, said, sender_to, yes
from tests.fakes.jaeger import ANY_JAEGER
from tests.fakes.slack import ALICE, CHANNEL, TEAM, FakeSlack, Fault

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_slow_answer_replaces_what_held_its_place(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    async with workspace(FakeSlack(), replace(QUICK, placeholder=0)) as slack:
        slack.fail("users.info", Fault(hang=True), Fault(hang=True))
        await slack.mention(ALICE, "help")
        [post] = await slack.posted(1)
        assert post.shown == "Working on it …"
        slack.release.set()
        await slack.replaced(post.ts)
        assert "Slack did not identify you" in post.shown
        assert "request " in post.shown
        assert slack.violations == []
    assert len(slack.posts) == 1


@pytest.mark.parametrize("lost", [[], [Fault(reset=True)], [LIMITED] * 2 * TRIES])
async def test_replacing_is_tried_again(slack: FakeSlack, lost: list[Fault]) -> None:
    sender = sender_to(slack, patience=60)
    ts = await sender.hold_place(THREAD, said("wait")[0], yes)
    slack.fail("chat.update", *lost)
    messages = [*said("first"), *said("second")]
    assert await sender.say(THREAD, messages, ours(), ts) is State.ANSWERED
    assert [(post.text, post.earlier) for post in slack.posts] == [
        ("first", ["wait"]),
        ("second", []),
    ]


async def test_a_message_that_is_gone_is_not_replaced_but_followed(slack: FakeSlack) -> None:
    sender = sender_to(slack)
    assert await sender.say(THREAD, said("hello"), ours(), "1760005000.000001") is State.ANSWERED
    assert [post.text for post in slack.posts] == ["hello"]


async def test_no_place_is_held_while_an_answer_waits_or_when_it_is_there(
    slack: FakeSlack,
) -> None:
    slack.fail("chat.postMessage", Fault(hang=True))
    sender = sender_to(slack)
    [wait] = said("wait")
    first = asyncio.ensure_future(sender.hold_place(THREAD, wait, yes))
    await slack.called("chat.postMessage")
    behind = asyncio.ensure_future(sender.hold_place(THREAD, wait, yes))
    answer = asyncio.ensure_future(sender.say(THREAD, said("hello"), ours()))
    await asyncio.sleep(0)
    slack.release.set()
    assert (await first, await behind) == (LOST_PLACE, "")
    assert await answer is State.ANSWERED
    assert await sender.hold_place(THREAD, wait, lambda: False) == ""
    assert [post.text for post in slack.posts] == ["hello"]


@ANY_JAEGER
async def test_each_of_several_slow_answers_has_its_place_held(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    """Several people ask in one channel at the same time, as in an incident."""
    async with workspace(FakeSlack(), replace(QUICK, placeholder=0, grace=0)) as slack:
        backends.jaeger.hang()
        threads = [await asked(slack, "list traces") for _ in range(SHARE)]
        posts = await slack.posted(SHARE)
        assert sorted(post.thread_ts for post in posts) == threads
        assert {post.shown for post in posts} == {"Working on it …"}
        assert slack.violations == []


async def test_a_lost_placeholder_is_not_replaced_but_noted(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    async with workspace(FakeSlack(), replace(QUICK, placeholder=0)) as slack:
        slack.fail("users.info", Fault(hang=True), Fault(hang=True))
        slack.fail("chat.postMessage", Fault(lost=True))
        await slack.mention(ALICE, "help")
        [left] = await slack.posted(1)
        slack.release.set()
        [_, answer] = await slack.posted(2)
        assert left.shown == "Working on it …"
        assert "Slack did not identify you" in answer.shown
    assert slack.violations == []
    found = await report()
    assert found
    assert [lost.fate for lost in found.lost] == [
        'was posted, but the note "Working on it …" may have remained'
    ]


async def test_another_process_replaces_what_held_the_place(
    tokens: Settings, backends: Backends, alice: User
) -> None:
    async with FakeSlack() as slack:
        event = slack.mention_event(ALICE, "help")
        thread = (CHANNEL, event["ts"])
        ts = await sender_to(slack).hold_place(thread, said("wait")[0], yes)
        hour_ago = timezone.now() - timedelta(hours=1)
        await in_database(
            ReceivedEvent.objects.create,
            event_id="Ev1", channel=CHANNEL, ts=event["ts"], team=TEAM, kind="app_mention",
            payload=json.dumps(event), placeholder=ts, state=State.WORKING,
            holder="gone", lease_until=hour_ago, received=hour_ago,
        )  # fmt: skip
        tokens.SLACK_API_URL = slack.api_url
        async with another_bot(slack):
            post = await slack.replaced(ts)
    assert post.shown.startswith("Commands")
    assert slack.posts == [post]
