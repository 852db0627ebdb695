"""Silencing in the browser: from an alert over what that hides to the end, and an hour more."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.async_api import Page, expect
from pytest_django import Settings

from tests.browser.conftest import Web, log_in
from tests.conftest import Person, SiteFile
from tests.dashboard.places import Place
from tests.fakes.alertmanager import FakeAlertmanager
from tests.silences.conftest import Cluster
from tests.silences.passing import time_passes

ALERTS, VERSIONS = "/sites/production/alerts/", "/sites/production/versions/"
ALERTMANAGER = """
[[sites.production.alertmanager]]
name = "am"
url = "{url}"
"""
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def cluster(place: Place, site_file: SiteFile, settings: Settings) -> AsyncIterator[Cluster]:
    """The place with an Alertmanager, and two alerts that fire."""

    def add(url: str) -> None:
        site_file(Path(settings.SITES_FILE).read_text() + ALERTMANAGER.format(url=url))

    async with FakeAlertmanager() as alone:
        await asyncio.to_thread(add, alone.url)
        made = Cluster(place.prometheus, alone, alone)
        made.fires("QueueDeep", instance="one")
        made.fires("QueueDeep", instance="two")
        yield made


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators")


async def heading(page: Page, words: str) -> None:
    await expect(page.get_by_role("heading", level=1)).to_have_text(words)


async def test_an_alert_is_silenced_for_an_hour_then_longer_then_no_more(
    web: Web, cluster: Cluster, olga: User
) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto(ALERTS)
        await page.get_by_role("link", name="Silence 1 h …").first.click()
        await heading(page, "Silence 1 alert for 1 h?")
        await page.get_by_label("Reason").fill("known, DB-212")
        await page.get_by_role("button", name="Silence 1 alert").click()
        await heading(page, "1 silence")
        row = page.locator(".silences tbody tr")
        await expect(row).to_contain_text("known, DB-212")
        await expect(row).to_contain_text("saved")

        await page.goto(VERSIONS)
        await expect(page.locator(".ending")).to_be_hidden()
        await time_passes(cluster, minutes=50)
        await page.goto(VERSIONS)
        banner = page.locator(".ending")
        await expect(banner).to_contain_text(
            re.compile("Your silence of QueueDeep ends in [89] min")
        )
        await banner.get_by_role("button", name="1 hour more").click()
        await heading(page, "1 silence")
        await expect(banner).to_be_hidden()

        await page.get_by_role("button", name="End").click()
        await heading(page, "Nothing is silenced")


async def test_a_wide_silence_asks_for_a_second_yes(web: Web, cluster: Cluster, olga: User) -> None:
    async with web.open(viewport={"width": 390, "height": 844}) as page:
        await log_in(page)
        await page.goto(f"{ALERTS}silences/new/")
        await page.get_by_label("Matchers").fill('job="petstore"')
        await page.get_by_role("button", name="Preview").click()
        await heading(page, "Silence 2 alerts for 1 h?")
        await expect(page.locator(".warn")).to_contain_text("It names no alert")
        silence = page.get_by_role("button", name="Silence 2 alerts")
        await silence.click()
        await heading(page, "Silence 2 alerts for 1 h?")
        assert cluster.first.silences == [], "the box must be ticked"
        await page.get_by_label("Yes, I mean it").check()
        await silence.click()
        await heading(page, "1 silence")
