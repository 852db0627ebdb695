"""What is sent and does not arrive: it is said, and nothing that was typed is lost."""

import re

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.async_api import Page, expect

from tests.browser.conftest import Web, log_in
from tests.conftest import Person
from tests.dashboard.places import Place

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators")


async def filled_in(page: Page) -> None:
    await log_in(page)
    await page.goto("/")
    await page.goto("/account/slack/")
    await page.get_by_label("Code").fill("K7QM-4RTD")


async def send(page: Page) -> None:
    await page.get_by_role("button", name="Check code").click()


async def says(page: Page, words: str) -> None:
    await expect(page.get_by_role("alert")).to_contain_text(words)
    await expect(page.get_by_label("Code")).to_have_value("K7QM-4RTD")


async def test_a_network_that_is_away(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await filled_in(page)
        await page.context.set_offline(True)
        await send(page)
        await says(page, "The server did not answer. We don't know whether this change was made.")

        await page.context.set_offline(False)
        await send(page)
        await says(page, "code")  # what is wrong with the code itself
        await expect(page.locator("#unsent")).to_have_count(0)


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (
            "text/html",
            "<center><h1>502 Bad Gateway</h1></center><hr>nginx",
            "The server answered 502",
        ),
        (
            "text/html",
            "<!doctype html><main id=main><h1>Too many people at once</h1>"
            "<p class=sub>Try again in a moment</p></main>",
            "Too many people at once. Try again in a moment.",
        ),
    ],
)
async def test_an_answer_that_is_less_than_a_page(
    web: Web, place: Place, olga: User, kind: str, body: str, words: str
) -> None:
    async with web.open() as page:
        await filled_in(page)
        await page.route(
            "**/account/slack/",
            lambda route: route.fulfill(status=502, content_type=kind, body=body),
        )
        await send(page)
        await says(page, words)


async def test_a_session_that_is_over(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await filled_in(page)
        await Session.objects.all().adelete()
        await send(page)
        await says(page, "Your session has ended. Nothing was sent.")

        async with page.context.expect_page() as opened:
            # The page's frame may say so too by now.
            await page.locator("#unsent").get_by_role("link", name="Log in").click()
        other = await opened.value
        await other.get_by_label("Username").fill("olga")
        await other.get_by_label("Password").fill("opensesame")
        await other.get_by_role("button", name="Log in").click()
        await other.wait_for_url("**/account/slack/")

        await send(page)
        await says(page, "you have logged in again, as olga. Send it again.")
        await send(page)
        await expect(page.locator("#id_code_error")).to_be_visible()
        await expect(page.get_by_label("Code")).to_have_value("K7QM-4RTD")


async def test_a_link_that_leads_nowhere_says_so(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto("/")
        await page.context.set_offline(True)
        await page.get_by_role("link", name="Sampling", exact=True).click()

        await expect(page.get_by_role("alert")).to_contain_text("Cannot reach the server")
        await page.context.set_offline(False)
        await page.get_by_role("link", name="Sampling", exact=True).click()
        await page.wait_for_url(re.compile("/sampling/$"))


async def test_a_filter_that_cannot_be_sent_stays(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto("/sites/production/traces/")
        # A combobox only once all scripts have come.
        await page.get_by_role("combobox", name="Filter").fill("service=petstore min=2s")
        await page.context.set_offline(True)
        await page.get_by_role("button", name="Search", exact=True).click()

        await expect(page.locator("#unsent")).to_contain_text("Cannot reach the server")
        await expect(page.get_by_label("Filter")).to_have_value("service=petstore min=2s")


async def test_a_piece_that_comes_by_itself_loads_nothing_away(
    web: Web, place: Place, olga: User
) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto("/")
        await page.goto("/sites/production/sampling/")
        await page.get_by_label("Rate", exact=True).fill("5%")
        await expect(page.get_by_text("Keeps 5%")).to_be_visible()
        await Session.objects.all().adelete()
        await page.get_by_label("Rate", exact=True).fill("7%")  # its effect is asked for

        await expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
        await expect(page.get_by_label("Rate", exact=True)).to_have_value("7%")
