"""The slider of the sampling form, which needs no typing on a phone, and the effect that it has."""

import asyncio

import pytest
from playwright.async_api import Route, expect

from ops.database import in_database
from tests.browser.conftest import Web, log_in
from tests.conftest import Person
from tests.dashboard.places import Place

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLING = "/sites/production/sampling/"


async def test_it_fills_the_fields_in_and_follows_them(
    web: Web, ceiling: Place, person: Person
) -> None:
    await in_database(person, "olga", "operators")
    async with web.open(viewport={"width": 390, "height": 844}) as page:
        await log_in(page)
        await page.goto(SAMPLING)
        slider = page.get_by_role("slider", name="Share of traces")
        strategy, rate = page.get_by_label("Strategy"), page.get_by_role("textbox", name="Rate")

        await slider.press("End")
        await expect(strategy).to_have_value("always")
        await expect(page.get_by_text("about 200 traces/s")).to_be_visible()
        await slider.press("ArrowLeft")
        await expect(strategy).to_have_value("rate")
        await expect(rate).to_have_value("50%")
        await expect(page.get_by_text("about 100 traces/s")).to_be_visible()

        await rate.fill("0.02")
        await expect(slider).to_have_value("5")
        await expect(slider).to_have_attribute("aria-valuetext", "0.02")
        await slider.press("Home")
        await expect(strategy).to_have_value("never")
        await strategy.select_option("rate")
        await expect(slider).to_have_value("5")
        await rate.fill("5/s")
        await expect(slider).to_have_attribute("aria-valuetext", "5/s")
        await expect(rate).to_have_value("5/s")


async def test_the_effect_is_that_of_the_last_choice(
    web: Web, ceiling: Place, person: Person
) -> None:
    """Also if what was asked for first, when the page came, is answered last."""
    await in_database(person, "olga", "operators")
    let, held = asyncio.Event(), asyncio.Event()

    async def answer(route: Route) -> None:
        if not held.is_set():
            held.set()
            await let.wait()
        await route.continue_()

    async with web.open() as page:
        await log_in(page)
        await page.route("**/effect/**", answer)
        await page.goto(SAMPLING)
        await held.wait()
        await expect(page.locator("#live .state")).to_have_text("Live")
        await page.get_by_label("Strategy").select_option("always")
        await expect(page.get_by_text("about 200 traces/s")).to_be_visible()
        async with page.expect_event("requestfinished", lambda each: "/effect/" in each.url):
            let.set()
        await page.evaluate("() => new Promise((done) => setTimeout(done))")
        await expect(page.get_by_text("about 200 traces/s")).to_be_visible()
