"""Page, badge, overview, bot, diagnosis and gRPC agree: nothing is firing only if that is known.

With a watcher and without one.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from aiohttp import web
from django.test import AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from bot import console
from bot.replies import plain
from ops.actor import Actor
from ops.alerts.watching import ALERTS
from ops.backends.clients import close_clients
from ops.backends.prometheus import Rules
from ops.watch import notices
from ops.watch.notices import Notice
from ops.watch.picture import pictures
from ops.watch.watcher import watch
from proto.ops import ops_pb2
from tests.conftest import Person, actor_of
from tests.dashboard.conftest import logged_in
from tests.dashboard.places import heading, text
from tests.fakes.prometheus import FakePrometheus, Fault
from tests.green.worlds import WORLDS, SourceOf, World, date, written
from tests.rpc.conftest import Client, channel, guest, ops

__all__ = ["channel", "guest", "ops"]

RUNS = int(os.environ.get("GREEN_DOOR_RUNS", "2"))
_numbers = count()
_CALM = re.compile(r"nothing is firing(?! that we know of)", re.IGNORECASE)
pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def existing(world: World, folder: Path, settings: Settings) -> AsyncIterator[None]:
    """Let the world's sources exist, and its site file be in use."""
    async with AsyncExitStack() as stack:
        urls = []
        for source in world.sources:
            fake = await stack.enter_async_context(FakePrometheus())
            fake.written = _answering(source)
            fake.fault = Fault.NONE if source.answers else Fault.UNAVAILABLE
            urls.append(fake.url)
        path = folder / f"sites{next(_numbers)}.toml"
        path.write_text(world.site_file(urls))
        settings.SITES_FILE = str(path)
        pictures.clear()
        try:
            yield
        finally:
            await close_clients()


def _answering(source: SourceOf) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        path, now = request.path.rpartition("/")[2], time.time()
        if path not in ("rules", "alerts"):
            return web.json_response(
                {"status": "success", "data": {"resultType": "vector", "result": []}}
            )
        headers = {"Content-Type": "application/json", "Date": date(source, now)}
        return web.Response(body=written(source, path, now), headers=headers)

    return answer


@asynccontextmanager
async def maybe_watched(world: World, watched: bool) -> AsyncIterator[None]:
    """With a watcher, wait until it has asked every source."""
    if not watched:
        yield
        return
    stop, heard = asyncio.Event(), asyncio.Event()

    def hear(_: Notice) -> None:
        heard.set()

    listening = asyncio.create_task(notices.listen(hear))
    running = asyncio.create_task(watch(stop, ALERTS))
    try:
        async with asyncio.timeout(60):
            while not await _all_asked():
                heard.clear()
                await heard.wait()
        yield
    finally:
        stop.set()
        await running
        listening.cancel()


async def _all_asked() -> bool:
    picture = await pictures.newest("production", ALERTS.name, Rules)
    return picture is not None and all(
        each.answer is not None or each.error for each in picture.sources.values()
    )


@pytest.fixture
def browser(person: Person) -> tuple[AsyncClient, Actor]:
    user = person("olga", "operators")
    return logged_in(user), actor_of(user)


@pytest.mark.usefixtures("guest")
@settings(
    max_examples=RUNS,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=WORLDS, watched=st.booleans())
async def test_no_door_says_green_without_knowing(
    world: World,
    watched: bool,
    tmp_path: Path,
    settings: Settings,
    browser: tuple[AsyncClient, Actor],
    ops: Client,
) -> None:
    settings.POLL_SECONDS = 5.0
    client, actor = browser
    async with existing(world, tmp_path, settings), maybe_watched(world, watched):
        page, overview = await client.get("/alerts/"), await client.get("/")
        badge = await client.get("/alerts/badge/", headers={"HX-Request": "true"})
        said = plain(await console.answer(actor, "alerts"))
        diagnosis = plain(await console.answer(actor, "diagnose"))
        try:
            answer = await ops.Alerts(ops_pb2.AlertsReq())
            by_rpc = not answer.not_known and not any(
                each.state == "firing" for each in answer.alerts
            )
        except Exception:  # noqa: BLE001 - a source that does not answer at all is no green
            by_rpc = False
    greens = {
        "page": heading(page).partition(",")[0] == "Nothing is firing",
        "overview": heading(overview).partition(",")[0] == "Nothing is firing",
        "badge": 'data-mark=""' in badge.content.decode(),
        "bot": "nothing is firing" in said.lower() and "that we know of" not in said,
        "diagnosis": diagnosis.startswith("production: no alert is firing"),
        "gRPC": by_rpc,
    }
    if not world.is_green:
        everything = " ".join((text(page), text(overview), said))
        assert not _CALM.search(everything), everything
    if not world.is_known:
        assert "✓ none" not in text(overview)
    # A badge asks no source itself: without a watcher it does not know.
    expected = dict.fromkeys(greens, world.is_green) | {"badge": world.is_green and watched}
    assert greens == expected, (heading(page), badge.content, said, diagnosis)
