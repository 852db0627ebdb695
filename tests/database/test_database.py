"""Work at the database: bounded in what waits, explained when it fails."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import AsyncClient
from pytest_django import Settings

from ops.database import DatabaseBusy, RequestThreads, in_database, patiently
from ops.database.threads import THREADS, asked_at
from ops.database.waiting import MOST
from ops.errors import Busy, DatabaseUnavailable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def all_taken() -> AsyncIterator[threading.Event]:
    """Every database thread is held until the event is set."""
    release, held = threading.Event(), threading.Barrier(THREADS + 1)

    def hold() -> None:
        held.wait()
        release.wait()

    holding = [asyncio.ensure_future(in_database(hold)) for _ in range(THREADS)]
    await asyncio.to_thread(held.wait)
    yield release
    release.set()
    await asyncio.gather(*holding)


async def test_it_turns_away_what_does_not_get_its_turn(
    all_taken: threading.Event, settings: Settings
) -> None:
    settings.PATIENCE = 1.0
    with pytest.raises(Busy, match="too many requests are waiting for the database; try again"):
        await in_database(User.objects.count)
    all_taken.set()
    assert await in_database(User.objects.count) == 0


async def test_it_turns_away_who_waits_too_long_in_a_queue_that_moves(settings: Settings) -> None:
    settings.PATIENCE = 1.0
    over = threading.Event()
    with patiently():  # or their turn would come to us at the moment when they give up
        before = [asyncio.ensure_future(in_database(over.wait, 0.1)) for _ in range(MOST)]
    await asyncio.sleep(0)  # they are before us
    with pytest.raises(DatabaseBusy):
        await in_database(User.objects.count)
    moved = [each for each in before if each.done() and each.exception() is None]
    over.set()
    await asyncio.gather(*before, return_exceptions=True)
    assert len(moved) > THREADS


def test_it_counts_the_wait_for_a_thread_too() -> None:
    """A request's pieces are one at a time."""
    threads, release = RequestThreads(), threading.Event()
    threads.submit(release.wait)
    second = threads.submit(asked_at)
    before = time.monotonic()
    release.set()
    assert second.result() <= before


async def test_it_turns_away_at_once_behind_so_many(all_taken: threading.Event) -> None:
    waiting = [asyncio.ensure_future(in_database(User.objects.count)) for _ in range(MOST)]
    await asyncio.sleep(0)  # they begin to wait
    with pytest.raises(DatabaseBusy):
        await in_database(User.objects.count)
    with patiently():
        patient = asyncio.ensure_future(in_database(User.objects.count))
    await asyncio.sleep(0)
    all_taken.set()
    assert await asyncio.gather(*waiting, patient) == [0] * (MOST + 1)


async def test_it_gives_the_turn_of_who_left_to_the_next(all_taken: threading.Event) -> None:
    leaving = asyncio.ensure_future(in_database(User.objects.count))
    staying = asyncio.ensure_future(in_database(User.objects.count))
    await asyncio.sleep(0)
    leaving.cancel()
    all_taken.set()
    assert await staying == 0
    assert await asyncio.gather(*(in_database(User.objects.count) for _ in range(2 * THREADS)))


async def test_it_leaves_no_connection_in_the_threads_of_a_request() -> None:
    def used() -> tuple[int, list[bool]]:
        before = [each.connection is not None for each in connections.all(initialized_only=True)]
        User.objects.count()
        return threading.get_ident(), before

    async with ThreadSensitiveContext(executor=RequestThreads()):
        first, _ = await sync_to_async(used)()
        assert await User.objects.acount() == 0
    async with ThreadSensitiveContext(executor=RequestThreads()):
        again = [await sync_to_async(used)() for _ in range(20)]
    assert first in {thread for thread, _ in again}
    assert not any(before for _, found in again for before in found)


async def test_it_explains_what_a_database_says(async_client: AsyncClient) -> None:
    def missing() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM never_made")

    with pytest.raises(DatabaseUnavailable, match="table is missing; run: manage"):
        await in_database(missing)
    async with ThreadSensitiveContext(executor=RequestThreads()):
        with pytest.raises(DatabaseUnavailable, match="table is missing; run: manage"):
            await sync_to_async(missing)()


async def test_it_leaves_errors_of_the_code_alone() -> None:
    await in_database(User.objects.create, username="olga")
    with pytest.raises(Exception, match=r"(?i)unique") as caught:
        await in_database(User.objects.create, username="olga")
    assert not isinstance(caught.value, DatabaseUnavailable | Busy)
