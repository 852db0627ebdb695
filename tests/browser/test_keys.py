"""Keys on every page: one to search, one that lists them all."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.async_api import expect

from tests.browser.conftest import Web, log_in
from tests.browser.test_waterfall import search
from tests.conftest import Person
from tests.dashboard.places import Place
from tests.fakes.jaeger import trace

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators")


async def test_every_page_has_a_key_to_search_and_one_that_lists_the_keys(
    web: Web, place: Place, olga: User
) -> None:
    trace_id = place.jaeger.add(trace(search()))
    site = "/sites/production/"
    traces = f"{site}traces/{trace_id}/"

    async with web.open() as page:
        await log_in(page)
        await page.goto("/")
        for address in (
            site, f"{site}traces/", traces, f"{traces}logs/", f"{traces}usual/", f"{site}alerts/",
            f"{site}versions/", f"{site}sampling/", "/account/", "/account/slack/",
            f"{site}traces/{'ab' * 16}/",
        ):  # fmt: skip
            await page.goto(address)
            await expect(page.locator(".tools[hidden]")).to_have_count(0)

            await page.keyboard.press("?")
            dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
            await expect(dialog.get_by_role("rowheader", name="/", exact=True)).to_have_count(1)
            await expect(dialog.get_by_role("rowheader", name="?", exact=True)).to_have_count(1)
            await page.keyboard.press("Escape")
            await expect(dialog).to_have_count(0)

            await page.keyboard.press("/")
            focused = page.locator("main input:focus, main [role=search] input:focus")
            await expect(focused).to_have_count(1)
            await page.keyboard.type("a/?")  # now they are letters
            await expect(focused).to_have_value(re.compile(r"a/\?$"))


async def test_keys_of_a_trace_end_with_its_page(web: Web, place: Place, olga: User) -> None:
    trace_id = place.jaeger.add(trace(search()))

    async with web.open() as page:
        await log_in(page)
        await page.goto(f"/sites/production/traces/{trace_id}/")
        await expect(page.get_by_role("treegrid")).to_be_visible()
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_contain_text("next and previous error")
        await page.keyboard.press("Escape")

        await page.get_by_role("link", name="Sampling", exact=True).click()
        await expect(page.get_by_role("treegrid")).to_have_count(0)
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_contain_text("keyboard shortcuts")
        await expect(page.get_by_role("dialog")).not_to_contain_text("next and previous error")
