"""One trace in the browser: keys, search, collapsing, zoom, details, whatever the names are."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Web, log_in
from tests.conftest import Person
from tests.dashboard.places import Place
from tests.fakes.jaeger import MILLISECOND, Planned, span, trace

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ("Search", "Check", "Query", "SELECT 0", "SELECT 1", "SELECT 2", "retry")
HOSTILE = '<script>violated("ran")</script>\u202e"><img src=x onerror=violated("ran")>'


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators")


async def show(page: Page, place: Place, *roots: Planned) -> str:
    """Log in, open a trace of these spans, and wait for all its rows."""
    trace_id = place.jaeger.add(trace(*roots))
    await log_in(page)
    await page.goto(f"/sites/production/traces/{trace_id}/")
    await expect(page.get_by_role("treegrid")).to_be_visible()
    return trace_id


def search(start: int = 0) -> Planned:
    """A search of seven spans, one after the other; two failed. It starts now, or then."""
    start = start or time.time_ns()
    at = {name: start + number * 20 * MILLISECOND for number, name in enumerate(NAMES)}
    below = [span("store", name, start=at[name]) for name in NAMES[3:6]]
    below.append(
        span("store", "retry", start=at["retry"], error="deadline exceeded", tags={"attempt": 7})
    )
    query = span(
        "store", "Query", start=at["Query"], duration=120 * MILLISECOND,
        error="failed", children=below,
    )  # fmt: skip
    check = span("petstore", "Check", start=at["Check"])
    whole = 200 * MILLISECOND
    return span("petstore", "Search", start=start, duration=whole, children=[check, query])


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row", name=re.compile(rf"\b{name}\b")).first


async def test_it_goes_to_the_next_error_and_opens_what_hides_it(
    web: Web, place: Place, olga: User
) -> None:
    async with web.open() as page:
        await show(page, place, search())
        await page.keyboard.press("c")
        await expect(page.get_by_role("row")).to_have_count(1)
        await expect(row(page, "Search")).to_contain_text("6 spans below, 2 failed")

        await page.keyboard.press("e")
        await expect(row(page, "Query")).to_be_focused()
        await page.keyboard.press("e")
        await expect(row(page, "retry")).to_be_focused()
        await expect(page.locator("output.found")).to_have_text("error 2 of 2")
        await page.keyboard.press("e")
        await expect(row(page, "Query")).to_be_focused()
        await page.keyboard.press("E")
        await expect(row(page, "retry")).to_be_focused()


async def test_arrows_walk_and_fold_the_tree(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place, search())
        await page.keyboard.press("j")
        await expect(row(page, "Search")).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("j")
        await expect(row(page, "Query")).to_be_focused()
        await page.keyboard.press("ArrowLeft")
        await expect(row(page, "Query")).to_have_attribute("aria-expanded", "false")
        await expect(page.get_by_role("row")).to_have_count(3)
        await page.keyboard.press("ArrowLeft")
        await expect(row(page, "Search")).to_be_focused()
        await page.keyboard.press("x")
        await page.keyboard.press("End")
        await expect(row(page, "retry")).to_be_focused()
        await page.keyboard.press("ArrowLeft")
        await page.keyboard.press("ArrowRight")

        await expect(row(page, "SELECT 0")).to_be_focused()


async def test_a_span_opens_in_place(web: Web, place: Place, olga: User) -> None:
    async with web.open(permissions=["clipboard-read", "clipboard-write"]) as page:
        await show(page, place, search())
        await row(page, "retry").click()
        opened = row(page, "retry")
        await expect(opened).to_contain_text("deadline exceeded")
        await expect(page).to_have_url(re.compile(r"\?span=\w{16}#span-\w{16}$"))

        await page.clock.install()
        await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))  # it is said for a moment
        await opened.get_by_role("row", name="attempt").hover()
        await opened.get_by_role("button", name="Copy attempt").click()
        await expect(opened.get_by_text("copied")).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == "7"
        await page.clock.resume()

        await opened.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("deadline exceeded")).to_have_count(1)


async def test_a_link_to_a_span_opens_it(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place, search())
        await page.evaluate("window.sameDocument = true")
        await page.get_by_role("link", name="store retry").first.click()
        await expect(row(page, "retry")).to_be_focused()
        await expect(row(page, "retry")).to_contain_text("attempt")
        assert await page.evaluate("window.sameDocument")

        await expect(page).to_have_url(re.compile("#span-"))
        await page.reload()
        await expect(row(page, "retry")).to_contain_text("attempt")


async def test_what_failed_leads_to_its_details_on_a_phone(
    web: Web, place: Place, olga: User
) -> None:
    """They come after the row, below which there was no room to scroll."""
    async with web.open(viewport={"width": 390, "height": 844}) as page:
        await show(page, place, search())
        await page.get_by_role("link", name="store retry").click()
        tags = page.get_by_role("table", name="Tags")
        await expect(tags).to_be_in_viewport(ratio=1)
        await expect(row(page, "retry")).to_be_in_viewport()


async def test_it_finds_names_and_attributes(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place, search())
        await page.keyboard.press("/")
        field = page.get_by_label("Find in this trace")
        await expect(field).to_be_focused()
        await page.keyboard.type("select")
        status = page.locator("output.found")
        await expect(status).to_have_text("3 found")
        await page.keyboard.press("Enter")
        await expect(status).to_have_text("1 of 3")
        await page.get_by_label("matches").check()
        await expect(page.get_by_role("row")).to_have_count(5)

        await field.fill("attempt=7")
        await expect(status).to_have_text("1 found")
        await field.press("Escape")
        await expect(page.get_by_role("row")).to_have_count(7)


async def test_it_shows_only_errors_or_a_service(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place, search())
        await page.get_by_label("errors (2)").check()
        await expect(page.get_by_role("row")).to_have_count(3)
        await expect(row(page, "Search")).to_have_class(re.compile("aside"))
        await page.get_by_label("errors (2)").uncheck()
        await page.get_by_label("Only service").select_option("petstore")
        await expect(page.get_by_role("row")).to_have_count(2)


async def test_keys_are_letters_while_one_types(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place, search())
        await page.get_by_label("Find in this trace").press_sequentially("ex")

        await expect(page.get_by_label("Find in this trace")).to_have_value("ex")
        await expect(page.get_by_label("Find in this trace")).to_be_focused()


async def test_it_zooms_and_comes_back(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place, search())
        last = page.locator(".ruler span").last
        await expect(last).to_have_text("200 ms")
        await page.keyboard.press("j")
        await page.keyboard.press("End")
        await page.keyboard.press("z")
        await expect(last).to_have_text("+11 ms")
        await expect(row(page, "retry").locator("text")).to_have_text(re.compile("10 ms"))
        await page.keyboard.press("0")
        await expect(last).to_have_text("200 ms")

        ruler = await page.locator(".ruler p").bounding_box()
        assert ruler
        middle = ruler["y"] + ruler["height"] / 2
        await page.mouse.move(ruler["x"] + ruler["width"] / 4, middle)
        await page.mouse.down()
        await page.mouse.move(ruler["x"] + ruler["width"] / 2, middle, steps=3)
        await page.mouse.up()
        await expect(last).to_have_text(re.compile(r"^\+50(\.\d)? ms$"))
        await page.get_by_role("button", name="whole trace").click()
        await expect(last).to_have_text("200 ms")


async def test_few_of_many_rows_are_in_the_document(web: Web, place: Place, olga: User) -> None:
    many = [span("store", f"step{each}", error="last" if each == 2998 else None)
            for each in range(2999)]  # fmt: skip
    async with web.open(viewport={"width": 390, "height": 844}) as page:
        await show(page, place, span("petstore", "Many", children=many))
        assert await page.locator("*").count() < 3000
        await page.keyboard.press("e")
        await expect(row(page, "step2998")).to_be_focused()
        await expect(row(page, "step2998")).to_be_in_viewport()
        assert await page.locator("[role=row]").count() < 80

        fits = "document.documentElement.scrollWidth <= innerWidth"
        assert await page.evaluate(fits)


async def test_hostile_names_are_only_text(web: Web, place: Place, olga: User) -> None:
    hostile = span(HOSTILE, HOSTILE, tags={HOSTILE: HOSTILE}, error=HOSTILE, parent_id="bb" * 8)
    async with web.open() as page:
        await show(page, place, hostile)
        await page.keyboard.press("e")
        await page.keyboard.press("Enter")
        await expect(page.locator(".pairs").first).to_be_visible()

        await expect(page.locator("main img, main script")).to_have_count(0)
        await expect(page.get_by_text("parent missing")).to_be_visible()


async def test_it_comes_and_goes_with_the_page(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place, search())
        await page.get_by_role("link", name="Versions", exact=True).click()
        await expect(page.get_by_role("treegrid")).to_have_count(0)
        await page.keyboard.press("e")
        await page.go_back()
        await expect(page.get_by_role("treegrid")).to_be_visible()
        await page.keyboard.press("e")

        await expect(row(page, "Query")).to_be_focused()


async def test_a_failure_leaves_the_rows_of_the_server(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await page.route("**/rows/", lambda route: route.abort())
        trace_id = place.jaeger.add(trace(search()))
        await log_in(page)
        await page.goto(f"/sites/production/traces/{trace_id}/")

        await expect(page.get_by_role("alert")).to_contain_text("cannot reach the server")
        await expect(page.get_by_role("link", name="store retry").last).to_be_visible()


async def test_the_keys_are_written_down(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place, search())
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text(
            "next and previous error"
        )
        await page.keyboard.press("Escape")

        await expect(page.get_by_role("dialog")).to_be_hidden()
