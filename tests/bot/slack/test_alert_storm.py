"""A storm: 1,000 alerts in 200 groups within a minute; tests.bench.storm measures it in full."""

import asyncio
import re
from dataclasses import replace

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.alert_messages import AlertMessages
from bot.slack.rate_limit import USUAL_LIMITS
from bot.slack.sender import Sender
from ops.subscriptions.actions import AllPosted, Feeds, Subscription
from ops.subscriptions.wanted import MOST_NEW, wanted
from ops.vocabulary.timerange import SECOND
from tests.alerts.making import NOON
from tests.bot.clock import FakeClock
from tests.bot.conftest import QUICK
from tests.fakes.slack import BOT_TOKEN, FakeSlack, Fault
from tests.subscriptions.making import AROUND, as_of, fired

pytestmark = pytest.mark.django_db(transaction=True)
CHANNELS = [f"C0STORM0{number}" for number in range(2)]
GROUPS, ALERTS = 200, 5  # of each group
POLL = 10.0
STORM = [
    fired(f"Storm{group:03}", group / GROUPS, instance=f"pod-{number}")
    for group in range(GROUPS)
    for number in range(ALERTS)
]
KILLED = 1  # polls after the first one, when the storm is to be posted
LISTED = re.compile(r"Storm\d{3}")


async def test_every_group_is_readable_within_a_minute_although_a_bot_is_killed() -> None:
    """It is killed in a call in each channel, of which nobody knows whether Slack took it."""
    clock = FakeClock(NOON / SECOND)

    async def ask(posted: AllPosted) -> Feeds:
        now = round(clock.now * SECOND)
        known = [as_of(each, now) for each in STORM if each.start <= now]
        channels = [Subscription(1 + id, 1, "demo", "", name) for id, name in enumerate(CHANNELS)]
        every = [wanted(each, known, AROUND, posted.get(each.id, ()), now) for each in channels]
        return Feeds(tuple(every))

    def bot(slack: FakeSlack, name: str) -> AlertMessages:
        timing = replace(QUICK, limits=USUAL_LIMITS, clock=clock)
        web = AsyncWebClient(BOT_TOKEN, slack.api_url, retry_handlers=[])
        return AlertMessages(Sender(web, timing), name, ask)

    async with FakeSlack() as slack, FakeSlack() as nowhere:
        slack.channels |= {*CHANNELS}
        for method in ("chat.postMessage", "chat.update"):
            nowhere.fail(method, *[Fault(hang=True)] * len(CHANNELS))
        bots, killed = [bot(slack, "one"), bot(slack, "other")], bot(nowhere, "killed")
        until = clock.now + 60 + 60
        for number in range(round((until - clock.now) / POLL)):
            polled = clock.now
            if number == KILLED:
                await killed.look()
                await clock.runs(nowhere.called("chat.postMessage", len(CHANNELS)))
            await asyncio.gather(*(each.look() for each in bots))
            finishing = asyncio.gather(*(each.finish() for each in bots))
            await clock.runs(finishing, at_work=lambda: sum(each.at_work for each in bots))
            clock.passes(max(POLL - (clock.now - polled), 0))
        nowhere.release.set()
        await killed.stop()
    for channel in CHANNELS:
        posts = [post for post in slack.posts if post.channel == channel]
        texts = "\n".join(post.shown for post in posts)
        assert len({*LISTED.findall(texts)}) == GROUPS
        heads = [post.shown.partition("\n")[0] for post in posts if not post.thread_ts]
        alone = [head for head in heads if LISTED.match(head)]
        assert len(alone) == len({*alone}) <= MOST_NEW
        assert len(heads) - len(alone) == 1, "the rest is one message"
    assert slack.violations == []
