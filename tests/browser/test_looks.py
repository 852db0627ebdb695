"""Every page in light, dark and narrow: fit for assistive technology, and no wider than it is."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from ops.database import in_database
from ops.vocabulary.timerange import SECOND
from tests.browser.conftest import Web, log_in
from tests.browser.test_walk import something_failed
from tests.conftest import Person
from tests.dashboard.places import Place
from tests.dashboard.test_status import answers_are_lost, bot_runs
from tests.fakes.jaeger import span, trace

SITE = "/sites/production"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
WIDTHS = ["light", "narrow"]  # `found_amiss` turns to the dark by itself
EARLIER = "from=2024-01-01T11:00:00Z to=2024-01-01T12:00:00Z limit=200"
pytestmark = pytest.mark.django_db(transaction=True)


def addresses(trace_id: str, other: str) -> list[str]:
    return [
        f"{SITE}/",
        f"{SITE}/status/",
        f"{SITE}/services/petstore/",
        f"{SITE}/traces/",
        f"{SITE}/traces/?q=error+last%3D2h",
        f"{SITE}/traces/?q=last%3D2h&sort=-duration",
        f"{SITE}/traces/?{urlencode({'q': EARLIER})}&sort=spans&page=2",
        f"{SITE}/traces/?q=operation%3DAddPets",
        f"{SITE}/traces/?q=servic%3Dx",
        f"{SITE}/traces/?q=operation%3DNothing",
        f"{SITE}/traces/?fields=1&span_min=soon&limit=20",
        f"{SITE}/traces/{trace_id}/",
        f"{SITE}/traces/{trace_id}/?span=00000000000000aa",
        f"{SITE}/traces/{trace_id}/logs/",
        f"{SITE}/traces/{trace_id}/logs/?text=A&field=exception.stacktrace&service={'x' * 400}",
        f"{SITE}/traces/{trace_id}/logs/?text={'x' * 400}&service=none&span=00000000000000bb",
        f"{SITE}/traces/{trace_id}/usual/",
        f"{SITE}/traces/compare/",
        f"{SITE}/traces/compare/?trace={trace_id}&trace={other}",
        f"{SITE}/traces/compare/?trace={trace_id}&trace=a&trace=b",
        f"{SITE}/traces/{'ab' * 16}/",
        f"{SITE}/alerts/",
        f"{SITE}/alerts/?q=state%3Dburning",
        f"{SITE}/versions/",
        f"{SITE}/timeline/",
        f"{SITE}/timeline/?last=soon&kind=alerts&service={'x' * 400}",
        f"{SITE}/sampling/",
        f"{SITE}/sampling/?service=store",
        f"{SITE}/sampling/change/?service=petstore&strategy=always",
        f"{SITE}/sampling/change/?service=petstore&strategy=rate&rate=10",
        "/sites/staging/",
        "/audit/",
        "/audit/?target=petstore&door=browser",
        f"/audit/?actor={'x' * 150}&start=soon",
        "/account/",
        "/account/slack/",
        "/account/slack/?code=K7QM-4RTD",
        "/account/password_change/",
        "/nowhere/",
    ]


@pytest.mark.parametrize("look", WIDTHS)
async def test_every_page_is_accessible_and_fits(
    web: Web, place: Place, people: None, look: str
) -> None:
    something_failed(place)
    await in_database(bot_runs, seconds_ago=40)
    await in_database(answers_are_lost, 5)
    noon = 1_704_110_400 * SECOND
    for number in range(1, 121):
        root = span("petstore", f"operation {number % 20}", start=noon - number * SECOND)
        place.jaeger.add(trace(root))
    long_name = "x" * 400
    opened = span(
        long_name, long_name, span_id="00000000000000aa", error=long_name,
        tags={long_name: long_name}, events=[("exception", {"exception.stacktrace": "a\nb"})],
        warnings=["clock skew adjusted"], parent_id="00000000000000bb",
    )  # fmt: skip
    other = place.jaeger.add(trace(span("petstore", "Search", children=[span("s", long_name)])))
    trace_id = place.jaeger.add(trace(span("petstore", "Search"), opened))

    found: list[str] = []
    async with web.open(**LOOKS[look]) as page:
        for address in ("/account/login/", "/account/password_reset/"):
            found += await _amiss(page, address)
        await log_in(page)
        for address in addresses(trace_id, other):
            found += await _amiss(page, address)

    assert not found, "\n".join(found)


@pytest.mark.parametrize("look", LOOKS)
async def test_every_kind_of_page_of_admin_is_accessible(
    web: Web, place: Place, person: Person, look: str
) -> None:
    user = await in_database(person, "olga", "operators")
    user.is_staff = user.is_superuser = True
    await user.asave()
    async with web.open(**LOOKS[look]) as page:
        await log_in(page)
        await page.goto(f"{SITE}/sampling/change/?service=petstore&strategy=always")
        await page.get_by_role("button", name="Set petstore").click()
        await expect(page.locator("h1")).to_contain_text("petstore is always sampled")
        found: list[str] = []
        for address in (
            "/admin/",
            "/admin/audit/auditentry/",
            "/admin/audit/auditentry/1/change/",
            "/admin/auth/user/",
            f"/admin/auth/user/{user.pk}/change/",
            "/admin/auth/user/add/",
            "/admin/auth/group/1/change/",
            "/admin/rpc/token/",
        ):
            await page.goto(address)
            # Preloading, axe would write admin's imported styles into the page, which is forbidden.
            results = await Axe().run(page, options={"preload": False})
            found += [
                f"{address}: {violation['id']} {violation['nodes'][0]['html'][:200]}"
                for violation in results.response["violations"]
                if violation["impact"] in ("serious", "critical")
            ]

    assert not found, "\n".join(found)


@pytest.fixture
def people(person: Person) -> None:
    person("olga", "operators", "auditors")


@pytest.mark.parametrize("look", WIDTHS)
async def test_the_filter_is_accessible_while_one_types(
    web: Web, place: Place, people: None, look: str
) -> None:
    something_failed(place)
    async with web.open(**LOOKS[look]) as page:
        await log_in(page)
        await page.goto(f"{SITE}/traces/?q=error&sent=1")
        line = page.get_by_role("combobox", name="Filter")
        await expect(line).to_be_visible()  # its script has come, which the fields need too
        await page.get_by_text("Fields…").click()
        await page.get_by_label("Span at least").fill("soon")
        await expect(page.get_by_text('"soon" is not a duration')).to_be_visible()
        await line.fill("m")
        await line.press("ArrowDown")
        await expect(page.locator("#suggestions [aria-selected=true]")).to_be_visible()
        found = await found_amiss(page, "the filter")

    assert not found, "\n".join(found)


async def test_a_phone_shows_every_link_of_the_frame(web: Web, place: Place, people: None) -> None:
    async with web.open(**LOOKS["narrow"]) as page:
        await log_in(page)
        await page.goto(f"{SITE}/sampling/")
        hidden = await page.evaluate(
            "[...document.querySelectorAll('.top nav a, .top summary')]"
            ".filter((each) => { const at = each.getBoundingClientRect();"
            " return at.left < 0 || at.right > innerWidth || at.height < 24; })"
            ".map((each) => each.textContent)"
        )
        assert await page.locator(".top nav a").count() == 8

    assert hidden == []


async def test_paper_is_white_whatever_the_screen_is(web: Web, place: Place, people: None) -> None:
    trace_id = place.jaeger.add(trace(span("petstore", "Search", error="failed")))
    async with web.open(**LOOKS["dark"]) as page:
        await log_in(page)
        for address in (f"{SITE}/", f"{SITE}/traces/{trace_id}/", "/admin/"):
            await page.emulate_media(media="screen", color_scheme="dark")
            await page.goto(address)
            assert await _lightness(page, "backgroundColor") < 60
            await page.emulate_media(media="print", color_scheme="dark")
            assert await _lightness(page, "backgroundColor") > 240
            assert await _lightness(page, "color") < 60


async def _lightness(page: Page, property: str) -> float:
    """Of the page's background or text, 0 to 255."""
    colour: str = await page.evaluate(
        "(property) => { const of = (element) => getComputedStyle(element)[property];"
        " return of(document.body) === 'rgba(0, 0, 0, 0)' ? of(document.documentElement)"
        " : of(document.body); }",
        property,
    )
    return sum(map(float, re.findall(r"[0-9.]+", colour)[:3])) / 3


async def _amiss(page: Page, address: str) -> list[str]:
    await page.goto(address)
    return await found_amiss(page, address)


async def found_amiss(page: Page, address: str) -> list[str]:
    """What axe finds, what is wider than the window, and headings that are not one."""
    results = await Axe().run(page)
    violations = results.response["violations"]
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    results = await Axe().run(page, options={"runOnly": ["color-contrast"]})
    violations += results.response["violations"]
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found = [
        f"{address}: {violation['id']} {node['html'][:120]} {node['failureSummary'][:200]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical", "moderate")
        for node in violation["nodes"]
    ]
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{address}: wider than the window")
    if await page.locator("h1").count() != 1:
        found.append(f"{address}: not one heading")
    return found
