"""The time line in a browser: it follows what happens, its links work, a phone shows all of it."""

import re

import pytest
from playwright.async_api import Route, expect
from pytest_django import Settings

from ops.database import in_database
from ops.incidents.actions import open_incident
from ops.sampling.actions import change_policy
from ops.vocabulary.policies import rate
from tests.browser.conftest import Web, log_in
from tests.browser.test_looks import found_amiss
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place
from tests.dashboard.test_timeline import past
from tests.fakes.prometheus import alert
from tests.watch.conftest import watching

pytestmark = pytest.mark.django_db(transaction=True)
LINE = "/sites/production/timeline/"


@pytest.fixture(autouse=True)
def quick(settings: Settings) -> None:
    settings.POLL_SECONDS = 1.0


@pytest.fixture
async def olga(person: Person) -> None:
    await in_database(person, "olga", "operators", "auditors")


@pytest.mark.usefixtures("olga")
async def test_it_follows_what_happens(web: Web, place: Place) -> None:
    rule = place.prometheus.rule("Down")
    async with watching(), web.open() as page:
        await log_in(page)
        await page.goto(f"{LINE}?last=15m&kind=alerts")
        await expect(page.locator("#live .state")).to_have_text("Live")
        await page.evaluate("window.stays = true")

        rule["alerts"] = [alert("Down", severity="critical")]

        await expect(page.locator("h1")).to_have_text("1 alert change in the last 15 min")
        await expect(page.locator(".lanes .lane")).to_have_text(["Down"])
        await expect(page.locator(".track .bar.error")).to_have_count(1)
        assert await page.evaluate("window.stays")


@pytest.mark.usefixtures("olga")
async def test_lanes_list_and_links_lead_on_and_back(web: Web, place: Place) -> None:
    await in_database(past)
    async with web.open() as page:
        await log_in(page)
        await page.goto("/sites/production/")
        await page.get_by_role("navigation").get_by_role("link", name="Time line").click()
        await expect(page.locator("h1")).to_have_text(
            "1 rollout and 2 alert changes in the last 60 min"
        )
        await page.get_by_role("link", name=re.compile("hide rollouts")).click()
        await expect(page.locator("h1")).to_have_text("2 alert changes in the last 60 min")
        await page.go_back()
        await expect(page.locator("h1")).to_contain_text("1 rollout")
        await page.get_by_role("link", name="zoom out").click()
        await expect(page).to_have_url(re.compile("last=3h"))
        await page.locator(".events td a").first.click()
        await expect(page.locator(".moment").first).to_be_attached()
        await page.locator(".track a.bar").first.click()
        await expect(page).to_have_url(re.compile("/versions/"))
        await page.go_back()
        await expect(page).to_have_url(re.compile("/timeline/"))
        await page.get_by_label("Person").fill("olga")
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("h1")).to_contain_text("Nothing changed by olga")


@pytest.mark.usefixtures("olga")
async def test_who_goes_back_and_then_elsewhere_stays_there(web: Web, place: Place) -> None:
    """However late the page comes that they went back to."""
    going_back = "hx-history-restore-request"

    async def answer(route: Route) -> None:
        if going_back not in route.request.headers:
            await route.continue_()

    await in_database(past)
    async with web.open() as page:
        await log_in(page)
        await page.goto(LINE)
        await page.get_by_role("link", name=re.compile("hide rollouts")).click()
        await expect(page.locator("h1")).to_have_text("2 alert changes in the last 60 min")
        await page.route("**/timeline/**", answer)
        await page.go_back()
        given_up = page.expect_event("requestfailed", lambda request: going_back in request.headers)
        async with given_up:
            await page.get_by_role("link", name="zoom out").click()
        await expect(page).to_have_url(re.compile("last=3h"))
        await expect(page.locator("h1")).to_contain_text("in the last 3 h")


@pytest.mark.usefixtures("olga")
async def test_on_a_phone_each_lane_has_the_whole_width_below_its_name(
    web: Web, place: Place, person: Person
) -> None:
    await in_database(past)
    oscar = actor_of(await in_database(person, "oscar", "operators"))
    await change_policy(oscar, policy=rate(0.5), service="petstore", site="production")
    await open_incident(oscar, title="petstore slow", services=["petstore"], site="production")
    async with web.open(viewport={"width": 390, "height": 844}) as page:
        await log_in(page)
        await page.goto(LINE)
        names = page.locator(".lanes .lane")
        await expect(names).to_have_text(
            ["1 petstore slow", "petstore", "Slow", "petstore", "oscar"]
        )
        for number in range(await names.count()):
            name = await names.nth(number).bounding_box()
            track = await page.locator(".lanes .track").nth(number).bounding_box()
            assert name and track
            assert track["width"] > 330
            assert name["y"] + name["height"] <= track["y"] + 1
        assert await found_amiss(page, LINE) == []
