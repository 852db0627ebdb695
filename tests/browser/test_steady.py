"""Nothing moves under a press, or under what somebody types."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from django.contrib.auth.models import User
from playwright.async_api import Locator, Page, Route, expect
from pytest_django import Settings

from ops.database import in_database
from ops.incidents.actions import add_note, open_incident
from tests.browser.conftest import Web, log_in
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place
from tests.watch.conftest import watching

pytestmark = pytest.mark.django_db(transaction=True)
INCIDENT = "/sites/production/incidents/1/"
CAUSES = "**/incidents/1/traces/**"
TALL = "<h2>Its traces</h2>" + "<p>petstore fails</p>" * 30


@pytest.fixture
def mia(person: Person) -> User:
    return person("mia", "operators")


@pytest.fixture(autouse=True)
async def incident(settings: Settings, place: Place, person: Person, mia: User) -> None:
    settings.POLL_SECONDS = 1.0
    await in_database(person, "olga", "operators")
    await open_incident(actor_of(mia), title="Slow", services=["petstore"], site="production")


async def press(page: Page, button: Locator) -> None:
    """Press the mouse's button on something, and keep it down."""
    await button.scroll_into_view_if_needed()
    box = await button.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()


async def is_live(page: Page) -> None:
    await expect(page.locator("#live .state")).to_have_text("Live")


async def is_told(page: Page, mia: User) -> None:
    """Change the page, and wait until it has taken in a rendering that was begun after that."""
    await add_note(actor_of(mia), text="one line\n" * 9, number=1, site="production")
    as_of = page.locator("#live .as-of")
    for _ in range(2):
        before = await as_of.text_content() or ""
        await expect(as_of).not_to_have_text(before)


async def test_a_press_reaches_its_button_though_the_page_changes_meanwhile(
    web: Web, mia: User
) -> None:
    async with watching(), web.open() as page:
        await log_in(page)
        await page.goto(INCIDENT)
        await is_live(page)
        await page.get_by_label("Add a note").fill("rolled back")
        await press(page, page.get_by_role("button", name="Add", exact=True))
        await is_told(page, mia)
        await page.mouse.up()
        story = page.locator(".story")
        await expect(story).to_contain_text("rolled back")
        await expect(story).to_contain_text("one line")


async def test_what_was_held_back_is_shown_after_a_press_that_does_nothing(
    web: Web, mia: User
) -> None:
    async with watching(), web.open() as page:
        await log_in(page)
        await page.goto(INCIDENT)
        await is_live(page)
        await press(page, page.locator("h1"))
        await is_told(page, mia)
        await expect(page.locator(".story")).not_to_contain_text("one line")
        await page.mouse.up()
        await expect(page.locator(".story")).to_contain_text("one line")


async def test_a_press_without_an_end_does_not_make_the_page_old(web: Web, mia: User) -> None:
    async with watching(), web.open() as page:
        await page.clock.install()
        await log_in(page)
        await page.goto(INCIDENT)
        await is_live(page)
        await press(page, page.locator("h1"))
        await is_told(page, mia)
        await page.clock.fast_forward(30_000)
        await expect(page.locator(".story")).to_contain_text("one line")


@asynccontextmanager
async def slow_piece(page: Page) -> AsyncIterator[None]:
    """Hold back what the page loads later, and let it come, which takes much room, at the end."""
    let = asyncio.Event()

    async def answer(route: Route) -> None:
        await let.wait()
        await route.fulfill(content_type="text/html", body=TALL)

    await page.route(CAUSES, answer)
    yield
    async with page.expect_response(CAUSES) as coming:
        let.set()
    await (await coming.value).finished()


async def test_a_press_reaches_its_button_though_a_piece_arrives_meanwhile(web: Web) -> None:
    async with web.open() as page:
        await log_in(page)
        async with slow_piece(page):
            await page.goto(INCIDENT)
            await page.get_by_label("Add a note").fill("rolled back")
            await press(page, page.get_by_role("button", name="Add", exact=True))
        await page.evaluate("() => new Promise((done) => setTimeout(done))")
        await page.mouse.up()
        await expect(page.locator(".story")).to_contain_text("rolled back")


@pytest.mark.parametrize("height", [300, 500])
async def test_a_field_stays_where_it_is_though_a_piece_arrives_above_it(
    web: Web, height: int
) -> None:
    """In a window in which the field was scrolled to, and in one that showed it already."""
    async with web.open(viewport={"width": 1280, "height": height}) as page:
        await log_in(page)
        field = page.get_by_label("Add a note")
        async with slow_piece(page):
            await page.goto(INCIDENT)
            await field.fill("rolled")
            before = await field.bounding_box()
        await expect(page.locator("#causes h2")).to_be_visible()
        assert before is not None
        assert await field.bounding_box() == before
