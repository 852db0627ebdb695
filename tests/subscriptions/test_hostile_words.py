"""What is typed wrongly, or to do harm, subscribes nothing and ends nothing."""

import pytest

from bot.commands import registry
from bot.registry import Message
from bot.replies import plain
from bot.text import normalise
from ops.actor import Actor
from ops.subscriptions import actions
from tests.fakes.prometheus import FakePrometheus
from tests.subscriptions.test_subscriptions import OPS, prometheus

__all__ = ["prometheus"]
pytestmark = pytest.mark.django_db(transaction=True)
EVENT = {"channel": OPS.id, "team": "T1", "is_ext_shared_channel": False}


async def say(actor: Actor, line: str) -> str:
    return plain(await registry.answer(Message(actor, normalise(line), EVENT)))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("alerts subscribe critical quiet=", '"" are no quiet hours'),
        ('alerts subscribe critical quiet=""', '"" are no quiet hours'),
        ("alerts subscribe critical quiet=<!channel>", '"<!channel>" are no quiet hours'),
        ("alerts subscribe critical quiet=nightly", '"nightly" are no quiet hours'),
        ("alerts subscribe critical after=", '"" is not a duration'),
        ("alerts subscribe critical after=<@U012345>", '"<@U012345>" is not a duration'),
        ("alerts subscribe critical after=25h", "at most 24 h after it started firing"),
        ("alerts subscribe \U0001f98a\U0001f98a", "nothing is known as"),
        ("alerts subscribe \ufffd", "nothing is known as"),
        ("alerts subscribe nothing", "is called"),
    ],
)
async def test_it_subscribes_nothing_and_says_why(
    operator: Actor, prometheus: FakePrometheus, line: str, words: str
) -> None:
    said = await say(operator, line)
    assert words in said
    assert (await actions.list_subscriptions(operator)).subscriptions == ()


@pytest.mark.parametrize(
    "number",
    ["' OR 1=1 --", "{{1*1}}", "<@U1>", "1 2", "number one", "-1", "1; alerts unsubscribe 1"],
)
async def test_only_a_number_ends_a_subscription(
    operator: Actor, prometheus: FakePrometheus, number: str
) -> None:
    await say(operator, "alerts subscribe critical")
    await say(operator, f"alerts unsubscribe {number}")
    assert len((await actions.list_subscriptions(operator)).subscriptions) == 1
    assert "no longer subscribed" in await say(operator, "alerts unsubscribe number 1, please")
