"""Walks a person on call takes, with and without JavaScript."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.async_api import Page, expect

from ops.audit.models import AuditEntry
from tests.browser.conftest import Web, log_in_through_the_form
from tests.conftest import Person
from tests.dashboard.places import Place
from tests.fakes.jaeger import MILLISECOND, span, trace
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators", "auditors")


def something_failed(place: Place) -> None:
    query = span(
        "store", "store.Query", error="deadline exceeded", duration=900 * MILLISECOND,
        events=[("retry", {"attempt": 1})], tags={"db.statement": "SELECT 1"},
    )  # fmt: skip
    place.jaeger.add(
        trace(span("petstore", "SearchPets", children=[query], error="failed")),
        trace(span("petstore", "AddPets")),
    )
    place.prometheus.rule("SlowSearch", alert("SlowSearch", severity="critical", job="petstore"))
    place.prometheus.says(
        "petstore_build_info", ({"version": "1.2.0", "instance": "petstore-1"}, 1)
    )


async def walk(page: Page, place: Place, *, script: bool) -> None:
    """From the failing trace to a changed sampling rate and its audit row."""
    rows = page.get_by_role("treegrid")  # the script's, which replace the server's
    await log_in_through_the_form(page)
    await page.get_by_role("link", name="Traces", exact=True).click()
    await expect(page.locator("h1")).to_have_text("2 traces, 1 failed")

    await page.get_by_label("Filter").fill("error last=2h")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.locator("h1")).to_have_text("1 trace, 1 failed")
    await expect(page.get_by_label("Filter")).to_have_value("error last=2h")

    await page.get_by_role("link", name="petstore SearchPets").click()
    await expect(page.locator("h1")).to_contain_text("petstore SearchPets failed after")
    await expect(rows).to_have_count(1 if script else 0)
    await page.locator(".span .name", has_text="store.Query").click()
    await expect(page.get_by_text("SELECT 1")).to_be_visible()

    await page.get_by_role("link", name="logs (1)", exact=True).click()
    await expect(page.locator("h1")).to_have_text("petstore SearchPets logged 1 line")
    await page.get_by_role("link", name="store.Query").click()
    await expect(page.get_by_text("SELECT 1")).to_be_visible()

    await page.get_by_role("link", name="Sampling", exact=True).click()
    await page.get_by_label("Strategy").select_option("rate")
    await page.get_by_label("Rate", exact=True).fill("10%")
    await page.get_by_role("button", name="Preview change").click()
    await expect(page.locator("h1")).to_have_text("Set sampling of petstore to 10%?")
    await page.get_by_role("button", name="Set petstore to 10% on 2 instances").click()
    await expect(page.locator("h1")).to_have_text("petstore is sampled at 10% on 2 of 2 instances")
    assert place.first.told == place.second.told == [("STFloat", 0.1)]

    await page.get_by_role("link", name="rows").click()
    await expect(page.locator("table.audit tbody tr")).to_have_count(2)
    await expect(page.locator("table.audit")).to_contain_text("sampling.change_policy")


async def test_the_whole_walk(web: Web, place: Place, olga: User) -> None:
    something_failed(place)

    async with web.open() as page:
        await walk(page, place, script=True)

    assert await AuditEntry.objects.filter(action="sampling.change_policy").acount() == 2


async def test_the_whole_walk_without_javascript(web: Web, place: Place, olga: User) -> None:
    something_failed(place)

    async with web.open(java_script_enabled=False) as page:
        await walk(page, place, script=False)


async def test_pages_follow_each_other_without_loading_anew(
    web: Web, place: Place, olga: User
) -> None:
    something_failed(place)

    async with web.open() as page:
        await log_in_through_the_form(page)
        await page.get_by_role("link", name="Versions", exact=True).click()
        await page.wait_for_url("**/versions/")
        await page.evaluate("window.sameDocument = true")
        await page.get_by_role("link", name="Sampling", exact=True).click()
        await expect(page).to_have_title(re.compile("Sampling of petstore"))
        await expect(page.locator("h1")).to_be_focused()
        await page.go_back()
        await expect(page.locator("h1")).to_contain_text("petstore")
        await expect(page).to_have_url(re.compile("/versions/$"))
        assert await page.evaluate("window.sameDocument")


async def test_a_refusal_by_htmx_keeps_what_was_typed(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await log_in_through_the_form(page)
        await page.goto("/sites/production/traces/")
        await page.get_by_label("Filter").fill("servic=x limit=many")
        await page.get_by_role("button", name="Search", exact=True).click()

        await expect(page.get_by_role("alert")).to_contain_text("limit is")
        await expect(page.get_by_label("Filter")).to_have_value("servic=x limit=many")


async def test_the_fields_suggest_names_and_become_the_line(
    web: Web, place: Place, olga: User
) -> None:
    something_failed(place)

    async with web.open() as page:
        await log_in_through_the_form(page)
        await page.goto("/sites/production/traces/")
        await expect(page.get_by_role("combobox", name="Filter")).to_be_visible()  # by a script
        await page.locator("summary", has_text="Fields").click()
        await page.get_by_label("Operation", exact=True).focus()
        await expect(page.locator("#operations option")).to_have_count(2)
        await page.get_by_label("Operation", exact=True).fill("AddPets")
        await page.get_by_role("button", name="Search fields").click()

        await expect(page.locator("h1")).to_have_text("1 trace, none failed")
        await expect(page.get_by_label("Filter")).to_have_value(re.compile("operation=AddPets"))


async def test_the_keyboard_is_enough(web: Web, place: Place, olga: User) -> None:
    something_failed(place)

    async with web.open() as page:
        await log_in_through_the_form(page)
        await page.goto("/sites/production/traces/?q=error")
        await page.keyboard.press("Tab")
        await expect(page.get_by_text("Skip to content")).to_be_focused()
        await page.get_by_role("link", name="petstore SearchPets").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_contain_text("failed after")
        await expect(page.get_by_role("treegrid")).to_be_visible()
        await page.get_by_role("row", name=re.compile("store.Query")).focus()
        await page.keyboard.press("Enter")

        await expect(page.get_by_text("SELECT 1")).to_be_visible()


async def test_times_turn_into_the_viewers_zone(web: Web, place: Place, olga: User) -> None:
    async with web.open(timezone_id="Europe/Paris") as page:
        await log_in_through_the_form(page)
        await page.goto("/sites/production/versions/")

        await expect(page.locator(".as-of")).to_contain_text("Paris)")


async def test_a_tap_on_a_time_shows_the_exact_one(web: Web, place: Place, olga: User) -> None:
    something_failed(place)

    async with web.open() as page:
        await log_in_through_the_form(page)
        await page.goto("/sites/production/traces/?q=error")
        await page.get_by_role("link", name="petstore SearchPets").click()
        await expect(page.get_by_role("treegrid")).to_be_visible()
        ago = page.locator("time", has_text=re.compile("ago|now"))
        await ago.first.click()

        await expect(
            page.locator("time", has_text=re.compile(r"\.\d{3} UTC")).first
        ).to_be_visible()
