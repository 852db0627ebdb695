"""A timed change is warned of in its thread, once, and its message shows the end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from bot.models import TimedMessage
from bot.replies import Ends, Timed
from bot.slack import timed_store
from bot.slack.timed_store import Said
from ops.database import in_database
from ops.sampling.ending import SETTLED
from tests.bot.conftest import QUICK, Backends, Workspace, another_bot
from tests.fakes.slack import ALICE, SECONDS, FakeSlack, Fault
from tests.sampling.test_reconciling import after, reconciling
from tests.sampling.test_timed import time_passes

pytestmark = pytest.mark.django_db(transaction=True)
TENDING = replace(QUICK, tend=0.05)
PERMANENT = "change sampling petstore 10% permanent now"
TIMED = 'change sampling petstore always for=15m because="SlowSearch" now'
MINUTE = timedelta(minutes=1)
LIMITED, LOST, REFUSED = (
    Fault(status=429, retry_after=0.0),
    Fault(lost=True),
    Fault("not_in_channel"),
)


@pytest.fixture
async def slack(workspace: Workspace, alice: User) -> AsyncIterator[FakeSlack]:
    async with workspace(FakeSlack(), TENDING) as running:
        yield running


async def row() -> TimedMessage | None:
    """The message that shows the newest timed change."""
    return await in_database(TimedMessage.objects.order_by("-revision").first)


async def until_said(said: Said) -> None:
    async with asyncio.timeout(SECONDS):
        while getattr(await row(), "said", "") != said:
            pass


async def pass_on(by: timedelta) -> None:
    """Move the past away, for the changes and for the bot, as if so much time had gone by."""

    def move() -> None:
        for each in TimedMessage.objects.exclude(said=Said.ENDED):
            TimedMessage.objects.filter(pk=each.pk).update(due=each.due - by)

    async with asyncio.timeout(SECONDS):
        while not getattr(await row(), "ts", ""):
            pass
    await time_passes(seconds=by.total_seconds())
    await in_database(move)


async def test_it_warns_in_the_thread_and_then_shows_the_end(
    slack: FakeSlack, backends: Backends
) -> None:
    await slack.ask(ALICE, PERMANENT)
    post = await slack.ask(ALICE, TIMED)
    await pass_on(12.5 * MINUTE)
    warning = (await slack.posted(3))[2]
    assert (warning.channel, warning.thread_ts) == (post.channel, post.thread_ts)
    assert warning.shown.startswith("petstore returns to 10% in 2 min")
    assert "Now always, set by alice from slack " in warning.shown
    assert warning.shown.endswith("SlowSearch\n[15 minutes more]")
    [date] = [
        part
        for element in warning.blocks[0]["elements"]
        for part in element["elements"]
        if part["type"] == "date" and "{ago}" in part["format"]
    ]
    assert date["timestamp"] > timezone.now().timestamp()

    await pass_on(2.6 * MINUTE + SETTLED)
    await slack.replaced(post.ts)
    assert "-> always, ended " in post.shown
    assert "; 10% again on 0 of 3 instances" in post.shown, "no watcher runs"
    assert "Return overdue on 127.0.0.1:" in post.shown
    assert "Return to 10% now" not in post.shown
    await until_said(Said.ENDED)
    assert len(slack.posts) == 3
    assert slack.violations == []


async def test_the_end_says_that_all_have_returned(slack: FakeSlack, backends: Backends) -> None:
    await slack.ask(ALICE, PERMANENT)
    post = await slack.ask(ALICE, TIMED)
    await pass_on(15 * MINUTE)
    await (await reconciling()).round(after(0))
    await slack.replaced(post.ts)
    assert "; 10% again on 3 of 3 instances" in post.shown
    assert "overdue" not in post.shown
    assert len(slack.posts) == 2, "it is too late to warn"


async def test_a_card_is_warned_of_in_its_thread(slack: FakeSlack, backends: Backends) -> None:
    await slack.ask(ALICE, PERMANENT)
    card = await slack.ask(ALICE, TIMED.removesuffix(" now"))
    await slack.press(ALICE, card, "Apply")
    await slack.replaced(card.ts)
    await pass_on(13 * MINUTE)
    warning = (await slack.posted(3))[2]
    assert (warning.channel, warning.thread_ts) == (card.channel, card.thread_ts)


async def test_fifteen_minutes_more(slack: FakeSlack, backends: Backends) -> None:
    await slack.ask(ALICE, PERMANENT)
    post = await slack.ask(ALICE, TIMED)
    await pass_on(13 * MINUTE)
    warning = (await slack.posted(3))[2]
    await slack.press(ALICE, warning, "15 minutes more")
    longer = (await slack.posted(4))[3]
    assert "always -> always, confirmed by 3 of 3 instances, until " in longer.shown
    assert "Reason: SlowSearch" in longer.shown
    await slack.replaced(post.ts)
    assert " by alice from slack: always" in post.shown, "long before its own end"
    await slack.press(ALICE, warning, "15 minutes more")
    assert "is not in force any more" in (await slack.posted(5))[4].shown
    await pass_on(14 * MINUTE)  # of 17
    assert (await slack.posted(6))[5].shown.startswith("petstore returns to 10% in ")


async def test_what_has_ended_is_not_warned_of(slack: FakeSlack, backends: Backends) -> None:
    await slack.ask(ALICE, PERMANENT)
    post = await slack.ask(ALICE, TIMED)
    await slack.ask(ALICE, "change sampling petstore never permanent now")
    await slack.replaced(post.ts)
    assert " by alice from slack: never" in post.shown
    await until_said(Said.ENDED)
    assert len(slack.posts) == 3


async def test_it_is_said_once_however_many_bots_run(slack: FakeSlack, backends: Backends) -> None:
    await slack.ask(ALICE, PERMANENT)
    await slack.ask(ALICE, TIMED)
    async with another_bot(slack, TENDING), another_bot(slack, TENDING):
        await pass_on(13 * MINUTE)
        await slack.posted(3)
        await pass_on(2 * MINUTE + SETTLED)
        await until_said(Said.ENDED)
    assert len(slack.posts) == 3


@pytest.mark.parametrize(("fault", "posts"), [(LIMITED, 3), (LOST, 3), (REFUSED, 2)])
async def test_a_warning_that_slack_did_not_take(
    slack: FakeSlack, backends: Backends, fault: Fault, posts: int
) -> None:
    await slack.ask(ALICE, PERMANENT)
    await slack.ask(ALICE, TIMED)
    slack.fail("chat.postMessage", fault)
    await pass_on(13 * MINUTE)
    await slack.posted(posts)
    await until_said(Said.WARNED)
    assert len(slack.posts) == posts


async def test_one_that_was_killed_leaves_it_to_another(alice: User, backends: Backends) -> None:
    now = timezone.now()
    await in_database(timed_store.remember, Timed(Ends.SAMPLING, 7, now), "C1", "1.0", "1.1", now)
    [found] = await in_database(timed_store.due, Ends.SAMPLING, now)
    assert await in_database(timed_store.claim, found, "killed", now)
    assert not await in_database(timed_store.claim, found, "late", now), "it has been claimed"
    assert await in_database(timed_store.due, Ends.SAMPLING, now) == []
    later = now + timed_store.LEASE
    [found] = await in_database(timed_store.due, Ends.SAMPLING, later)
    assert await in_database(timed_store.claim, found, "another", later)
    assert not await in_database(timed_store.note, found, "killed", Said.WARNED, later)
    assert await in_database(timed_store.note, found, "another", Said.WARNED, later)
