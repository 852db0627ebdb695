"""The bot stops by itself: its message, the dashboard's report, and what serve does then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from pytest_django import Settings

from bot.slack.process import run_bot
from bot.slack.socket_mode import CONNECTIONS
from opsportal.processes import slack_beside
from tests.bot.conftest import QUICK, Backends
from tests.bot.slack.test_status import told
from tests.fakes.slack import ALICE, BOT_TOKEN, FakeSlack, Fault

pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def beside(slack: FakeSlack, tokens: Settings) -> AsyncIterator[None]:
    """Run the bot as serve does, but restart it immediately."""
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
    tokens.SLACK_BOT_TOKEN = 7  # like any bug of ours
    slack = FakeSlack()
    async with beside(slack, tokens):
        found = await told(lambda found: len(found.troubles) == 2)
        tokens.SLACK_BOT_TOKEN = BOT_TOKEN
        await slack.greeted(CONNECTIONS)
        await slack.mention(ALICE, "help")
        await slack.posted(1)
    assert found.troubles[0].endswith(
        " stopped: unexpected AttributeError; the log has the traceback"
    )
    assert found.troubles[1].startswith("no bot is running (manage.py serve restarts it)")
    records = [each for each in caplog.records if each.levelname == "ERROR"]
    assert {each.message for each in records} == {
        "the Slack bot stopped and restarts in 0 s; the other doors keep running"
    }
    assert all(each.exc_info for each in records)


@pytest.mark.parametrize("code", ["token_revoked", "account_inactive", "invalid_auth"])
async def test_it_ends_with_the_first_call_that_a_revoked_token_makes(
    tokens: Settings, backends: Backends, alice: User, code: str
) -> None:
    async with FakeSlack() as slack:
        tokens.SLACK_API_URL = slack.api_url
        bot = asyncio.ensure_future(run_bot(asyncio.Event(), replace(QUICK, token=3600)))
        await slack.greeted(CONNECTIONS)
        slack.refuses[BOT_TOKEN] = code
        await slack.mention(ALICE, "help")
        with pytest.raises(CommandError, match=f"OPSPORTAL_SLACK_BOT_TOKEN .{code}.: "):
            await bot


async def test_it_ends_when_its_token_is_revoked_and_nobody_writes(
    tokens: Settings, backends: Backends
) -> None:
    async with FakeSlack() as slack:
        tokens.SLACK_API_URL = slack.api_url
        bot = asyncio.ensure_future(run_bot(asyncio.Event(), replace(QUICK, token=0.02)))
        await slack.greeted(CONNECTIONS)
        slack.refuses[BOT_TOKEN] = "account_inactive"
        with pytest.raises(CommandError, match=r"account_inactive.*reinstall the app"):
            await bot


@pytest.mark.parametrize("code", ["missing_scope", "channel_not_found"])
async def test_it_goes_on_after_what_a_single_call_is_refused_for(
    slack: FakeSlack, alice: User, code: str
) -> None:
    slack.fail("chat.postMessage", Fault(code), Fault("token_revoked"))
    await slack.mention(ALICE, "help")
    await slack.mention(ALICE, "help")
    await slack.called("auth.test", 2)
    await slack.mention(ALICE, "help")
    await slack.posted(1)


async def test_serve_says_what_a_revoked_token_needs(
    tokens: Settings, backends: Backends, alice: User
) -> None:
    slack = FakeSlack()
    async with beside(slack, tokens):
        await slack.greeted(CONNECTIONS)
        slack.refuses[BOT_TOKEN] = "token_revoked"
        await slack.mention(ALICE, "help")
        # Its connections are lost first, which a report in between says.
        found = await told(lambda found: any("revoked" in each for each in found.troubles))
    said = next(each for each in found.troubles if "revoked" in each)
    assert "OPSPORTAL_SLACK_BOT_TOKEN (token_revoked): reinstall the app" in said


async def test_serve_says_which_token_is_refused_until_it_works(
    tokens: Settings, backends: Backends, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    slack = FakeSlack()
    slack.refuses[BOT_TOKEN] = "invalid_auth"
    refused = "Slack refused OPSPORTAL_SLACK_BOT_TOKEN (invalid_auth): copy it again from the app"
    async with beside(slack, tokens):
        found = await told(lambda found: len(found.troubles) == 2)
        assert refused in found.troubles[0]
        assert found.troubles[1].startswith("no bot is running (manage.py serve restarts it)")
        slack.refuses.clear()
        await slack.greeted(CONNECTIONS)
        await slack.mention(ALICE, "help")
        await slack.posted(1)
    assert refused in caplog.text
    assert "Traceback" not in caplog.text
