"""A change above the ceiling, by two people in two browsers."""

import pytest
from playwright.async_api import expect

from ops.database import in_database
from tests.browser.conftest import Web, log_in
from tests.conftest import Person
from tests.dashboard.places import Place

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLING = "/sites/production/sampling/"


async def test_one_asks_and_another_approves(web: Web, ceiling: Place, person: Person) -> None:
    await in_database(person, "olga", "operators", "auditors")
    await in_database(person, "ada", "approvers")
    async with web.open() as asker, web.open() as other:
        await log_in(asker)
        await log_in(other, "ada")
        await other.goto(SAMPLING)
        await expect(other.locator("#live .state")).to_have_text("Live")

        await asker.goto(SAMPLING)
        await asker.get_by_label("Strategy").select_option("always")
        await asker.get_by_label("Reason").fill("slow searches")
        over = "Over petstore's ceiling of 50 traces/s: about 200 traces/s. Somebody else"
        await expect(asker.get_by_text(f"{over} has to approve this change.")).to_be_visible()
        await asker.get_by_role("button", name="Preview change").click()
        await asker.get_by_role("button", name="Ask for approval of always").click()

        heading = "Waiting for approval: sampling of petstore from unknown to always"
        await expect(asker.locator("h1")).to_have_text(heading)
        await expect(asker.get_by_role("button", name="Withdraw")).to_be_visible()
        await expect(asker.get_by_role("button", name="Approve")).to_have_count(0)
        await expect(asker.locator("#live .state")).to_have_text("Live")
        await asker.evaluate("window.stays = true")
        assert ceiling.first.told == []

        await other.get_by_role("link", name="petstore: unknown → always").click()
        await expect(other.locator("h1")).to_have_text(heading)
        await expect(
            other.get_by_text(f"{over} with the right to approve has 10 minutes.")
        ).to_be_visible()
        await other.get_by_role("button", name="Approve for 2 instances").click()

        made = "Sampling of petstore was changed to always on 2 of 2 instances"
        for page in (other, asker):
            await expect(page.locator("h1")).to_have_text(made)
            await expect(page.locator(".sub")).to_contain_text("approved by ada")
        assert await asker.evaluate("window.stays"), "it has followed without a reload"
        assert ceiling.first.told == ceiling.second.told == [("STAlways", 0.0)]

        await asker.goto("/audit/")
        rows = asker.locator("table.audit tbody tr")
        await expect(rows).to_have_count(3)
        await expect(rows.nth(2)).to_contain_text("olga")
        await expect(rows.nth(2)).to_contain_text("requests.ask_approval")
        await expect(rows.nth(0)).to_contain_text("ada")
        await expect(rows.nth(0)).to_contain_text("sampling.approve_change")
        await expect(rows.nth(0)).to_contain_text("asked_by=olga")
