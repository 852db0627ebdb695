"""Spans that come while a trace is looked at: they are brought in, and nothing moves or closes."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from playwright.async_api import Page, expect

from ops.backends.clients import close_clients
from tests.browser.conftest import Web, log_in
from tests.browser.test_waterfall import olga, row  # noqa: F401 - the fixture is for this room too
from tests.dashboard.places import Place
from tests.dashboard.sockets import WITHIN
from tests.fakes.jaeger import MILLISECOND, span, trace

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = "00000000000000a1"
ID = "00000000000000000000000000000abd"
ASKED = "Object.defineProperty(document, 'hidden', {get: () => true})"  # it checks if asked to


async def show(page: Page, place: Place) -> int:
    """Open a running trace of a hundred steps; returns its start."""
    start = time.time_ns()
    steps = [
        span("store", f"step {n}", start=start + n * MILLISECOND, tags={"step": n},
             children=[span("store", f"part {n}", start=start + n * MILLISECOND)])
        for n in range(100)
    ]  # fmt: skip
    root = span("petstore", "Batch", start=start, duration=200 * MILLISECOND, span_id=ROOT,
                children=steps)  # fmt: skip
    place.jaeger.add(trace(root, trace_id=ID))
    await log_in(page)
    await page.goto(f"/sites/production/traces/{ID}/")
    await expect(page.get_by_role("treegrid")).to_be_visible()
    return start


def add_late(place: Place, start: int) -> None:
    """Three spans, one of them before all others and one that fails."""
    late = [
        span("auth", "Login", start=start - MILLISECOND, parent_id=ROOT),
        span("store", "step 0", start=start, parent_id=ROOT),
        span("bank", "Charge", start=start + 50 * MILLISECOND, parent_id=ROOT, error="refused"),
    ]
    place.jaeger.add(trace(*late, trace_id=ID))


async def check(page: Page, said: str) -> None:
    await page.get_by_text("check for new spans").click()
    await expect(page.locator("[data-said]")).to_have_text(said)


async def test_what_comes_late_is_brought_in_and_nothing_is_lost(
    web: Web,
    place: Place,
    olga: User,  # noqa: F811
) -> None:
    async with web.open() as page:
        await page.add_init_script(ASKED)
        start = await show(page, place)
        await row(page, "Batch").locator(".name").click()
        await page.evaluate("window.scrollBy(0, 82 * 28)")
        await row(page, "step 40").locator(".name").click()
        await expect(page.locator(".details .inside")).to_have_count(1)
        await row(page, "step 41").locator(".twist").click()
        await expect(row(page, "part 41")).to_have_count(0)
        await page.evaluate("window.scrollBy(0, 120)")
        await expect(page.locator(".details [data-key]").first).to_be_attached()
        before = await row(page, "step 42").bounding_box()
        add_late(place, start)

        await page.evaluate("document.querySelector('[data-fresh]').click()")
        await expect(page.locator("[data-said]")).to_have_text("3 new spans")

        after = await row(page, "step 42").bounding_box()
        assert before and after
        assert abs(after["y"] - before["y"]) < 2
        await expect(row(page, "part 41")).to_have_count(0)
        await expect(row(page, "step 40").locator(".details .inside")).to_contain_text("step40")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("1 span failed")
        await expect(page.locator(".sub").first).to_contain_text("204 spans, 4 services")
        await page.evaluate("window.scrollTo(0, 0)")
        await expect(row(page, "Login")).to_have_count(1)
        await expect(row(page, "Batch").locator(".details .inside")).to_have_count(1)
        await expect(page.locator(".columns")).to_contain_text("refused")


async def test_what_is_sought_and_zoomed_stays(
    web: Web,
    place: Place,
    olga: User,  # noqa: F811
) -> None:
    async with web.open() as page:
        await page.add_init_script(ASKED)
        start = await show(page, place)
        find = page.get_by_label("Find in this trace")
        await page.get_by_label("matches").check()
        await find.fill("step 4")
        await expect(page.locator("output.found")).to_contain_text("11 found")
        await row(page, "step 44").focus()
        await page.keyboard.press("z")
        await find.focus()
        add_late(place, start)

        await page.evaluate("document.querySelector('[data-fresh]').click()")
        await expect(page.locator("[data-said]")).to_have_text("3 new spans")

        await expect(find).to_have_value("step 4")
        await expect(find).to_be_focused()
        await expect(page.locator("output.found")).to_contain_text("of 11")
        await expect(page.get_by_role("button", name="whole trace")).to_be_visible()
        await expect(row(page, "Login")).to_have_count(0)


async def test_one_press_says_that_nothing_is_new_or_that_it_cannot_be_known(
    web: Web,
    place: Place,
    olga: User,  # noqa: F811
) -> None:
    async with web.open() as page:
        await page.add_init_script(ASKED)
        await show(page, place)
        await check(page, "no new spans")
        await place.jaeger.stop()
        await close_clients()  # checks that follow each other closely share an answer
        await page.get_by_text("check for new spans").click()
        await expect(page.locator("[data-said]")).to_contain_text("not checked: ")


async def test_the_page_asks_by_itself(web: Web, place: Place, olga: User) -> None:  # noqa: F811
    async with web.open() as page:
        await page.clock.install()
        await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
        start = await show(page, place)
        add_late(place, start)
        async with asyncio.timeout(WITHIN):
            while await page.locator("[data-said]").inner_text() != "3 new spans":
                await page.clock.run_for(1_000)
