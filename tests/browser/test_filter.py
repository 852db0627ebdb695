"""The filter in a browser: fields and line in step, and what could come next, by keys."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.async_api import Page, expect

from tests.browser.conftest import Web, log_in
from tests.browser.test_walk import something_failed
from tests.conftest import Person
from tests.dashboard.places import Place

SEARCH = "/sites/production/traces/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators")


async def begin(page: Page, place: Place) -> None:
    something_failed(place)
    await log_in(page)
    await page.goto(SEARCH)
    await page.get_by_label("Filter").fill("")


async def test_keys_alone_write_a_line(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await begin(page, place)
        line = page.get_by_label("Filter")
        await line.press_sequentially("serv")
        await expect(page.locator("#suggestions li")).to_have_text(["service="])
        await line.press("ArrowDown")
        await line.press("Enter")
        await expect(line).to_have_value("service=")
        await expect(page.locator("#suggestions li")).to_have_text(
            ["service=petstore", "service=store"]
        )
        await line.press("ArrowUp")
        await expect(page.locator("#suggestions [aria-selected]")).to_have_text("service=store")
        await line.press("Tab")
        await expect(line).to_have_value("service=store ")
        await line.press_sequentially("operation=q")
        await expect(page.locator("#suggestions li")).to_have_text(["operation=store.Query"])
        await line.press("Escape")
        await expect(page.get_by_role("listbox")).to_be_hidden()
        await line.press_sequentially("x")
        await line.press("Backspace")
        await page.get_by_role("option", name="operation=store.Query").click()
        await line.press("Enter")

        await expect(page.locator("h1")).to_have_text("1 trace, 1 failed")
        await expect(page).to_have_url(re.compile(r"\?q=service%3Dstore\+operation%3Dstore.Query"))


async def test_what_was_sent_is_offered_in_an_empty_line(
    web: Web, place: Place, olga: User
) -> None:
    async with web.open() as page:
        await begin(page, place)
        await page.get_by_label("Filter").fill("error last=2h")
        await page.get_by_label("Filter").press("Enter")
        await expect(page.locator("h1")).to_have_text("1 trace, 1 failed")
        line = page.get_by_label("Filter")
        await line.fill("")
        await expect(page.locator("#suggestions li")).to_have_text(["error last=2h"])
        await line.press("ArrowDown")
        await line.press("Enter")
        await expect(line).to_have_value("error last=2h")

        await page.locator("summary", has_text="Recent").click()
        await page.get_by_role("button", name="Forget these").click()
        await expect(page.locator("summary", has_text="Recent")).to_have_count(0)


async def test_fields_and_line_stay_in_step(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await begin(page, place)
        await page.locator("summary", has_text="Fields").click()
        line, fields = page.get_by_label("Filter"), page.locator(".fields")
        await fields.get_by_label("Service").fill("store")
        await fields.get_by_label("Span at least").fill("100ms")
        await expect(line).to_have_value(re.compile(r"service=store min=100ms"))
        await line.fill('operation="GET /" error last=5h')
        await expect(fields.get_by_label("Operation")).to_have_value("GET /")
        await expect(fields.get_by_label("Window")).to_have_value("5h")
        await expect(fields.get_by_label("Span at least")).to_have_value("")


async def test_what_is_wrong_is_said_while_one_types(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await begin(page, place)
        await page.locator("summary", has_text="Fields").click()
        await page.get_by_label("Span at most").fill("soon")
        await expect(page.locator(".field.wrong")).to_contain_text("is not a duration")
        await page.get_by_label("Span at most").fill("2s")
        await expect(page.locator(".field.wrong")).to_have_count(0)
        line = page.get_by_label("Filter")
        await line.fill("servic=x")
        await expect(page.locator(".search > .problem")).to_contain_text('did you mean "service"?')
        await expect(line).to_have_value("servic=x")
        await line.fill("error")
        await expect(page.locator(".search > .problem")).to_be_hidden()


async def test_the_searches_of_before_need_no_script(web: Web, place: Place, olga: User) -> None:
    async with web.open(java_script_enabled=False) as page:
        await begin(page, place)
        await page.get_by_label("Filter").fill("error last=2h")
        await page.get_by_role("button", name="Search", exact=True).click()
        await page.goto(SEARCH)
        await page.locator("summary", has_text="Recent").click()
        await page.get_by_role("link", name="error last=2h").click()

        await expect(page.locator("h1")).to_have_text("1 trace, 1 failed")
