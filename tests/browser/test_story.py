"""The whole story of a bad release, from the alert to the Markdown that tells it."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from playwright.async_api import Page, expect
from pytest_django import Settings

from ops.alerts.watching import ALERTS
from ops.database import in_database
from ops.sampling.actions import change_policy
from ops.versions.actions import VERSIONS
from ops.versions.models import VersionPeriod
from ops.vocabulary import timerange
from ops.vocabulary.policies import rate
from tests.browser.conftest import Web, log_in
from tests.conftest import Person, SiteFile, actor_of
from tests.dashboard.places import Place
from tests.fakes.prometheus import Body
from tests.incidents.bad_release import BAD, GOOD, KNOWN, VERSION, fails, runs, traces
from tests.watch.conftest import watching

pytestmark = pytest.mark.django_db(transaction=True)
SITE = "/sites/production"
TITLE = "FailingRequests on petstore"


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators")


@pytest.fixture
def mia(person: Person) -> User:
    return person("mia", "operators")


@pytest.fixture(autouse=True)
def quick(settings: Settings, site_file: SiteFile, place: Place) -> None:
    settings.POLL_SECONDS = 0.5
    text = Path(settings.SITES_FILE).read_text()
    site_file(text.replace(VERSION, f'{VERSION}alerts = {{ job = "petstore" }}\n', 1))


def ten_minutes_pass() -> None:
    """Move the rollout away, because traces are compared from it to a while ago."""
    passed = 10 * timerange.MINUTE
    VersionPeriod.objects.update(start=F("start") - passed, end=F("end") - passed)


async def heading(page: Page, words: str) -> None:
    await expect(page.locator("h1")).to_contain_text(words)


async def it_is_rolled_out_and_fails(page: Page, place: Place, rule: Body) -> None:
    """A bad release reaches an instance, and an alert fires, which the page of alerts shows."""
    await page.goto(f"{SITE}/versions/")
    await expect(page.locator("main")).to_contain_text(GOOD)
    runs(place.prometheus, (place.first, place.second), BAD, GOOD)
    await expect(page.locator("main")).to_contain_text(BAD)
    await in_database(ten_minutes_pass)
    traces(place.jaeger, BAD, start=timerange.now_ns() - 5 * timerange.MINUTE, failing=True)
    await page.goto(f"{SITE}/alerts/")
    rule["alerts"] = [fails()]
    await page.get_by_role("link", name="12% of requests to petstore fail").click()
    await heading(page, "FailingRequests is firing")


async def somebody_has_it(page: Page, other: Page) -> None:
    """One presses; both see it at once."""
    await other.goto(page.url)
    await page.get_by_role("button", name="I have it").click()
    for each in (page, other):
        await expect(each.locator("main")).to_contain_text("olga has it, since")


async def it_says_what_changed(page: Page) -> None:
    changed = page.locator("section", has=page.get_by_role("heading", name="What changed"))
    await expect(changed).to_contain_text(f"started to run {BAD}, before that only {GOOD}")
    await expect(changed).to_contain_text(
        f"petstore {BAD} fails 100% of {KNOWN} traces, {GOOD} none of {KNOWN} the hour before"
    )


async def an_incident_is_opened(page: Page) -> None:
    await page.get_by_role("button", name="Open incident").click()
    await heading(page, f"{TITLE}: failing for ")


async def sampling_is_raised(page: Page, place: Place) -> None:
    await page.get_by_role("button", name="Sample petstore at 100% for 15 min").click()
    await heading(page, "petstore is sampled at 100% until")
    assert place.first.told[-1] == place.second.told[-1] == ("STFloat", 1.0)


async def it_is_rolled_back_and_sampling_returns(page: Page, place: Place, rule: Body) -> None:
    runs(place.prometheus, (place.first, place.second), GOOD, GOOD)
    rule["alerts"] = []
    await page.goto(f"{SITE}/sampling/?service=petstore")
    await page.get_by_role("button", name="Return to 10% now").click()
    await heading(page, "petstore is sampled at 10% on 2 of 2 instances")


async def it_is_closed_and_written_up(page: Page) -> None:
    story = page.locator(".story")
    for line in ("FailingRequests", "olga has", BAD, "100%", "resolved after"):
        await expect(story).to_contain_text(line)
    await page.get_by_label("Add a note").fill("rolled back, DB-212")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(story).to_contain_text("rolled back, DB-212")
    await page.get_by_role("button", name="Close incident").click()
    await heading(page, f"{TITLE}: closed")
    await page.get_by_role("link", name="as Markdown").click()
    written = page.locator("main")
    for line in (f"# {TITLE}", BAD, "olga", "rolled back, DB-212"):
        await expect(written).to_contain_text(line)


async def test_from_the_alert_to_the_markdown(
    web: Web, place: Place, olga: User, mia: User
) -> None:
    await change_policy(actor_of(olga), policy=rate(0.1), service="petstore", site="production")
    rule = place.prometheus.rule("FailingRequests")
    runs(place.prometheus, (place.first, place.second), GOOD, GOOD)
    traces(place.jaeger, GOOD, start=timerange.now_ns() - 30 * timerange.MINUTE)
    async with watching(ALERTS, VERSIONS), web.open() as page, web.open() as other:
        await log_in(page)
        await log_in(other, "mia")
        await it_is_rolled_out_and_fails(page, place, rule)
        of_the_alert = page.url
        await somebody_has_it(page, other)
        await it_says_what_changed(page)
        await an_incident_is_opened(page)
        of_the_incident = page.url
        await page.goto(of_the_alert)
        await sampling_is_raised(page, place)
        await it_is_rolled_back_and_sampling_returns(page, place, rule)
        await page.goto(of_the_incident)
        await it_is_closed_and_written_up(page)
