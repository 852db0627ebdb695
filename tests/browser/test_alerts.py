"""Alerts by keyboard: from one to the next, into one, and a filter that completes."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.async_api import expect

from tests.browser.conftest import Web, log_in
from tests.browser.test_filter import chosen, options
from tests.conftest import Person
from tests.dashboard.places import Place
from tests.fakes.prometheus import alert

ALERTS = "/sites/production/alerts/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators")


@pytest.fixture(autouse=True)
def some(place: Place) -> None:
    for number, severity in enumerate(("critical", "warning", "info")):
        labels = {"severity": severity, "job": "petstore", "disk": "a b"}
        texts = {"summary": f"number {number}"}
        place.prometheus.rule(f"Rule{number}", alert(f"Rule{number}", annotations=texts, **labels))


async def test_keys_go_from_alert_to_alert_and_into_one(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto(ALERTS)
        focused = page.locator(".alert .open:focus")
        await page.keyboard.press("j")
        await expect(focused).to_have_text("number 0")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await page.keyboard.press("j")  # there is no other
        await expect(focused).to_have_text("number 2")
        await page.keyboard.press("k")
        await expect(focused).to_have_text("number 1")

        await page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
        await expect(dialog).to_contain_text("next alert")
        await expect(dialog).to_contain_text("open the alert")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)

        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            re.compile("^Rule. is firing: number ")
        )
        await page.go_back()
        await expect(page.locator(".alert")).to_have_count(3)
        await page.keyboard.press("/")
        await expect(page.locator("#q")).to_be_focused()


async def test_the_filter_completes_names_and_values(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto(ALERTS)
        line = page.get_by_role("combobox", name="Filter")
        await line.focus()
        await page.keyboard.type("sever")
        await expect(options(page)).to_have_text(["severity="])
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(line).to_have_value("severity=")
        await expect(options(page)).to_have_text(["critical", "info", "warning"])
        await page.keyboard.type("cr")
        await page.keyboard.press("ArrowDown")
        await expect(chosen(page)).to_have_text("critical")
        await page.keyboard.press("Tab")
        await expect(line).to_have_value("severity=critical ")

        await page.keyboard.type("disk!=a")
        await expect(options(page)).to_have_text(["a b"])
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(line).to_have_value('severity=critical disk!="a b" ')
        await page.keyboard.type("summ")
        await expect(options(page)).to_have_text([re.compile("^summary=")])
        await page.keyboard.press("Escape")
        await page.keyboard.press("Control+A")
        await page.keyboard.type("crit")
        await expect(options(page)).to_have_text([re.compile("critical severity")])
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Enter")
        await expect(page.locator(".alert")).to_have_count(1)


async def test_a_label_is_added_to_the_filter_that_is_there(
    web: Web, place: Place, olga: User
) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto(f"{ALERTS}?q=critical")
        await page.get_by_role("link", name="job=petstore").first.click()
        await expect(page).to_have_url(re.compile(r"\?q=critical%20job%3Dpetstore"))
        await expect(page.locator(".alert")).to_have_count(1)


async def test_another_grouping_is_shown_at_once(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto(f"{ALERTS}?q=firing")
        await page.get_by_label("Group by").select_option("job")
        await expect(page.locator(".alerts h2")).to_have_count(1)
        await expect(page).to_have_url(re.compile(r"q=firing&by=job"))
