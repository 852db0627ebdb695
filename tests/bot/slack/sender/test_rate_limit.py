"""Places in a channel, shared by processes."""

import asyncio

import pytest
from django.db import connection

from bot.models import Pace
from bot.slack.clock import Clock
from bot.slack.rate_limit import RateLimiter
from ops.database import in_database
from tests.bot.clock import FakeClock
from tests.bot.conftest import PATIENT
from tests.bot.slack.sender.sending import SECOND
from tests.fakes.slack import CHANNEL, DIRECT

pytestmark = pytest.mark.django_db(transaction=True)


def limiter_at(clock: Clock) -> RateLimiter:
    return RateLimiter(clock, PATIENT)


async def test_processes_share_a_channels_places() -> None:
    one, other = limiter_at(FakeClock()), limiter_at(FakeClock())
    turns = [await each.reserve(CHANNEL, SECOND) for each in (one, other, one, other, one)]
    assert turns == [0, 0, 0, 1, 2]
    assert await other.reserve(DIRECT, SECOND) == 0


async def test_places_that_are_taken_at_once_are_all_different() -> None:
    limiters = [limiter_at(FakeClock()) for _ in range(4)]
    turns = await asyncio.gather(*(limiters[n % 4].reserve(CHANNEL, SECOND) for n in range(12)))
    assert sorted(turns) == [0, 0, *range(10)]


async def test_what_slack_asked_one_process_all_keep() -> None:
    one, other = limiter_at(FakeClock()), limiter_at(FakeClock())
    await one.back_off(CHANNEL, SECOND, 7)
    assert [await other.reserve(CHANNEL, SECOND), await one.reserve(CHANNEL, SECOND)] == [7, 8]


async def test_a_quiet_channel_has_its_burst_again() -> None:
    clock = FakeClock()
    limiter = limiter_at(clock)
    assert [await limiter.reserve(CHANNEL, SECOND) for _ in range(4)] == [0, 0, 0, 1]
    clock.passes(60)
    assert [await limiter.reserve(CHANNEL, SECOND) for _ in range(4)] == [0, 0, 0, 1]


@pytest.mark.parametrize("seconds", [3_600, 86_400])
async def test_a_clock_that_is_put_back_silences_nobody(seconds: int) -> None:
    clock = FakeClock()
    one, other = limiter_at(clock), limiter_at(clock)
    assert [await one.reserve(CHANNEL, SECOND) for _ in range(4)] == [0, 0, 0, 1]
    clock.now -= seconds
    turns = [await each.reserve(CHANNEL, SECOND) for each in (one, other, one, other, one)]
    assert turns == [0, 0, 0, 1, 2]
    await other.back_off(CHANNEL, SECOND, 7)
    assert await one.reserve(CHANNEL, SECOND) == 7


async def test_a_process_paces_itself_without_a_database(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def drop() -> None:
        with connection.schema_editor() as editor:
            editor.delete_model(Pace)

    def create() -> None:
        with connection.schema_editor() as editor:
            editor.create_model(Pace)

    limiter = limiter_at(FakeClock())
    await in_database(drop)
    try:
        assert [await limiter.reserve(CHANNEL, SECOND) for _ in range(4)] == [0, 0, 0, 1]
    finally:
        await in_database(create)
    assert "each process paces its messages alone" in caplog.text
