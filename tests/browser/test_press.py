"""One press on an alert's page, until the traces arrive on a page that follows them."""

import pytest
from playwright.async_api import expect

from ops.database import in_database
from ops.sampling.actions import change_policy
from ops.vocabulary.policies import rate
from tests.browser.conftest import Web, log_in
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place
from tests.fakes.jaeger import span, trace
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)
ALERTS = "/sites/production/alerts/"
HIDE = "Object.defineProperty(document, 'hidden', {{configurable: true, get: () => {0}}}); "
HIDE += "document.dispatchEvent(new Event('visibilitychange'))"


def add(place: Place, operation: str) -> None:
    error = span("store", "Reserve", error="no stock")
    place.jaeger.add(trace(span("petstore", operation, children=[error])))


async def test_from_an_alert_to_the_traces_that_arrive(
    web: Web, place: Place, person: Person
) -> None:
    olga = actor_of(await in_database(person, "olga", "operators"))
    await change_policy(olga, policy=rate(0.1), service="petstore", site="production")
    place.prometheus.rule("SlowSearch", alert("SlowSearch", job="store"))
    add(place, "Before")
    async with web.open() as page:
        await log_in(page)
        await page.goto(ALERTS)
        await page.get_by_role("link", name="SlowSearch").first.click()
        press = page.get_by_role("button", name="Sample petstore at 100% for 15 min")
        why = "Of 1 failing traces of store, 1 begin in petstore: sampling is decided there."
        await expect(page.get_by_text(why)).to_be_visible()
        await press.click()

        await expect(page.locator("h1")).to_contain_text("petstore is sampled at 100% until")
        assert place.first.told[-1] == ("STFloat", 1.0)
        await page.get_by_role("link", name="Follow the traces of store").click()
        await expect(page.locator("#live .state")).to_have_text("Live")
        await page.evaluate("window.stays = true")

        add(place, "Arrives")
        await expect(page.locator(".traces .root a", has_text="Arrives")).to_be_visible()
        assert await page.evaluate("window.stays"), "without a reload"

        await page.evaluate(HIDE.format("true"))
        await expect(page.locator("#live .state")).to_have_text("Paused")
        add(place, "Later")
        await page.evaluate(HIDE.format("false"))
        await expect(page.locator("#live .state")).to_have_text("Live")
        await expect(page.locator(".traces .root a", has_text="Later")).to_be_visible()
        await page.get_by_role("link", name="stop").click()
        await expect(page.get_by_role("link", name="follow", exact=True)).to_be_visible()
