"""Answers in order, as fast as Slack allows, and never twice."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from pytest_django import Settings
from slack_sdk.web.async_client import AsyncWebClient

from bot.models import LOST_PLACE, Pace, ReceivedEvent, State
from bot.replies import Reply, Row
from bot.slack.blocks import SlackMessage, slack_messages
from bot.slack.clock import SYSTEM_CLOCK, Clock
from bot.slack.event_handler import SHARE
from bot.slack.post_claim import PostClaim, TakenOverError
from bot.slack.rate_limit import Limit, Limits, RateLimiter
from bot.slack.sender import TRIES, Sender
from bot.slack.status import report
from ops.database import in_database
from tests.bot.clock import NOON, FakeClock
from tests.bot.conftest import PATIENT, QUICK, UNLIMITED, Backends, Workspace, another_bot
from tests.fakes.jaeger import ANY_JAEGER
from tests.fakes.slack import (
    ALICE,
    BOT_TOKEN,
    CHANNEL,
    DIRECT,
    TEAM,
    FakeSlack,
    Fault,
)

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = Limit(interval=1.0, burst=3)
THREAD = (CHANNEL, "1760005928.816399")


def said(text: str) -> list[SlackMessage]:
    return [SlackMessage(text, ())]


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as fake:
        yield fake


class Marks(list[State]):
    """The states that a claim recorded; it is this bot's unless `taken_over`."""

    taken_over = False

    async def advance(self, state: State) -> bool:
        self.append(state)
        return not self.taken_over


def ours() -> PostClaim:
    return PostClaim(Marks().advance)


def sender_to(
    slack: FakeSlack,
    clock: Clock = SYSTEM_CLOCK,
    channel: Limit = UNLIMITED,
    patience: float = 0,
) -> Sender:
    web = AsyncWebClient(BOT_TOKEN, slack.api_url, retry_handlers=[])
    limits = Limits(channel, UNLIMITED, UNLIMITED, patience)
    return Sender(web, replace(QUICK, limits=limits, clock=clock))


def limiter_at(clock: Clock) -> RateLimiter:
    return RateLimiter(clock, PATIENT)


async def test_ten_answers_at_once_come_in_order_with_one_call_more(slack: FakeSlack) -> None:
    """Slack accepts fewer messages than we assume, and says so once."""
    clock = FakeClock()
    slack.clock, slack.channel_seconds = clock.monotonic, 1.0
    sender = sender_to(slack, clock, SECOND)
    texts = [str(number) for number in range(10)]
    saying = asyncio.gather(*(sender.say(THREAD, said(text), ours()) for text in texts))
    assert await clock.runs(saying) == [State.ANSWERED] * 10
    assert [post.text for post in slack.posts] == texts
    assert len(slack.calls) == 11
    assert clock.now == pytest.approx(NOON + 9), "one message a second"


async def test_in_a_channel_those_who_asked_take_turns(slack: FakeSlack) -> None:
    sender = sender_to(slack)
    asked = (("alice", "a1"), ("alice", "a2"), ("alice", "a3"), ("bob", "b1"))
    claims = {text: PostClaim(Marks().advance, asker=asker) for asker, text in asked}
    await asyncio.gather(*(sender.say(THREAD, said(text), claims[text]) for text in claims))
    assert [post.shown for post in slack.posts] == ["a1", "b1", "a2", "a3"]


async def test_a_limited_channel_delays_no_other(slack: FakeSlack) -> None:
    slack.fail("chat.postMessage", Fault("ratelimited", status=429, retry_after=1))
    clock = FakeClock()
    sender = sender_to(slack, clock)
    limited = asyncio.ensure_future(sender.say(THREAD, said("later"), ours()))
    await clock.sleeping(1)
    await sender.say((DIRECT, "1760005928.000001"), said("now"), ours())
    assert not limited.done()
    clock.passes(1)
    await limited
    assert [post.text for post in slack.posts] == ["now", "later"]


async def test_processes_share_a_channels_places() -> None:
    one, other = limiter_at(FakeClock()), limiter_at(FakeClock())
    turns = [await each.reserve(CHANNEL, SECOND) for each in (one, other, one, other, one)]
    assert turns == [0, 0, 0, 1, 2]
    assert await other.reserve(DIRECT, SECOND) == 0


async def test_places_that_are_taken_at_once_are_all_different() -> None:
    limiters = [limiter_at(FakeClock()) for _ in range(4)]
    turns = await asyncio.gather(*(limiters[n % 4].reserve(CHANNEL, SECOND) for n in range(12)))
    assert sorted(turns) == [0, 0, *range(10)]


async def test_what_slack_asked_one_process_all_keep() -> None:
    one, other = limiter_at(FakeClock()), limiter_at(FakeClock())
    await one.back_off(CHANNEL, SECOND, 7)
    assert [await other.reserve(CHANNEL, SECOND), await one.reserve(CHANNEL, SECOND)] == [7, 8]


async def test_it_waits_as_long_as_slack_asks(slack: FakeSlack) -> None:
    slack.fail("chat.postMessage", Fault("ratelimited", status=429, retry_after=120))
    clock = FakeClock()
    saying = asyncio.ensure_future(sender_to(slack, clock).say(THREAD, said("later"), ours()))
    assert await clock.sleeping() == 120
    assert len(slack.calls) == 1
    clock.passes(120)
    assert await saying is State.ANSWERED


async def test_a_quiet_channel_has_its_burst_again() -> None:
    clock = FakeClock()
    limiter = limiter_at(clock)
    assert [await limiter.reserve(CHANNEL, SECOND) for _ in range(4)] == [0, 0, 0, 1]
    clock.passes(60)
    assert [await limiter.reserve(CHANNEL, SECOND) for _ in range(4)] == [0, 0, 0, 1]


@pytest.mark.parametrize("seconds", [3_600, 86_400])
async def test_a_clock_that_is_put_back_silences_nobody(seconds: int) -> None:
    clock = FakeClock()
    one, other = limiter_at(clock), limiter_at(clock)
    assert [await one.reserve(CHANNEL, SECOND) for _ in range(4)] == [0, 0, 0, 1]
    clock.now -= seconds
    turns = [await each.reserve(CHANNEL, SECOND) for each in (one, other, one, other, one)]
    assert turns == [0, 0, 0, 1, 2]
    await other.back_off(CHANNEL, SECOND, 7)
    assert await one.reserve(CHANNEL, SECOND) == 7


async def test_a_process_paces_itself_without_a_database(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def drop() -> None:
        with connection.schema_editor() as editor:
            editor.delete_model(Pace)

    def create() -> None:
        with connection.schema_editor() as editor:
            editor.create_model(Pace)

    limiter = limiter_at(FakeClock())
    await in_database(drop)
    try:
        assert [await limiter.reserve(CHANNEL, SECOND) for _ in range(4)] == [0, 0, 0, 1]
    finally:
        await in_database(create)
    assert "each process paces its messages alone" in caplog.text


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


LIMITED = Fault("ratelimited", status=429, retry_after=0)


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


async def test_what_waits_for_its_turn_is_not_marked_as_being_posted(slack: FakeSlack) -> None:
    """Another bot gives the answer if this one is killed meanwhile."""
    clock, marks = FakeClock(), Marks()
    sender = sender_to(slack, clock, Limit(interval=60, burst=1))
    await sender.say(THREAD, said("first"), ours())
    waiting = asyncio.ensure_future(sender.say(THREAD, said("later"), PostClaim(marks.advance)))
    assert await clock.sleeping() == 60
    assert marks == []
    waiting.cancel()


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


async def test_a_message_that_is_gone_is_not_replaced_but_followed(slack: FakeSlack) -> None:
    sender = sender_to(slack)
    assert await sender.say(THREAD, said("hello"), ours(), "1760005000.000001") is State.ANSWERED
    assert [post.text for post in slack.posts] == ["hello"]


def yes() -> bool:
    return True


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


async def asked(slack: FakeSlack, line: str) -> str:
    """Ask as Alice and return the ts of her message."""
    delivery = await slack.mention(ALICE, line)
    return str(delivery.envelope["payload"]["event"]["ts"])


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
