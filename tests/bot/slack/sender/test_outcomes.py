"""How a message ended, and never twice."""

import asyncio
import socket
from dataclasses import replace

import aiohttp
import pytest
from django.contrib.auth.models import User

from bot.models import ReceivedEvent, State
from bot.replies import Reply, Row
from bot.slack.blocks import slack_messages
from bot.slack.post_claim import PostClaim, TakenOverError
from bot.slack.sender import TRIES
from ops.database import in_database
from tests.bot.clock import FakeClock
from tests.bot.conftest import QUICK, Workspace
from tests.bot.slack.sender.sending import LIMITED, THREAD, Marks, ours, said, sender_to
from tests.fakes.slack import ALICE, FakeSlack, Fault

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        ([Fault(reset=True)], State.UNKNOWN),
        ([Fault(status=500)], State.UNKNOWN),
        ([Fault("fatal_error")], State.UNKNOWN),
        ([Fault(body=b'{"ok": tr')], State.UNKNOWN),
        ([Fault(body=b"[]")], State.UNKNOWN),
        ([Fault(body=b"[1]")], State.UNKNOWN),
        ([Fault(body=b'{"ok": true, "ts": "\xff"}')], State.UNKNOWN),
        ([Fault(status=404)], State.FAILED),
        ([Fault("channel_not_found")], State.FAILED),
        ([Fault("ratelimited", status=429, retry_after=0)] * TRIES, State.FAILED),
        ([Fault("ratelimited", status=429, retry_after=0)] * (TRIES - 1), State.ANSWERED),
    ],
)
async def test_it_says_how_a_message_ended(
    slack: FakeSlack, faults: list[Fault], state: State
) -> None:
    slack.fail("chat.postMessage", *faults)
    clock = FakeClock()
    saying = sender_to(slack, clock).say(THREAD, said("hello"), ours())
    assert await clock.runs(saying) is state
    assert len(slack.calls) == len(faults) + (state is State.ANSWERED)


async def test_an_answer_is_offered_for_as_long_as_slack_surely_takes_nothing(
    slack: FakeSlack,
) -> None:
    slack.fail("chat.postMessage", *[LIMITED] * 3 * TRIES)
    assert await sender_to(slack, patience=60).say(THREAD, said("hello"), ours()) is State.ANSWERED
    assert len(slack.calls) == 3 * TRIES + 1


async def test_who_waits_behind_an_answer_that_slack_does_not_take_is_not_offered_as_long_again(
    slack: FakeSlack,
) -> None:
    slack.fail("chat.postMessage", *[LIMITED] * TRIES)
    claim = ours()
    claim.made -= 60
    assert await sender_to(slack, patience=60).say(THREAD, said("hello"), claim) is State.FAILED


async def test_a_connection_that_is_not_made_in_time_has_told_slack_nothing(
    slack: FakeSlack, caplog: pytest.LogCaptureFixture
) -> None:
    """The network drops everything, but the answer is not lost."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    place = full.getsockname()
    soon = aiohttp.ClientTimeout(sock_connect=0.05)
    with full, socket.create_connection(place):
        async with aiohttp.ClientSession(timeout=soon) as session:
            clock = FakeClock()
            sender = sender_to(slack, clock)
            sender.web.session, sender.web.base_url = session, f"http://127.0.0.1:{place[1]}/"
            saying = asyncio.ensure_future(sender.post(THREAD, said("hello")[0], ours()))
            await clock.sleeping()
            assert "may not be in Slack (later): Connection timeout" in caplog.text
            sender.web.session, sender.web.base_url = None, f"{slack.api_url}/"
            clock.passes(1)
            assert (await saying).state is State.ANSWERED
    assert [post.text for post in slack.posts] == ["hello"]


@pytest.mark.parametrize(
    ("faults", "marks"),
    [
        ([], [State.POSTING]),
        ([LIMITED], [State.POSTING, State.WORKING, State.POSTING]),
        ([Fault("invalid_blocks")], [State.POSTING, State.WORKING, State.POSTING]),
        ([Fault("channel_not_found")], [State.POSTING, State.WORKING, State.POSTING]),
        ([Fault(reset=True), LIMITED], [State.POSTING]),
    ],
)
async def test_an_answer_counts_as_being_posted_only_while_some_of_it_may_be_in_slack(
    slack: FakeSlack, faults: list[Fault], marks: list[State]
) -> None:
    slack.fail("chat.postMessage", *faults)
    written = Marks()
    first, second = slack_messages(Reply("hello")) + slack_messages(Reply("again"))
    await sender_to(slack).say(THREAD, [first, second], PostClaim(written.advance))
    assert written == marks
    assert slack.posts[-1].shown == "again"


async def test_what_another_process_has_taken_over_is_not_said(slack: FakeSlack) -> None:
    written = Marks()
    written.taken_over = True
    with pytest.raises(TakenOverError):
        await sender_to(slack).say(THREAD, said("hello"), PostClaim(written.advance))
    assert slack.calls == []


@pytest.mark.parametrize(
    ("refusals", "kinds"),
    [
        ([], ["rich_text", "table"]),
        (["invalid_blocks"], ["rich_text"]),
        (["only_one_table_allowed"], ["rich_text"]),
        (["invalid_blocks", "msg_blocks_too_long"], []),
    ],
)
async def test_it_shows_a_table_then_lines_then_text_alone(
    slack: FakeSlack, refusals: list[str], kinds: list[str]
) -> None:
    slack.fail("chat.postMessage", *map(Fault, refusals))
    table = slack_messages(Reply("1 trace", (Row(("a", "b")),), columns=("A", "B")))
    assert await sender_to(slack).say(THREAD, table, ours()) is State.ANSWERED
    [post] = slack.posts
    assert [block["type"] for block in post.blocks] == kinds
    assert post.shown.split() in (["1", "trace", "A", "B", "a", "b"], ["1", "trace", "a", "b"])
    assert slack.violations == []


async def test_an_answer_whose_fate_is_not_known_is_recorded_so(
    workspace: Workspace, alice: User
) -> None:
    async with workspace(FakeSlack()) as slack:
        slack.fail("chat.postMessage", Fault(reset=True))
        delivery = await slack.mention(ALICE, "help")
        await slack.called("chat.postMessage")
        await slack.mention(ALICE, "help")
        await slack.posted(1)
    [lost] = await in_database(lambda: list(ReceivedEvent.objects.filter(state=State.UNKNOWN)))
    assert lost.ts == delivery.envelope["payload"]["event"]["ts"]


async def test_slack_is_never_asked_to_make_more_of_a_message(
    workspace: Workspace, alice: User
) -> None:
    async with workspace(FakeSlack(), replace(QUICK, placeholder=0)) as slack:
        slack.fail("users.info", *[Fault(hang=True)] * 2)
        await slack.mention(ALICE, "help")
        [post] = await slack.posted(1)
        slack.release.set()
        await slack.replaced(post.ts)
        await slack.slash(ALICE, "help")
        await slack.whispered(1)
    writing = ("chat.postMessage", "chat.update", "response_url")
    written = [arguments for method, arguments in slack.calls if method in writing]
    assert len(written) >= 3
    for arguments in written:
        asked = [arguments[key] for key in ("link_names", "unfurl_links", "unfurl_media")]
        assert (arguments["parse"], *asked) == ("none", False, False, False)
