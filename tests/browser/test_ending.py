"""A timed change counts down by the server's clock, and can last longer."""

import re

import pytest
from playwright.async_api import expect

from ops.database import in_database
from ops.sampling import actions as sampling
from ops.sampling.terms import Term
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, rate
from tests.browser.conftest import Web, log_in
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place
from tests.sampling.test_timed import time_passes

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLING = "/sites/production/sampling/"


async def test_it_counts_down_and_lasts_fifteen_minutes_longer(
    web: Web, place: Place, person: Person
) -> None:
    olga = actor_of(await in_database(person, "olga", "operators"))
    await sampling.change_policy(olga, policy=rate(0.1), site="production")
    term = Term(20 * timerange.MINUTE)
    await sampling.change_policy(olga, policy=ALWAYS, site="production", term=term)
    async with web.open() as page:
        await page.route_web_socket("**/live/**", lambda _: None)  # it counts down by itself
        await page.clock.install()
        await log_in(page)
        await page.goto(SAMPLING)
        left = page.locator(".sub time[data-age=left]").first
        await expect(left).to_have_text(re.compile("in 1[89] min"))
        await expect(left).to_have_attribute("aria-live", "off")
        await page.clock.run_for(120_000)
        await expect(left).to_have_text(re.compile("in 1[67] min"))
        more = page.get_by_role("button", name="15 minutes more")
        await expect(more).to_have_count(0)
        await page.goto("/sites/production/versions/")
        await expect(page.locator(".ending")).to_be_hidden()
        await page.clock.run_for(17 * 60_000)
        await expect(page.locator(".ending")).to_be_visible()
        await expect(page.locator(".ending")).to_contain_text("petstore returns to 10% in ")

        await time_passes(minutes=17)
        await page.goto(SAMPLING)
        await expect(page.locator(".ending")).to_contain_text(
            re.compile("petstore returns to 10% in [12] min")
        )
        await more.click()
        await expect(page.locator("h1")).to_contain_text("petstore is always sampled until")
        await expect(more).to_have_count(0)
        await expect(page.locator(".notice.ok")).to_contain_text(re.compile("Ends in 1[67] min"))

        await page.get_by_role("button", name="Return to 10% now").click()
        await expect(page.locator("h1")).to_have_text(
            "petstore is sampled at 10% on 2 of 2 instances"
        )
        await page.get_by_role("button", name=re.compile("Go back to always")).first.click()
        await expect(page.locator("h1")).to_contain_text("petstore is always sampled until")


async def test_without_scripts_the_end_is_shown(web: Web, place: Place, person: Person) -> None:
    olga = actor_of(await in_database(person, "olga", "operators"))
    await sampling.change_policy(olga, policy=rate(0.1), site="production")
    term = Term(20 * timerange.MINUTE)
    made = await sampling.change_policy(olga, policy=ALWAYS, site="production", term=term)
    assert made.until
    async with web.open(java_script_enabled=False) as page:
        await log_in(page)
        await page.goto(SAMPLING)
        end = f"returns to 10% at {made.until:%H:%M:%S} UTC"
        await expect(page.locator(".sub").first).to_contain_text(end)
