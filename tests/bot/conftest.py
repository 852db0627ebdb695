"""A Slack workspace with the bot running in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from bot.models import Identity
from bot.slack import run_bot
from ops.actor import Actor, Door
from ops.database import in_database
from tests.conftest import Person, SiteFile
from tests.fakes.slack import ALICE, APP_TOKEN, BOT_TOKEN, TEAM, FakeSlack

SITES = """
[sites.demo.jaeger]
address = "127.0.0.1:1"

[sites.demo.services.petstore]
instances = ["127.0.0.1:2"]
"""
Workspace = Callable[[FakeSlack], AbstractAsyncContextManager[FakeSlack]]


@pytest.fixture
def tokens(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings with the fake's tokens in them, and no proxy on the way to it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    settings.SLACK_APP_TOKEN = APP_TOKEN
    settings.SLACK_BOT_TOKEN = BOT_TOKEN
    return settings


@pytest.fixture
def workspace(tokens: Settings, site_file: SiteFile, transactional_db: None) -> Workspace:
    """Run the bot in a fake workspace for as long as the block lasts."""
    site_file(SITES)

    @asynccontextmanager
    async def running(slack: FakeSlack) -> AsyncIterator[FakeSlack]:
        async with slack:
            tokens.SLACK_API_URL = slack.api_url
            stop = asyncio.Event()
            bot = asyncio.ensure_future(run_bot(stop))
            try:
                await slack.greeted()
                yield slack
            finally:
                stop.set()
                await bot

    return running


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[FakeSlack]:
    """A workspace in which the bot runs."""
    async with workspace(FakeSlack()) as running:
        yield running


@pytest.fixture
async def alice(person: Person) -> User:
    """Alice of Slack, linked to an operator."""
    user = await in_database(person, "alice", "operators")
    await in_database(Identity.objects.create, slack_user_id=ALICE, slack_team_id=TEAM, user=user)
    return user


@pytest.fixture
def caller() -> Actor:
    """Somebody at the console, for what needs no rights."""
    return Actor(None, "somebody", Door.CONSOLE)
