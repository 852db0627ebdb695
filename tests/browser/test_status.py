"""An open overview shows the bot's status without being reloaded."""

import pytest
from django.db.transaction import atomic
from playwright.async_api import expect

from bot.models import BotProcess
from ops.database import in_database
from tests.browser.conftest import Web, log_in
from tests.conftest import Person
from tests.dashboard.test_status import answers_are_lost, bot_runs

pytestmark = pytest.mark.django_db(transaction=True)


@atomic()  # an overview drawn in between would show no bot, and lose the link that has the focus
def bot_is_gone() -> None:
    BotProcess.objects.all().delete()
    bot_runs(seconds_ago=40)


async def test_an_open_overview_notices_that_the_bot_is_gone(web: Web, person: Person) -> None:
    await in_database(person, "olga", "operators")
    await in_database(bot_runs)
    await in_database(answers_are_lost, 2)
    async with web.open() as page:
        await log_in(page)
        await page.goto("/sites/production/")
        await expect(page.get_by_text("Slack: 2 connections, last seen")).to_be_visible()
        link = page.get_by_role("link", name="C1")
        await link.focus()

        await in_database(bot_is_gone)

        gone = page.get_by_text("the bot host:1:aa is gone: messages are not being answered")
        await expect(gone).to_be_visible()
        await expect(link).to_be_focused()
