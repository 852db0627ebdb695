"""Subscribed channels show each group of alerts in one message, and nothing twice."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings
from slack_sdk.web.async_client import AsyncWebClient

from bot.channel_messages import ChannelMessage
from bot.models import AlertMessage, ClosedChannel
from bot.replies import Reply, Sentence, When
from bot.slack import alert_store
from bot.slack.alert_messages import AlertMessages
from bot.slack.alert_work import next_edit
from bot.slack.rate_limit import Limits
from bot.slack.sender import Sender
from bot.slack.status import report
from ops.database import in_database
from ops.subscriptions.actions import (
    AllPosted,
    Button,
    Detail,
    Feed,
    Feeds,
    Message,
    State,
    Subscription,
)
from ops.subscriptions.models import StoredSubscription
from ops.watch import notices
from ops.watch.notices import Notice
from tests.bot.clock import NOON, FakeClock
from tests.bot.conftest import QUICK, UNLIMITED, until
from tests.fakes.slack import BOT_TOKEN, CHANNEL, SECONDS, FakeSlack, Fault, Post

pytestmark = pytest.mark.django_db(transaction=True)
Step = AlertMessage.Step
SHOP = "C0SHOP001"


def firing(name: str = "QueueDeep", said: str = "is firing", **more: object) -> Message:
    """A group that fires."""
    found = Message(
        f"{name}-1", (name,), State.FIRING, (f"{name} {said}",), urgency=1,
        buttons=(Button("I have it", f"ack {name}"),),
    )  # fmt: skip
    return replace(found, **more)  # type: ignore[arg-type]


@dataclass
class Alerts:
    """What a channel is to show, as ops.subscriptions says it."""

    messages: list[Message] = field(default_factory=list)
    channel: str = CHANNEL
    id: int = 1
    quiet_until: int = 0
    problem: str = ""
    asked: int = 0

    @property
    def feed(self) -> Feed:
        where = Subscription(self.id, self.id, "demo", "", self.channel, problem=self.problem)
        return Feed(where)

    def shows(self, *messages: Message) -> None:
        self.messages = list(messages)

    async def ask(self, posted: AllPosted) -> Feeds:
        self.asked += 1
        keys = {each.key for each in posted.get(self.id, ())}
        new = tuple(each for each in self.messages if each.key not in keys)
        shown = tuple(each for each in self.messages if each.key in keys)
        return Feeds((replace(self.feed, new=new, shown=shown, quiet_until=self.quiet_until),))


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as fake:
        fake.channels.add(SHOP)
        yield fake


@pytest.fixture
def alerts() -> Alerts:
    return Alerts([firing()])


def bot(
    slack: FakeSlack, alerts: Alerts, name: str = "bot", clock: FakeClock | None = None
) -> AlertMessages:
    """A bot that keeps the channels; without a clock it need not wait."""
    web = AsyncWebClient(BOT_TOKEN, slack.api_url, retry_handlers=[])
    limits = Limits(UNLIMITED, UNLIMITED, UNLIMITED, news=UNLIMITED, news_edits=UNLIMITED)
    timing = replace(QUICK, limits=limits)
    if clock:
        usual = Limits(UNLIMITED, UNLIMITED, UNLIMITED)
        timing = replace(QUICK, limits=usual, clock=clock)
    return AlertMessages(Sender(web, timing), name, alerts.ask)


async def looked(*bots: AlertMessages) -> None:
    """Let the bots look at the same time, and do what is to be done."""
    clock = bots[0].sender.clock
    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(each.look() for each in bots))
        finishing = asyncio.gather(*(each.finish() for each in bots))
        await (clock.runs(finishing) if isinstance(clock, FakeClock) else finishing)


async def row(key: str = "QueueDeep-1") -> AlertMessage:
    return await in_database(AlertMessage.objects.get, key=key)


async def troubles() -> tuple[str, ...]:
    """What the overview says is wrong with the bot."""
    found = await report()
    assert found is not None
    return found.troubles


def tops(slack: FakeSlack) -> list[Post]:
    return [post for post in slack.posts if not post.thread_ts]


async def test_a_group_is_one_message_that_is_edited_in_place(
    slack: FakeSlack, alerts: Alerts
) -> None:
    one = bot(slack, alerts)
    await looked(one)
    [post] = slack.posts
    assert (post.channel, post.thread_ts) == (CHANNEL, "")
    assert post.shown.startswith("QueueDeep is firing")
    assert post.shown.endswith("[I have it]")
    await looked(one)
    alerts.shows(firing(said="resolved after 12 min", state=State.RESOLVED, buttons=()))
    await looked(one)
    assert [post.shown for post in slack.posts] == ["QueueDeep resolved after 12 min"]
    assert len(post.earlier) == 1, "what has not changed is not edited"
    assert slack.violations == []


async def test_details_and_changes_are_in_its_thread(slack: FakeSlack, alerts: Alerts) -> None:
    details = (Detail("alerts", (("job=petstore",),)),)
    alerts.shows(firing(details=details))
    one = bot(slack, alerts)
    await looked(one)
    alerts.shows(firing(details=(*details, Detail("end-1", (("Resolved at noon",),)))))
    await looked(one)
    alerts.shows(firing(details=(Detail("alerts", (("job=store",),)),)))
    await looked(one)
    top, *below = slack.posts
    assert [(post.thread_ts, post.shown) for post in below] == [
        (top.ts, "job=store"),
        (top.ts, "Resolved at noon"),
    ]


async def test_in_quiet_hours_messages_are_edited_and_threads_are_not_told(
    slack: FakeSlack, alerts: Alerts
) -> None:
    one = bot(slack, alerts)
    await looked(one)
    alerts.quiet_until = 1
    alerts.shows(firing(said="resolved", details=(Detail("end-1", (("Resolved",),)),)))
    await looked(one)
    assert [post.shown for post in slack.posts] == ["QueueDeep resolved\n[I have it]"]


async def test_it_is_posted_once_however_many_bots_run(slack: FakeSlack, alerts: Alerts) -> None:
    names = [f"Alert{number}" for number in range(8)]
    alerts.shows(*(firing(name, details=(Detail("a", ((name,),)),)) for name in names))
    bots = [bot(slack, alerts, f"bot{number}") for number in range(3)]
    keeping = [asyncio.ensure_future(each.keep(60)) for each in bots]
    posts = await slack.posted(16)
    alerts.shows(*(firing(name, "resolved", state=State.RESOLVED) for name in names))
    await notices.send(Notice("demo", "alerts"))
    await until(lambda: all(" resolved" in post.shown for post in tops(slack)))
    for each in keeping:
        each.cancel()
    await asyncio.wait(keeping)
    assert sorted(post.shown for post in posts if post.thread_ts) == names
    assert len(tops(slack)) == len(slack.posts) / 2 == 8
    assert [len(post.earlier) for post in tops(slack)] == [1] * 8


class FirstOnly(Alerts):
    """Alerts of which only what is posted first is shown, as a storm is instead of its groups."""

    async def ask(self, posted: AllPosted) -> Feeds:
        return await super().ask(posted) if not posted else Feeds((self.feed,))


async def test_what_depends_on_what_was_posted_is_decided_by_one_of_them(slack: FakeSlack) -> None:
    """Two bots want something else at the same moment, and the second looks again."""
    bots = [
        bot(slack, FirstOnly([firing(name)]), name, clock=None) for name in ("QueueDeep", "Storm")
    ]
    await looked(*bots)
    assert len(slack.posts) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("ratelimited", status=429, retry_after=0.0),
        Fault(lost=True),
        Fault(status=500),
        Fault(reset=True),
    ],
)
async def test_whatever_slack_answers_it_is_not_posted_twice(
    slack: FakeSlack, alerts: Alerts, fault: Fault
) -> None:
    slack.fail("chat.postMessage", fault)
    one = bot(slack, alerts)
    await looked(one)
    await looked(one)
    arrived = fault.lost or fault.status == 429
    assert len(slack.posts) == arrived
    assert (await row()).step == (Step.POSTED if fault.status == 429 else Step.LOST)


async def test_what_may_be_missing_is_posted_when_its_alerts_change(
    slack: FakeSlack, alerts: Alerts, tokens: Settings
) -> None:
    slack.fail("chat.postMessage", Fault(status=500))
    one = bot(slack, alerts, clock=FakeClock(time.time()))
    await looked(one)
    alerts.shows(firing(said="is firing: 3 alerts"))
    await looked(one)
    assert slack.posts == []
    assert any("1 message about alerts may be missing" in each for each in await troubles())
    alerts.shows(firing(said="resolved", state=State.RESOLVED))
    await looked(one)
    await looked(one)
    [post] = slack.posts
    assert post.shown.startswith("QueueDeep resolved\nSlack did not confirm an earlier message")
    assert post.earlier == []


async def test_one_that_was_killed_in_the_call_leaves_it_as_it_may_be(
    slack: FakeSlack, alerts: Alerts
) -> None:
    clock = FakeClock()
    killed = bot(slack, alerts, "killed", clock)
    slack.fail("chat.postMessage", Fault(hang=True))
    await killed.look()
    await slack.called("chat.postMessage")
    other = bot(slack, alerts, "other", clock)
    await looked(other)
    assert (await row()).step == Step.POSTING
    clock.passes(alert_store.LEASE.total_seconds())
    await looked(other)
    assert (await row()).step == Step.LOST
    assert slack.posts == []
    slack.release.set()
    await killed.stop()


async def test_one_that_answers_late_is_known_by_its_ts(slack: FakeSlack, alerts: Alerts) -> None:
    """Its lease was over before Slack answered."""
    clock = FakeClock()
    slow = bot(slack, alerts, "slow", clock)
    slack.seconds["chat.postMessage"] = 0.1
    await slow.look()
    await slack.called("chat.postMessage")
    clock.passes(alert_store.LEASE.total_seconds())
    await looked(bot(slack, alerts, "other", clock))
    await slow.finish()
    assert (await row()).step == Step.POSTED
    assert len(slack.posts) == 1


@pytest.mark.parametrize(
    "fault", [Fault(lost=True), Fault("ratelimited", status=429, retry_after=3), Fault(status=500)]
)
async def test_an_edit_is_repeated_until_slack_takes_it(
    slack: FakeSlack, alerts: Alerts, fault: Fault
) -> None:
    one = bot(slack, alerts, clock=FakeClock())
    await looked(one)
    slack.fail("chat.update", fault)
    alerts.shows(firing(said="resolved"))
    await looked(one)
    assert slack.posts[0].shown.startswith("QueueDeep resolved")


async def test_a_message_that_was_deleted_is_posted_again_once(
    slack: FakeSlack, alerts: Alerts
) -> None:
    one = bot(slack, alerts)
    for number in range(3):
        await looked(one)
        slack.posts.clear()
        alerts.shows(firing(said=f"is firing: {number + 2} alerts"))
        await one.look()
        await one.finish()
        if number == 0:
            [post] = slack.posts
            assert "Somebody deleted the message about this" in post.shown
    assert slack.posts == []
    assert (await row()).step == Step.GIVEN_UP


async def test_what_is_over_is_not_posted_again(slack: FakeSlack, alerts: Alerts) -> None:
    one = bot(slack, alerts)
    await looked(one)
    slack.posts.clear()
    alerts.shows(firing(said="resolved", state=State.RESOLVED, final=True))
    await looked(one)
    await looked(one)
    assert slack.posts == []
    assert (await row()).final


async def test_what_shows_its_end_or_is_not_wanted_any_more_is_left_as_it_is(
    slack: FakeSlack, alerts: Alerts
) -> None:
    alerts.shows(firing(), firing("Gone"))
    one = bot(slack, alerts)
    await looked(one)
    alerts.shows(firing(said="resolved", final=True))
    await looked(one)
    await looked(one)
    assert (await row()).final
    assert (await row("Gone-1")).final
    assert (await in_database(alert_store.known, datetime.now(UTC))).posted == {}


@pytest.mark.parametrize("error", ["is_archived", "not_in_channel", "channel_not_found"])
async def test_a_channel_that_takes_nothing_is_left_alone_for_ten_minutes(
    slack: FakeSlack, alerts: Alerts, tokens: Settings, error: str
) -> None:
    subscription = {"site": "demo", "number": 1, "channel": CHANNEL, "made_at": 1}
    stored = await in_database(StoredSubscription.objects.create, **subscription)
    alerts.id = stored.pk
    clock = FakeClock(time.time())
    slack.fail("chat.postMessage", Fault(error), Fault(error))
    one = bot(slack, alerts, clock=clock)
    await looked(one)
    await looked(one)
    assert len(slack.calls) == 1
    closed = await in_database(ClosedChannel.objects.get)
    assert (closed.channel, closed.error) == (CHANNEL, error)
    assert any(f"for {CHANNEL} ({error})" in each for each in await troubles())
    await in_database(stored.refresh_from_db)
    assert "channel" in stored.problem
    alerts.problem = stored.problem
    clock.passes(601)
    await looked(one)
    assert await in_database(ClosedChannel.objects.count) == 1
    clock.passes(601)
    await looked(one)
    assert len(slack.posts) == 1
    assert await in_database(ClosedChannel.objects.count) == 0
    await in_database(stored.refresh_from_db)
    assert stored.problem == ""


async def test_a_message_a_second_and_forty_edits_a_minute(slack: FakeSlack) -> None:
    """The urgent first; what changes before it could be posted is merged."""
    clock = FakeClock()
    slack.clock, slack.channel_seconds = clock.monotonic, 1.0
    names = [f"Alert{number:02}" for number in range(30)]
    alerts = Alerts([firing(name, urgency=-number) for number, name in enumerate(names)])
    one = bot(slack, alerts, clock=clock)
    await looked(one)
    assert [post.shown.partition(" ")[0] for post in slack.posts] == names[::-1]
    assert clock.now == pytest.approx(NOON + 29 * 1.05)
    assert slack.failed == []
    began = clock.now
    for said in ("acknowledged", "resolved"):
        alerts.shows(*(firing(name, said) for name in names))
        await one.look()
    await looked(one)
    assert all(" resolved" in post.shown for post in slack.posts)
    assert clock.now == pytest.approx(began + 30 * 1.55, abs=1.6)
    edits = sum(len(post.earlier) for post in slack.posts)
    assert edits <= 31, "merged, not queued: one may have shown the state in between"


async def test_it_looks_when_the_watcher_sees_something(slack: FakeSlack, alerts: Alerts) -> None:
    alerts.shows()
    one = bot(slack, alerts)
    keeping = asyncio.ensure_future(one.keep(3600))
    await until(lambda: alerts.asked > 0)
    alerts.shows(firing())
    await notices.send(Notice("demo", "alerts"))
    await slack.posted(1)
    keeping.cancel()
    await asyncio.wait((keeping,))


def test_what_changes_all_the_time_keeps_no_other_from_being_edited() -> None:
    """A new state goes first, then what has waited longest."""
    now = datetime.now(UTC)
    wanted, rows = [], {}
    for number, state in enumerate(("firing", "firing", "resolved")):
        wanted.append(ChannelMessage(1, CHANNEL, f"{number}", Reply("new"), state=state))
        rows[1, f"{number}"] = AlertMessage(
            step=Step.POSTED, state="firing", lease_until=now, changed=now - timedelta(hours=number)
        )
    order = []
    while work := next_edit(wanted, rows, now):
        order.append(work.wanted.key)
        del rows[1, work.wanted.key]
    assert order == ["2", "1", "0"]


def test_the_next_day_changes_nothing() -> None:
    """From then on, moments are written with their date."""
    written = [
        Reply(Sentence("since ", When(each, seconds)))
        for each, seconds in (("14:20:51 UTC", 7), ("2026-11-29 14:20:51 UTC", 7), ("later", 8))
    ]
    today, tomorrow, later = (
        ChannelMessage(1, CHANNEL, "key", each).shows(AlertMessage.Again.NO) for each in written
    )
    assert today == tomorrow != later


async def test_one_that_stops_finishes_its_call(slack: FakeSlack, alerts: Alerts) -> None:
    slack.seconds["chat.postMessage"] = 0.1
    one = bot(slack, alerts)
    keeping = asyncio.ensure_future(one.keep(3600))
    await slack.called("chat.postMessage")
    keeping.cancel()
    await asyncio.wait((keeping,))
    assert (await row()).step == Step.POSTED
