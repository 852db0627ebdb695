"""Two browsers and the console see one acknowledgement at once."""

import asyncio

import pytest
from playwright.async_api import expect
from pytest_django import Settings

from bot import console
from ops.database import in_database
from tests.browser.conftest import Web, log_in
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place
from tests.fakes.prometheus import alert
from tests.watch.conftest import watching

pytestmark = pytest.mark.django_db(transaction=True)
ALERTS = "/sites/production/alerts/"


@pytest.fixture(autouse=True)
def slow(settings: Settings) -> None:
    settings.POLL_SECONDS = 60.0  # what is seen at once is not seen because of a poll


async def test_two_browsers_and_the_console_see_who_has_it_at_once(
    web: Web, place: Place, person: Person
) -> None:
    deep = (alert("QueueDeep", severity="page", pod=pod) for pod in ("one", "two"))
    place.prometheus.rule("QueueDeep", *deep)
    olga = actor_of(await in_database(person, "olga", "operators"))
    await in_database(person, "mia", "operators")
    async with watching(), web.open() as hers, web.open() as theirs:
        for page, name in ((hers, "mia"), (theirs, "olga")):
            await log_in(page, name)
            await page.goto(ALERTS)
            await expect(page.locator("#live .state")).to_have_text("Live")
        await theirs.get_by_role("link", name="QueueDeep").first.click()
        await expect(theirs.locator("h1")).to_have_text("QueueDeep is firing")
        await expect(theirs.locator("#live .state")).to_have_text("Live")

        await hers.get_by_role("button", name="I have it").click()

        await expect(hers.locator(".alerts h2 .chip.held")).to_have_text("mia has it")
        await expect(theirs.locator(".notice.held p")).to_contain_text("mia has all alerts")
        await expect(theirs.get_by_role("button", name="I have it")).to_have_count(0)
        said = await console.answer(olga, "alerts QueueDeep")
        assert "mia has it" in said.rows[0].below

        await theirs.get_by_role("button", name="Take over").click()

        await expect(hers.locator(".alerts h2 .chip.held")).to_have_text("olga has it")
        await expect(theirs.get_by_role("button", name="Give back")).to_be_visible()
        given = await console.answer(olga, "give back QueueDeep")
        assert not given.failed
        await expect(hers.get_by_role("button", name="I have it")).to_be_visible()
        await expect(theirs.get_by_role("button", name="I have it")).to_be_visible()


async def test_the_one_who_presses_second_reads_who_has_it(
    web: Web, place: Place, person: Person
) -> None:
    place.prometheus.rule("QueueDeep", alert("QueueDeep", severity="page"))
    for name in ("olga", "mia"):
        await in_database(person, name, "operators")
    async with watching(), web.open() as page, web.open() as other:
        for each, name in ((page, "olga"), (other, "mia")):
            await each.route_web_socket("**/live/**", lambda _: None)  # who has it is not shown
            await log_in(each, name)
            await each.goto(ALERTS)
        await asyncio.gather(
            *(each.get_by_role("button", name="I have it").click() for each in (page, other))
        )

        refused = {
            asyncio.create_task(page.locator("#unsent").wait_for()): (page, "mia"),
            asyncio.create_task(other.locator("#unsent").wait_for()): (other, "olga"),
        }
        [first], waiting = await asyncio.wait(refused, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        loser, name = refused[first]
        await expect(loser.locator("#unsent")).to_contain_text(f"{name} has all QueueDeep alerts")


async def test_what_was_said_about_a_press_stays_while_the_page_follows(
    web: Web, place: Place, person: Person
) -> None:
    place.prometheus.rule("QueueDeep", alert("QueueDeep", severity="page"))
    await in_database(person, "olga", "operators")
    mia = actor_of(await in_database(person, "mia", "operators"))
    async with watching(), web.open() as page:
        await log_in(page)
        await page.goto(ALERTS)
        await expect(page.locator("#live .state")).to_have_text("Live")
        await page.route("**/alerts/have/", lambda route: route.abort())
        await page.get_by_role("button", name="I have it").click()
        await expect(page.locator("#unsent")).to_contain_text("The server did not answer")

        assert not (await console.answer(mia, "ack QueueDeep")).failed

        await expect(page.locator(".alerts h2 .chip.held")).to_have_text("mia has it")
        await expect(page.locator("#unsent")).to_be_visible()
