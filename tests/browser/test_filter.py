"""The filter by keyboard: completion, line and fields in step, recent searches."""

import asyncio
import re

import pytest
from django.contrib.auth.models import User
from playwright.async_api import Locator, Page, expect

from opsportal.dashboard import recents
from tests.browser.conftest import Web, log_in
from tests.conftest import Person
from tests.dashboard.places import Place
from tests.fakes.jaeger import span, trace

TRACES = "/sites/production/traces/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators")


async def show(page: Page, place: Place, line: str = "error") -> Locator:
    """Log in, search, and put the caret behind the line; returns the line."""
    query = span("store", "GET /pets", children=[span("store", 'say "hi"')])
    place.jaeger.add(trace(span("petstore", "SearchPets", children=[query])))
    await log_in(page)
    await page.goto(f"{TRACES}?q={line}")
    field = page.get_by_role("combobox", name="Filter")
    await field.focus()
    await page.keyboard.press("End")
    return field


def options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option")


def chosen(page: Page) -> Locator:
    return options(page).and_(page.locator("[aria-selected=true]"))


async def test_words_services_and_operations_complete(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        line = await show(page, place)
        await page.keyboard.type(" serv")
        await expect(options(page)).to_have_text([re.compile("^service=")])
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(line).to_have_value("error service=")
        await expect(options(page)).to_have_text(["petstore", "store"])
        await page.keyboard.type("st")
        await page.keyboard.press("ArrowDown")
        await expect(chosen(page)).to_have_text("store")
        await page.keyboard.press("Tab")
        await expect(line).to_have_value("error service=store ")

        await page.keyboard.type("operation=get")
        await expect(options(page)).to_have_text(["GET /pets"])
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Enter")
        await expect(line).to_have_value('error service=store operation="GET /pets" ')
        await page.keyboard.type("operation=hi")
        await expect(options(page)).to_have_text(['say "hi"'])
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(line).to_have_value(re.compile(r'operation="say \\"hi\\"" $'))
        await expect(line).to_be_focused()


async def test_enter_with_nothing_chosen_searches(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place)
        await page.keyboard.press("Control+A")
        await page.keyboard.type("error=false last=3")
        await expect(options(page)).to_have_text(["3h"])
        await page.keyboard.type("h")
        await page.keyboard.press("Enter")

        await expect(page).to_have_url(re.compile(r"\?q=error%3Dfalse\+last%3D3h$"))
        await expect(page.locator("h1")).to_have_text("1 trace, none failed")


async def test_escape_closes_and_keeps_what_was_typed(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        line = await show(page, place)
        await page.keyboard.type(" las")
        await expect(line).to_have_attribute("aria-expanded", "true")
        await page.keyboard.press("Escape")
        await expect(line).to_have_attribute("aria-expanded", "false")
        await expect(line).to_have_value("error las")
        await expect(page.locator("#slip")).to_contain_text('without "las"')
        await page.keyboard.type("t=1d")

        await expect(page.locator("#slip")).to_have_text("")
        await expect(line).to_have_attribute("aria-invalid", "false")


async def test_a_word_in_the_middle_is_replaced(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        line = await show(page, place, "last%3D1h+error")
        await page.keyboard.press("Home")
        for _ in "last=1h":
            await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Backspace")
        await page.keyboard.press("Backspace")
        await page.keyboard.type("2")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")

        await expect(line).to_have_value("last=2d error")
        assert await line.evaluate("line => line.selectionStart") == len("last=2d ")


async def test_the_mouse_chooses_too(web: Web, place: Place, olga: User) -> None:
    async with web.open(has_touch=True, viewport={"width": 390, "height": 844}) as page:
        line = await show(page, place)
        await page.keyboard.type(" las")
        await options(page).filter(has_text="last=").click()
        await options(page).filter(has_text="15m").tap()

        await expect(line).to_have_value("error last=15m ")
        await expect(line).to_be_focused()


async def test_thousands_of_names_are_a_short_list(web: Web, place: Place, olga: User) -> None:
    many = [span("petstore", f"step {number}") for number in range(3_000)]
    place.jaeger.add(trace(span("petstore", "Many", children=many)))

    async with web.open() as page:
        line = await show(page, place)
        await page.keyboard.type(" operation=step")
        await expect(options(page)).to_have_count(12)
        await page.keyboard.type(" 2999")
        await page.keyboard.press("Escape")
        await page.keyboard.press("Home")
        await page.keyboard.press("End")

        await expect(line).to_have_value("error operation=step 2999")
        assert place.jaeger.methods().count("GetOperations") == 1


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
async def test_the_fields_follow_the_line(web: Web, place: Place, olga: User, zone: str) -> None:
    async with web.open(timezone_id=zone) as page:
        await show(page, place)
        await page.get_by_text("Fields…").click()
        line = page.get_by_role("combobox", name="Filter")
        await line.fill("operation=Query min=100ms last=45m")
        await expect(page.get_by_label("Operation")).to_have_value("Query")
        await expect(page.get_by_label("Span at least")).to_have_value("100ms")
        await expect(page.get_by_label("Window")).to_have_value("45m")
        await expect(page.get_by_label("Tags")).to_have_value("")
        await line.fill("from=2026-11-24T14:20:51+05:30")

        await expect(page.get_by_label("or from")).to_have_value("2026-11-24T08:50:51Z")
        await expect(page.get_by_label("to", exact=True)).to_have_value("now")
        await expect(page.get_by_label("Window")).to_have_value("")
        await expect(line).to_have_value("from=2026-11-24T14:20:51+05:30")


async def test_the_line_follows_the_fields(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        line = await show(page, place, "service%3Dpetstore+error+last%3D2h")
        await page.get_by_text("Fields…").focus()
        await page.keyboard.press("Enter")
        least = page.get_by_label("Span at least")
        await least.focus()
        await page.keyboard.type("10")
        await expect(page.get_by_text('"10" is not a duration')).to_be_visible()
        await expect(least).to_have_attribute("aria-invalid", "true")
        await expect(line).to_have_value("service=petstore error last=2h")
        await page.keyboard.type("ms")
        await expect(line).to_have_value("service=petstore error min=10ms last=2h")
        await expect(least).to_have_attribute("aria-invalid", "false")
        await page.get_by_label("or from").focus()
        await page.keyboard.type("now-3h")
        await expect(line).to_have_value("service=petstore error min=10ms last=3h")
        await page.get_by_label("to", exact=True).focus()
        await page.keyboard.type("now-1h")
        await expect(line).to_have_value("service=petstore error min=10ms from=now-3h to=now-1h")
        await page.get_by_label("Window").select_option("6h")

        await expect(line).to_have_value("service=petstore error min=10ms last=6h")
        await expect(page.get_by_label("or from")).to_have_value("")


async def test_what_was_typed_last_is_sent(web: Web, place: Place, olga: User) -> None:
    """Even where the other view has not followed, because it cannot or not yet."""
    async with web.open() as page:
        line = await show(page, place)
        await page.route("**/step/**", lambda route: route.abort())
        await page.get_by_text("Fields…").click()
        await page.get_by_label("Span at least").fill("soon")
        await page.get_by_role("button", name="Search", exact=True).click()
        await expect(page.locator("h1")).to_have_text("Invalid search")
        await expect(page.get_by_label("Span at least")).to_have_value("soon")

        await line.fill("error=false")
        await page.get_by_role("button", name="Search fields").click()
        await expect(page.locator("h1")).to_have_text("1 trace, none failed")
        await expect(line).to_have_value("error=false")


async def test_an_answer_that_comes_late_changes_nothing(
    web: Web, place: Place, olga: User
) -> None:
    async with web.open() as page:
        line = await show(page, place)
        await page.get_by_text("Fields…").click()
        async with page.expect_request("**/step/**") as first:
            await page.route("**/step/**", lambda route: None, times=1)
            await line.fill("min=1ms")
        await first.value
        await line.fill("min=2ms")

        await expect(page.get_by_label("Span at least")).to_have_value("2ms")
        await expect(line).to_have_value("min=2ms")


async def test_the_fields_suggest_the_operations_of_their_service(
    web: Web, place: Place, olga: User
) -> None:
    async with web.open() as page:
        await show(page, place)
        await page.get_by_text("Fields…").click()
        await page.get_by_label("Service").fill("store")
        await page.get_by_label("Operation").focus()

        await expect(page.locator("#operations option")).to_have_count(2)


async def test_what_one_sent_comes_back(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        line = await show(page, place)
        for sent in ("error last=2h", "min=1ms last=3h"):
            await line.fill(sent)
            await line.press("Enter")
            await expect(page).to_have_url(re.compile(sent[-2:]))
            await expect(page.locator("h1")).to_be_visible()
            await asyncio.gather(*recents.writing)
        await page.get_by_role("link", name="Versions", exact=True).click()
        await expect(page.locator("h1")).to_contain_text("version")
        await page.wait_for_load_state("networkidle")
        await page.get_by_role("link", name="Traces", exact=True).click()
        await expect(page.locator("h1")).to_contain_text("trace")
        await page.wait_for_load_state("networkidle")  # htmx may still settle, and move the focus
        await line.focus()
        await page.keyboard.press("ArrowDown")
        await expect(options(page)).to_have_text(["min=1ms last=3h", "error last=2h"])
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(line).to_have_value("error last=2h ")
        await page.keyboard.press("Control+A")
        await page.keyboard.press("Delete")
        await expect(options(page)).to_have_count(2)
        await page.keyboard.press("Escape")

        await page.get_by_text("Recent").click()
        await page.get_by_role("button", name="Clear all").click()
        await expect(page.get_by_text("Recent")).to_have_count(0)


async def test_recent_searches_need_no_javascript(web: Web, place: Place, olga: User) -> None:
    async with web.open(java_script_enabled=False) as page:
        await log_in(page)
        await page.goto(TRACES)
        await page.get_by_label("Filter").fill("error last=2h")
        await page.get_by_role("button", name="Search", exact=True).click()
        await expect(page.get_by_label("Filter")).to_have_value("error last=2h")
        await expect(page).to_have_url(re.compile("last"))
        await asyncio.gather(*recents.writing)
        await page.get_by_role("link", name="Traces", exact=True).click()
        await page.get_by_text("Recent").click()
        await page.get_by_role("link", name="error last=2h").click()
        await expect(page.get_by_label("Filter")).to_have_value("error last=2h")
        await page.get_by_text("Recent").click()
        await page.get_by_role("button", name="Clear all").click()

        await expect(page.get_by_text("Recent")).to_have_count(0)
        await expect(page.get_by_label("Filter")).to_have_value("error last=2h")


async def test_hostile_names_are_only_text(web: Web, place: Place, olga: User) -> None:
    hostile = '<img src=x onerror=violated("ran")>\u202e'
    place.jaeger.add(trace(span(hostile, hostile)))

    async with web.open() as page:
        await show(page, place)
        await page.keyboard.type(" service=<img")
        await expect(options(page)).to_contain_text(["onerror"])
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")

        await expect(page.locator("main img")).to_have_count(0)
