"""Linking a Slack account, as people do it: with a click, and on the keyboard."""

import pytest
from playwright.async_api import expect

from ops.accounts.account import SlackAccount
from ops.accounts.actions import give_code
from ops.actor import Actor, Door
from ops.database import in_database
from tests.browser.conftest import Web, log_in
from tests.browser.test_looks import LOOKS, WIDTHS, found_amiss
from tests.conftest import Person

ALICE = SlackAccount("T0ACME001", "U0ALICE01", "alice", "Acme")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("look", WIDTHS)
async def test_it_is_entered_confirmed_and_taken_back(web: Web, person: Person, look: str) -> None:
    await in_database(person, "olga")
    alice = Actor(None, "alice", Door.SLACK, origin={"slack_user": ALICE.user_id})
    code = (await in_database(give_code, alice, account=ALICE)).shown
    found: list[str] = []
    async with web.open(**LOOKS[look]) as page:
        await log_in(page)
        await page.goto(f"/account/slack/?code={code[:-1]}")
        await page.get_by_label("Code").press("Enter")
        await expect(page.get_by_text("a code is eight letters")).to_be_visible()
        found += await found_amiss(page, "a wrong code")
        await page.get_by_label("Code").fill(code)
        await page.get_by_role("button", name="Check code").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "Link alice to your account?"
        )
        found += await found_amiss(page, "the question")
        await page.get_by_role("button", name="Link this account").click()
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_have_text("1 Slack account linked")
        found += await found_amiss(page, "one account")
        await page.get_by_role("button", name="Unlink alice").click()
        await expect(heading).to_have_text("No Slack account linked")
    assert not found, "\n".join(found)
