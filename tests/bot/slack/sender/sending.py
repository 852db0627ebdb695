"""A sender, what it says, and whose it is."""

from dataclasses import replace

from slack_sdk.web.async_client import AsyncWebClient

from bot.models import State
from bot.slack.blocks import SlackMessage
from bot.slack.clock import SYSTEM_CLOCK, Clock
from bot.slack.post_claim import PostClaim
from bot.slack.rate_limit import Limit, Limits
from bot.slack.sender import Sender
from tests.bot.conftest import QUICK, UNLIMITED
from tests.fakes.slack import ALICE, BOT_TOKEN, CHANNEL, FakeSlack, Fault

SECOND = Limit(interval=1.0, burst=3)
THREAD = (CHANNEL, "1760005928.816399")
LIMITED = Fault("ratelimited", status=429, retry_after=0)


def said(text: str) -> list[SlackMessage]:
    return [SlackMessage(text, ())]


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


def yes() -> bool:
    return True


async def asked(slack: FakeSlack, line: str) -> str:
    """Ask as Alice and return the ts of her message."""
    delivery = await slack.mention(ALICE, line)
    return str(delivery.envelope["payload"]["event"]["ts"])
