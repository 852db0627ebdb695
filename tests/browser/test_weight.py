"""What a page costs to load: how many requests, how many bytes, and what a second visit asks."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.async_api import Page, Response, expect

from ops.vocabulary import timerange
from tests.browser.conftest import Web, log_in
from tests.browser.test_waterfall import search
from tests.conftest import Person
from tests.dashboard.places import Place
from tests.fakes.jaeger import trace

pytestmark = pytest.mark.django_db(transaction=True)
STYLES = {
    "overview": {"base", "overview"},
    "search": {"base", "search"},
    "trace": {"base", "trace"},
}


@pytest.fixture
def olga(person: Person) -> User:
    return person("olga", "operators")


@dataclass(frozen=True)
class Loaded:
    """An answer as it crossed the wire."""

    path: str
    size: int
    headers: dict[str, str]

    @property
    def static(self) -> bool:
        return self.path.startswith("/static/")


async def load(page: Page, address: str) -> list[Loaded]:
    """Everything that a page loads until it is at rest."""
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - it wants a function
    await page.goto(address, wait_until="networkidle")
    return [await _loaded(answer) for answer in answers]


async def _loaded(answer: Response) -> Loaded:
    sizes: Any = await answer.request.sizes()
    path = "/" + answer.url.split("/", 3)[3]
    return Loaded(path, sizes["responseBodySize"], answer.headers)


@pytest.mark.parametrize(
    ("kind", "requests", "kilobytes"), [("overview", 18, 45), ("search", 23, 55), ("trace", 34, 75)]
)
async def test_a_page_loads_little_and_only_what_it_needs(
    web: Web, place: Place, olga: User, kind: str, requests: int, kilobytes: int
) -> None:
    # Of a trace that may still grow, a page would ask for news after a while.
    trace_id = place.jaeger.add(trace(search(timerange.now_ns() - timerange.HOUR)))
    address = {
        "overview": "/sites/production/",
        "search": "/sites/production/traces/",
        "trace": f"/sites/production/traces/{trace_id}/",
    }[kind]

    async with web.open() as page:
        await log_in(page)
        await page.goto("/")
        fresh = await web.browser.new_context(
            base_url=web.base, storage_state=await page.context.storage_state()
        )
        found = await load(await fresh.new_page(), address)
        second = await fresh.new_page()
        await second.goto(address, wait_until="networkidle")
        fetched_again = await second.evaluate(
            "performance.getEntriesByType('resource')"
            ".filter((each) => each.transferSize && each.name.includes('/static/'))"
            ".map((each) => each.name)"
        )
        await fresh.close()

    assert len(found) <= requests
    assert sum(each.size for each in found) <= kilobytes * 1000
    styles = {each.path.split("/")[-1].split(".")[0] for each in found if ".css" in each.path}
    assert styles == STYLES[kind]
    assert len({each.path for each in found}) == len(found), "something was loaded twice"
    for each in found:
        if each.static:
            assert "immutable" in each.headers["cache-control"], each.path
        if each.size > 1000:
            assert each.headers.get("content-encoding") == "gzip", each.path
    assert fetched_again == []


async def test_modules_are_fetched_at_once_and_not_one_after_the_other(
    web: Web, place: Place, olga: User
) -> None:
    trace_id = place.jaeger.add(trace(search()))

    async with web.open() as page:
        await log_in(page)
        await page.goto(f"/sites/production/traces/{trace_id}/")
        await expect(page.get_by_role("treegrid")).to_be_visible()
        scripts = await page.evaluate(
            "performance.getEntriesByType('resource').map((each) => each.name)"
            ".filter((name) => name.endsWith('.js'))"
        )
        announced = await page.evaluate(
            "[...document.querySelectorAll('link[rel=modulepreload], script')]"
            ".map((each) => each.href || each.src)"
        )

    assert len(scripts) > 10
    assert set(scripts) <= set(announced)


async def test_a_page_that_comes_without_loading_anew_has_its_styles_and_scripts(
    web: Web, place: Place, olga: User
) -> None:
    trace_id = place.jaeger.add(trace(search()))

    async with web.open() as page:
        await log_in(page)
        await page.goto("/sites/production/versions/")
        await page.evaluate("window.sameDocument = true")
        await page.get_by_role("link", name="Traces", exact=True).click()
        await page.locator(".traces .root a").click()

        await expect(page.get_by_role("treegrid")).to_be_visible()
        lanes = await page.locator(".ruler").evaluate("each => getComputedStyle(each).display")
        assert lanes == "grid"
        assert trace_id in page.url
        assert await page.evaluate("window.sameDocument")


async def test_a_page_of_another_release_is_loaded_whole(
    web: Web, place: Place, olga: User
) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto("/sites/production/versions/")
        await page.evaluate("window.sameDocument = true")
        await page.evaluate(
            "const base = document.querySelector('link[rel=stylesheet]');"
            "const there = new URL(base.href).pathname;"
            "base.setAttribute('href', there.replace(/[0-9a-f]{12}/, 'ab'.repeat(6)))"
        )
        await page.get_by_role("link", name="Sampling", exact=True).click()

        await page.wait_for_url("**/sampling/")
        await expect(page.locator("h1")).to_contain_text("petstore")
        assert not await page.evaluate("window.sameDocument")
