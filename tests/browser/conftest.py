"""Chromium before a real server: one Chromium, and one event loop, for all tests of this room."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from django.contrib.auth.models import User
from django.test import AsyncClient
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.chromium import executable
from tests.dashboard.conftest import (  # noqa: F401 - the fixtures are for this room too
    ceiling,
    place,
)
from tests.dashboard.sockets import WITHIN, served
from tests.fakes.jaeger import Release

# Until then everything happens unless it never does; Playwright's own 5 and 30 s are over sooner
# on a busy machine.
expect.set_options(timeout=WITHIN * 1_000)
WATCH = """
document.addEventListener("securitypolicyviolation", (event) =>
  violated(`${event.effectiveDirective} ${event.blockedURI} at ${event.sourceFile}`))
"""


@dataclass
class Web:
    """The server's address, and what the browser found amiss: content policy, script errors."""

    base: str
    browser: Browser
    amiss: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[Page]:
        """A fresh window, as `browser.new_context` makes it."""
        context = await self.browser.new_context(base_url=self.base, **options)
        context.set_default_timeout(WITHIN * 1_000)
        await context.expose_binding("violated", lambda _, said: self.amiss.append(said))
        await context.add_init_script(WATCH)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.amiss.append(str(error)))
        try:
            yield page
        finally:
            await context.close()


@pytest.fixture(params=["2.20"])
def release(request: Any) -> Release:
    """One release is enough here: tests/dashboard shows the same pages with each."""
    found: Release = request.param
    return found


@pytest.fixture
def _function_scoped_runner(_session_scoped_runner: asyncio.Runner) -> asyncio.Runner:
    """The loop that pytest-asyncio runs tests and their fixtures in: here it is Chromium's."""
    return _session_scoped_runner


@pytest.fixture
async def web(place: Any, transactional_db: None, chromium: Browser) -> AsyncIterator[Web]:  # noqa: F811
    async with served() as host:
        found = Web(f"http://{host}", chromium)
        yield found
        assert found.amiss == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One for all tests, as it takes a second to start; each has windows of its own."""
    async with async_playwright() as playwright:
        kind = playwright.chromium
        browser = await kind.launch(
            executable_path=executable(kind.executable_path), args=["--no-sandbox"]
        )
        yield browser
        await browser.close()


async def log_in(page: Page, name: str = "olga") -> None:
    """As somebody who logged in before; test_walk does so through the form."""
    client = AsyncClient()
    await client.aforce_login(await User.objects.aget(username=name))
    session = client.cookies["sessionid"].value
    await page.context.add_cookies(
        [{"name": "sessionid", "value": session, "domain": "127.0.0.1", "path": "/"}]
    )


async def log_in_through_the_form(page: Page, name: str = "olga") -> None:
    """As people do."""
    await page.goto("/account/login/")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill("opensesame")
    await page.get_by_role("button", name="Log in").click()
