"""The bot ends by itself: what it says, what the dashboard is told, and what serve does then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from bot.slack.connections import CONNECTIONS
from opsportal.processes import slack_beside
from tests.bot.conftest import Backends
from tests.bot.slack.test_report import told
from tests.fakes.slack import ALICE, BOT_TOKEN, FakeSlack

pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def beside(slack: FakeSlack, tokens: Settings) -> AsyncIterator[None]:
    """Run the bot as serve does, but that it begins again at once."""
    async with slack:
        tokens.SLACK_API_URL = slack.api_url
        stop = asyncio.Event()
        bot = asyncio.ensure_future(slack_beside(stop, again=0))
        try:
            yield
        finally:
            stop.set()
            await bot


async def test_serve_begins_again_after_what_nobody_has_foreseen(
    tokens: Settings, backends: Backends, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    tokens.SLACK_BOT_TOKEN = 7  # stands for any fault of ours
    slack = FakeSlack()
    async with beside(slack, tokens):
        found = await told(lambda found: len(found.troubles) == 2)
        tokens.SLACK_BOT_TOKEN = BOT_TOKEN
        await slack.greeted(CONNECTIONS)
        await slack.mention(ALICE, "help")
        await slack.posted(1)
    assert found.troubles[0].endswith(
        " has ended: AttributeError, which nobody has foreseen; the log has its trace"
    )
    assert found.troubles[1].startswith("no bot is left, though manage.py serve begins again")
    records = [each for each in caplog.records if each.levelname == "ERROR"]
    assert {each.message for each in records} == {
        "the Slack bot has ended and begins again in 0 s; the other doors stay open"
    }
    assert all(each.exc_info for each in records)


async def test_serve_says_which_token_is_refused_until_it_works(
    tokens: Settings, backends: Backends, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    slack = FakeSlack()
    slack.refuses[BOT_TOKEN] = "invalid_auth"
    refused = "Slack refuses OPSPORTAL_SLACK_BOT_TOKEN (invalid_auth): copy it again from the app"
    async with beside(slack, tokens):
        found = await told(lambda found: len(found.troubles) == 2)
        assert refused in found.troubles[0]
        assert found.troubles[1].startswith("no bot is left, though manage.py serve begins again")
        slack.refuses.clear()
        await slack.greeted(CONNECTIONS)
        await slack.mention(ALICE, "help")
        await slack.posted(1)
    assert refused in caplog.text
    assert "Traceback" not in caplog.text
