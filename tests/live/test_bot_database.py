"""A bot whose PostgreSQL is dead, hangs or restarts: what it says, and that it comes back.

Slack takes an acknowledgement that comes after three seconds for none: the fake notes each.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.bench.bot import prepared, started
from tests.fakes.slack import ALICE, FakeSlack
from tests.live import databases, portals, servers

AWAY = "the database does not answer; try again in a few seconds"


@dataclass(frozen=True)
class Team:
    """A bot in a workspace, and its database."""

    slack: FakeSlack
    database: databases.PostgreSQL
    portal: portals.Portal
    ready: str

    async def recovers(self) -> None:
        """Wait until the bot says that it is ready."""
        await asyncio.to_thread(
            servers.until, lambda: httpx.get(self.ready).status_code == 200, "the bot is ready"
        )

    async def asks(self, line: str) -> str:
        """Mention the bot; return the first answer."""
        number = len(self.slack.posts)
        delivery = await self.slack.mention(ALICE, line)
        await delivery.acknowledged()
        await self.slack.posted(number + 1)
        return self.slack.posts[number].shown


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[Team]:
    with ExitStack() as stack:
        database = await asyncio.to_thread(stack.enter_context, databases.cluster())
        async with FakeSlack() as slack:
            portal = await asyncio.to_thread(prepared, tmp_path, slack, database=database.url)
            bot = await asyncio.to_thread(started, stack, portal, tmp_path, 1)
            try:
                yield Team(slack, database, portal, f"http://{bot.health}/readyz")
            finally:
                await asyncio.to_thread(stack.close)


async def test_it_says_that_the_database_is_away_and_is_back_with_it(team: Team) -> None:
    well = await team.asks("help version")
    await asyncio.to_thread(team.database.stop)
    assert AWAY in await team.asks("version")
    await asyncio.to_thread(team.database.start)
    await team.recovers()
    assert await team.asks("help version") == well
    await asyncio.to_thread(team.database.restart)
    await team.recovers()
    assert await team.asks("help version") == well
    with team.database.frozen():
        assert AWAY in await team.asks("version")
        assert AWAY in await team.asks("version")
    await team.recovers()
    assert await team.asks("help version") == well
    assert team.slack.violations == []


async def test_the_console_says_so_in_one_sentence(team: Team) -> None:
    with team.database.frozen(), pytest.raises(AssertionError) as ended:
        await asyncio.to_thread(
            team.portal.manage, "bot_console", "--user", "alice", said="version\n"
        )
    said = str(ended.value).strip().splitlines()
    assert said[-1] == AWAY
    assert "Traceback" not in str(ended.value)
