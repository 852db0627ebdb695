import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pytest_django import Settings

from ops.alerts.watching import ALERTS
from ops.backends.prometheus import Rules
from ops.watch import notices
from ops.watch.notices import Notice
from ops.watch.picture import Picture, pictures
from ops.watch.subjects import Subject
from ops.watch.watcher import watch
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus

SITE = """
[sites.production]

[[sites.production.prometheus]]
name = "shop-a"
url = "{first}"
pair = "shop"

[[sites.production.prometheus]]
name = "shop-b"
url = "{second}"
pair = "shop"
"""


@pytest.fixture(autouse=True)
def quick(settings: Settings) -> None:
    settings.POLL_SECONDS = 0.2


@pytest.fixture
async def first() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as server:
        yield server


@pytest.fixture
async def second() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as server:
        yield server


@pytest.fixture
def site(site_file: SiteFile, first: FakePrometheus, second: FakePrometheus) -> None:
    site_file(SITE.format(first=first.url, second=second.url))


class Watching:
    """A watcher that runs."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()

    def hear(self, notice: Notice) -> None:
        self._heard.set()

    async def news(self, times: int = 1) -> None:
        """Wait until it has sent so many notices more."""
        async with asyncio.timeout(60):
            for _ in range(times):
                self._heard.clear()
                await self._heard.wait()

    async def until(self, holds: Callable[[], Awaitable[Any]]) -> None:
        """Wait until it has brought something about."""
        async with asyncio.timeout(60):
            while not await holds():
                await self.news()


async def picture() -> Picture[Rules]:
    """The newest picture of the site, an empty one if there is none."""
    found = await pictures.newest("production", "alerts", Rules)
    return found or Picture("production", "alerts", 0, 0, 0, {})


def answering(*sources: str) -> Callable[[], Awaitable[bool]]:
    """Whether these sources are known and young."""

    async def holds() -> bool:
        found = await picture()
        young = {name for name, each in found.sources.items() if each.is_young(found.at)}
        return young == {*sources}

    return holds


@asynccontextmanager
async def watching(*subjects: Subject[Any]) -> AsyncIterator[Watching]:
    """Run a watcher while inside: of these subjects, or of alerts."""
    found, stop = Watching(), asyncio.Event()
    listening = asyncio.create_task(notices.listen(found.hear))
    running = asyncio.create_task(watch(stop, *(subjects or (ALERTS,))))
    try:
        yield found
    finally:
        stop.set()
        await running
        listening.cancel()
