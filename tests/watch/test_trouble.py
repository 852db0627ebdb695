"""What goes wrong in one part of a watch costs that part, and nothing else."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiohttp import web

from ops.backends.clients import close_clients
from ops.database import in_database
from ops.sites import Site
from ops.watch.models import SourcePeriod, WatchedSite
from ops.watch.periods import Changes, Period
from ops.watch.picture import Picture, pictures
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, Fault
from tests.watch.conftest import answering, watching

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("site")]


class Numbers:
    """A subject: its sources answer with the number of the poll; one of them is odd."""

    name = "numbers"
    answer = int
    remembered: tuple[type[Period], ...] = ()

    def __init__(self, poll: Callable[[str], None], remember: Callable[[], None]) -> None:
        self._poll = poll
        self._remember = remember

    def sources(self, site: Site) -> Sequence[str]:
        return ["even", "odd"]

    async def poll(self, site: Site, source: str, before: int | None) -> int:
        self._poll(source)
        return (before or 0) + 1

    def history(self, site: Site) -> "Numbers":
        return self

    def resume(self) -> None:
        pass

    def changes(self, picture: Picture[int]) -> Sequence[Changes[Any]]:
        self._remember()
        return ()


async def newest() -> Picture[int]:
    found = await pictures.newest("production", "numbers", int)
    return found or Picture("production", "numbers", 0, 0, 0, {})


async def even_answers_again_and_again() -> bool:
    even = (await newest()).sources.get("even")
    return even is not None and (even.answer or 0) > 3


def nothing(_: str = "") -> None:
    pass


async def test_an_answer_that_we_fail_to_read_costs_its_source_alone() -> None:
    def poll(source: str) -> None:
        if source == "odd":
            raise ZeroDivisionError

    async with watching(Numbers(poll, nothing)) as watcher:
        await watcher.until(even_answers_again_and_again)
        found = await newest()
    assert found.epoch == 1, "the watch has not ended meanwhile"
    assert found.sources["odd"].error.startswith("the answer of odd could not be processed")
    reason = await in_database(lambda: SourcePeriod.objects.get(state="fails").reason)
    assert reason == found.sources["odd"].error


async def test_a_history_that_cannot_be_written_costs_the_history_alone() -> None:
    def remember() -> None:
        raise ZeroDivisionError

    async with watching(Numbers(nothing, remember)) as watcher:
        await watcher.until(even_answers_again_and_again)
        assert (await newest()).epoch == 1


async def test_a_database_that_hangs_does_not_hold_up_the_picture() -> None:
    answers = threading.Event()

    def hangs() -> None:
        assert answers.wait(20)

    async with watching(Numbers(nothing, hangs)) as watcher:
        await watcher.until(even_answers_again_and_again)
        answers.set()


async def test_a_site_without_sources_is_not_watched(
    site_file: SiteFile, first: FakePrometheus
) -> None:
    site_file(
        f"""
        [sites.empty]
        [[sites.production.prometheus]]
        name = "shop-a"
        url = "{first.url}"
        """
    )
    async with watching() as watcher:
        await watcher.until(answering("shop-a"))
    assert await in_database(lambda: [each.site for each in WatchedSite.objects.all()]) == [
        "production"
    ]


async def test_an_error_with_odd_characters_is_remembered(second: FakePrometheus) -> None:
    async def odd(_: web.Request) -> web.Response:
        return web.Response(status=500, text="it is\0broken")

    def reason() -> str:
        return SourcePeriod.objects.get(key="alerts shop-b", state="fails").reason

    second.written = odd
    async with watching() as watcher:
        await watcher.until(answering("shop-a"))
        await watcher.news(2)
    assert "it is\N{REPLACEMENT CHARACTER}broken" in await in_database(reason)


async def test_the_next_watcher_goes_on_with_the_time_that_a_source_answers(
    second: FakePrometheus,
) -> None:
    async with watching() as watcher:
        await watcher.until(answering("shop-a", "shop-b"))
        await watcher.news()
    await close_clients()  # with their answers of the last second
    second.fault = Fault.HANG
    async with watching() as watcher:
        await watcher.until(answering("shop-a"))
        await watcher.news(2)
        second.fault = Fault.NONE
        second.release.set()
        await watcher.until(answering("shop-a", "shop-b"))
        await watcher.news()
    assert await in_database(SourcePeriod.objects.count) == 2
