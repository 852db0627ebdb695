"""A workspace with cards."""

from collections.abc import AsyncIterator

import pytest

from tests.bot.conftest import Workspace
from tests.fakes.slack import BOB, FakeSlack, person


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[FakeSlack]:
    """A workspace with the bot running, and with Bob besides Alice."""
    fake = FakeSlack()
    fake.users[BOB] = person(BOB, "bob")
    async with workspace(fake):
        yield fake
