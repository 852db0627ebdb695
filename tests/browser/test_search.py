"""What a search found, in the browser: the picture, its axes in three zones, two to compare."""

import re
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from playwright.async_api import Page, expect

from ops.vocabulary.timerange import MINUTE, parse_moment
from tests.browser.conftest import Web, log_in
from tests.conftest import Person
from tests.dashboard.places import Place
from tests.fakes.jaeger import MILLISECOND, span, trace

pytestmark = pytest.mark.django_db(transaction=True)
SEARCH = "/sites/production/traces/"
START, END = "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"  # Paris turns to summer time at 1:00
LINE = f"from={START} to={END}"


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators")


def two_hours(place: Place) -> None:
    """A trace every ten minutes: 10 ms, at 0:30 a failing one of 1 s, at 1:10 one of 100 ms."""
    start = parse_moment(START).nanoseconds
    for minute in range(0, 120, 10):
        took = {30: 1_000, 70: 100}.get(minute, 10) * MILLISECOND
        root = span(
            "petstore", "AddPets", start=start + minute * MINUTE, duration=took,
            error="it failed" if minute == 30 else None,
        )  # fmt: skip
        place.jaeger.add(trace(root))


async def show(page: Page, place: Place, line: str = LINE) -> None:
    two_hours(place)
    await log_in(page)
    await page.goto(f"{SEARCH}?{urlencode({'q': line})}")
    await expect(page.locator("h1")).to_have_text("12 traces, 1 failed")


async def drag(page: Page, xs: tuple[float, float], ys: tuple[float, float]) -> None:
    """From one point of the plot to another, in shares of it; the button stays down."""
    # What the filter's script adds, which comes last, may move the plot.
    await expect(page.get_by_role("combobox", name="Filter")).to_be_visible()
    frame = await page.locator(".plot").bounding_box()
    assert frame
    points = [
        (frame["x"] + x * frame["width"], frame["y"] + y * frame["height"])
        for x, y in zip(xs, ys, strict=True)
    ]
    await page.mouse.move(*points[0])
    await page.mouse.down()
    await page.mouse.move(*points[1], steps=4)


@pytest.mark.parametrize(
    ("zone", "place_name", "expected"),
    [
        ("UTC", None, ["00:30", "01:00", "01:30", "02:00"]),
        ("Asia/Kolkata", "Calcutta|Kolkata", [
            "00:30", "06:00", "01:00", "06:30", "01:30", "07:00", "02:00", "07:30"]),
        ("Europe/Paris", "Paris", [
            "00:30", "01:30", "01:00", "03:00", "01:30", "03:30", "02:00", "04:00"]),
    ],
)  # fmt: skip
async def test_axis_and_stamps_are_right_in_every_zone(
    web: Web, place: Place, olga: User, zone: str, place_name: str | None, expected: list[str]
) -> None:
    async with web.open(timezone_id=zone) as page:
        await page.goto("/account/login/")  # a browser's first page tells the zone
        await show(page, place)

        assert await page.locator(".plot text:not(.level)").all_text_contents() == expected
        before, after = page.locator("tbody tr").nth(-6), page.locator("tbody tr").nth(-7)
        assert "00:50:00.000" in await before.inner_text()
        assert "01:00:00.000" in await after.inner_text()
        names = page.locator(".plot .level", has_text=re.compile(place_name or "^UTC$"))
        await expect(names).to_have_count(1)
        if zone == "Europe/Paris":
            await expect(before).to_contain_text("01:50 Paris")
            await expect(after).to_contain_text("03:00 Paris")


async def test_a_stripe_narrows_the_time(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place, f"{LINE} trace-max=30s")
        await drag(page, (0.2, 0.45), (0.5, 0.52))
        await expect(page.locator(".plot .box")).to_have_attribute("height", "100%")
        await page.mouse.up()
        await page.wait_for_url("**from%3D2026-03-29T00%3A2*")

        await expect(page.locator("h1")).to_have_text("3 traces, 1 failed")
        line = page.get_by_label("Filter")
        await expect(line).to_have_value(
            re.compile(
                r"^service=petstore from=2026-03-29T00:2[34]\S*Z to=2026-03-29T00:5[34]\S*Z "
                r"trace-max=30s$"
            )
        )


async def test_a_box_narrows_the_duration_too(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place)
        await drag(page, (0.9, 0.1), (0.3, 0.65))
        await page.mouse.up()

        await expect(page.locator("h1")).to_have_text("1 trace, none failed")
        await expect(page.get_by_label("Filter")).to_have_value(
            re.compile(r"trace-min=\d\d(\.\d)?ms trace-max=\d{3}ms$")
        )
        await page.go_back()
        await expect(page.locator("h1")).to_have_text("12 traces, 1 failed")


async def test_escape_ends_a_drag(web: Web, place: Place, olga: User) -> None:
    async with web.open() as page:
        await show(page, place)
        address = page.url
        await drag(page, (0.2, 0.45), (0.5, 0.52))
        await expect(page.locator(".plot .box")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator(".plot .box")).to_be_hidden()
        await page.mouse.up()

        assert page.url == address


async def test_a_finger_narrows_as_well(web: Web, place: Place, olga: User) -> None:
    async with web.open(viewport={"width": 390, "height": 844}, has_touch=True) as page:
        await show(page, place)
        await expect(page.get_by_role("combobox", name="Filter")).to_be_visible()
        frame = await page.locator(".plot").bounding_box()
        assert frame
        touches = await page.context.new_cdp_session(page)
        y = frame["y"] + frame["height"] / 2
        for kind, share in (("Start", 0.2), ("Move", 0.3), ("Move", 0.45), ("End", 0.0)):
            points = [{"x": frame["x"] + share * frame["width"], "y": y}] if share else []
            await touches.send(
                "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points}
            )

        await expect(page.locator("h1")).to_have_text("3 traces, 1 failed")


@pytest.mark.parametrize("script", [True, False])
async def test_a_click_on_a_mark_opens_its_trace(
    web: Web, place: Place, olga: User, script: bool
) -> None:
    async with web.open(java_script_enabled=script) as page:
        await show(page, place)
        await page.locator(".plot .failed path").click()

        await expect(page.locator("h1")).to_have_text("petstore AddPets failed after 1 s")


async def test_two_are_compared_after_sorting_by_keyboard(
    web: Web, place: Place, olga: User
) -> None:
    async with web.open() as page:
        await show(page, place)
        await page.get_by_role("link", name="Duration").press("Enter")
        await expect(page.locator("th[aria-sort=descending]")).to_contain_text("Duration")
        compare = page.get_by_role("button", name="Compare selected")
        await expect(compare).to_be_disabled()
        boxes = page.get_by_role("checkbox")
        await boxes.nth(0).press("Space")
        await expect(compare).to_be_disabled()
        await boxes.nth(1).press("Space")
        await expect(compare).to_be_enabled()
        await boxes.nth(2).press("Space")
        await expect(compare).to_be_disabled()
        await boxes.nth(2).press("Space")
        await compare.press("Enter")

        await page.wait_for_url(re.compile(r"/traces/compare/\?trace=\w{32}&trace=\w{32}$"))
