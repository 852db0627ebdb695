"""Answers in order, as fast as Slack allows."""

import asyncio

import pytest

from bot.models import State
from bot.slack.post_claim import PostClaim
from bot.slack.rate_limit import Limit
from tests.bot.clock import NOON, FakeClock
from tests.bot.slack.sender.sending import SECOND, THREAD, Marks, ours, said, sender_to
from tests.fakes.slack import DIRECT, FakeSlack, Fault

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_it_waits_as_long_as_slack_asks(slack: FakeSlack) -> None:
    slack.fail("chat.postMessage", Fault("ratelimited", status=429, retry_after=120))
    clock = FakeClock()
    saying = asyncio.ensure_future(sender_to(slack, clock).say(THREAD, said("later"), ours()))
    assert await clock.sleeping() == 120
    assert len(slack.calls) == 1
    clock.passes(120)
    assert await saying is State.ANSWERED


async def test_what_waits_for_its_turn_is_not_marked_as_being_posted(slack: FakeSlack) -> None:
    """Another bot gives the answer if this one is killed meanwhile."""
    clock, marks = FakeClock(), Marks()
    sender = sender_to(slack, clock, Limit(interval=60, burst=1))
    await sender.say(THREAD, said("first"), ours())
    waiting = asyncio.ensure_future(sender.say(THREAD, said("later"), PostClaim(marks.advance)))
    assert await clock.sleeping() == 60
    assert marks == []
    waiting.cancel()
