import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from prometheus_client import REGISTRY

from bot.models import ReceivedEvent, State
from bot.slack import event_store
from bot.slack.deadlines import Deadlines
from bot.slack.inbox import Inbox
from bot.slack.jobs import Job
from ops.database import in_database
from ops.errors import OpsError
from tests.bot.conftest import away

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = Deadlines(record=0.01)
START = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


class Clock:
    """A clock that moves only when the test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **amount: float) -> None:
        self.now += timedelta(**amount)


def payload(event_id: str = "Ev1", ts: str = "1760005930.000100", **event: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "team_id": "T0ACME001",
        "token": "vt",
        "event": {
            "type": "app_mention",
            "user": "U0ALICE01",
            "text": "help",
            "channel": "C0OPS0001",
            "ts": ts,
            **event,
        },
    }


async def recorded(inbox: Inbox, **message: Any) -> Job:
    """Receive a message and record it."""
    job, _ = inbox.take(payload(**message))
    await written(inbox)
    return job


async def written(inbox: Inbox) -> None:
    """Write all pending messages, as the writer does."""
    assert await inbox._write_burst()


@asynccontextmanager
async def locked() -> AsyncIterator[None]:
    """Another program locks the row of Ev1 in an open transaction."""
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            row = ReceivedEvent(event_id="Ev1", lease_until=START, received=START)
            row.save(force_insert=True)
            holding.set()
            release.wait(10)
            transaction.set_rollback(True)

    holder = asyncio.ensure_future(in_database(hold))
    assert await asyncio.to_thread(holding.wait, 10)
    try:
        yield
    finally:
        release.set()
        await holder


async def test_it_gives_a_message_to_one_of_two_processes() -> None:
    first, second = Inbox("first"), Inbox("second")
    mine, copy = await recorded(first), await recorded(second)
    assert not mine.is_anothers
    assert copy.is_anothers
    assert await first.advance(mine, State.WORKING)
    assert not await second.advance(copy, State.WORKING)


@pytest.mark.parametrize("copy", [{"ts": "1.5"}, {"event_id": "Ev2"}])
async def test_it_knows_a_message_by_event_id_and_by_channel_and_ts(copy: dict[str, str]) -> None:
    inbox, other = Inbox("first"), Inbox("second")
    job = await recorded(inbox)
    assert inbox.take(payload(**copy)) == (job, False)
    assert (await recorded(other, **copy)).is_anothers


async def test_it_writes_a_burst_in_one_transaction() -> None:
    inbox = Inbox("first")
    jobs = [inbox.take(payload(f"Ev{n}", ts=f"{n}.1"))[0] for n in range(200)]
    await written(inbox)
    assert all(job.recorded.result() for job in jobs)
    assert await in_database(ReceivedEvent.objects.count) == 200


async def test_it_keeps_what_an_answer_needs_and_no_secret_until_it_is_answered() -> None:
    inbox = Inbox("first")
    unneeded = {"url_private": "https://files.example/secret", "attachments": [{"text": "secret"}]}
    job = await recorded(inbox, text="a \x00 b", **unneeded)
    row = await in_database(ReceivedEvent.objects.get)
    assert "vt" not in row.payload
    assert "secret" not in row.payload
    assert job.event["text"] == "a \x00 b"
    inbox.finish(job, State.ANSWERED)
    await written(inbox)
    row = await in_database(ReceivedEvent.objects.get)
    assert (row.state, row.payload) == (State.ANSWERED, "")
    assert row.finished is not None


async def test_it_takes_over_what_a_dead_process_had_begun_after_its_lease() -> None:
    clock = Clock()
    dead, heir, late = (Inbox(name, clock) for name in ("dead", "heir", "late"))
    job = await recorded(dead)
    await dead.advance(job, State.WORKING)
    assert await heir.pick_up(10) == []
    clock.passes(seconds=31)
    [taken] = await heir.pick_up(10)
    assert (taken.row.event_id, taken.abandoned) == ("Ev1", True)
    assert taken.event == job.event
    assert await late.pick_up(10) == [], "it is taken once"
    assert not await dead.advance(job, State.POSTING), "who comes back too late says nothing"
    assert await heir.advance(taken, State.POSTING)


async def test_it_takes_no_more_than_there_is_room_for() -> None:
    clock = Clock()
    dead, heir = Inbox("dead", clock), Inbox("heir", clock)
    for number in range(3):
        await recorded(dead, event_id=f"Ev{number}", ts=f"{number}.1")
    clock.passes(seconds=31)
    assert await heir.pick_up(0) == []
    assert [job.row.event_id for job in await heir.pick_up(2)] == ["Ev0", "Ev1"]


async def test_it_keeps_its_own_as_long_as_it_lives() -> None:
    clock = Clock()
    inbox, other = Inbox("first", clock), Inbox("second", clock)
    job = await recorded(inbox)
    for _ in range(5):
        clock.passes(seconds=20)
        assert await inbox.pick_up(10) == []
        assert await other.pick_up(10) == []
    assert await inbox.advance(job, State.WORKING)


async def test_it_takes_nothing_over_while_others_could_not_renew_their_leases(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They have answered meanwhile, and record it now."""
    clock = Clock()
    living, dead, heir = (Inbox(name, clock) for name in ("living", "dead", "heir"))
    job = await recorded(living)
    await recorded(dead, event_id="Ev2", ts="2.1")
    async with away(ReceivedEvent):
        clock.passes(seconds=31)
        assert await heir.pick_up(10) == []
        living.finish(job, State.ANSWERED)
        assert not await living._write_burst()
    assert "leases cannot be renewed" in caplog.text
    assert await heir.pick_up(10) == []
    await written(living)
    assert [job.row.event_id for job in await heir.pick_up(10)] == ["Ev2"]


async def test_it_takes_nothing_over_after_the_database_was_locked() -> None:
    clock = Clock()
    dead, heir = Inbox("dead", clock), Inbox("heir", clock)
    await recorded(dead, event_id="Ev2", ts="2.1")
    async with locked():
        waiting = asyncio.ensure_future(heir.pick_up(10))
        await asyncio.sleep(0)
        clock.passes(seconds=31)
    assert await waiting == []
    assert await heir.pick_up(10) == [], "the others renew their leases now"
    assert len(await heir.pick_up(10)) == 1


async def test_it_does_not_answer_again_what_may_be_posted() -> None:
    clock = Clock()
    dead, heir = Inbox("dead", clock), Inbox("heir", clock)
    await dead.advance(await recorded(dead), State.POSTING)
    clock.passes(seconds=31)
    assert await heir.pick_up(10) == []
    assert (await in_database(ReceivedEvent.objects.get)).state == State.UNKNOWN


async def test_it_gives_up_what_ends_one_process_after_the_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    await recorded(Inbox("killed", clock))
    for number in range(event_store.MOST_TAKEOVERS):
        clock.passes(seconds=31)
        heir = Inbox(f"heir {number}", clock)
        assert len(await heir.pick_up(10)) == 1
    clock.passes(seconds=31)
    assert await Inbox("last", clock).pick_up(10) == []
    assert (await in_database(ReceivedEvent.objects.get)).state == State.FAILED
    assert "Ev1 will not be answered: every bot that tried was gone" in caplog.text


async def test_what_orderly_stops_leave_is_not_given_up() -> None:
    clock = Clock()
    await recorded(ending := Inbox("ending", clock))
    for number in range(event_store.MOST_TAKEOVERS + 1):
        await ending.close()
        ending = Inbox(f"heir {number}", clock)
        assert len(await ending.pick_up(10)) == 1


async def test_it_leaves_what_it_has_not_begun_when_it_ends() -> None:
    clock = Clock()
    ending, other = Inbox("ending", clock), Inbox("other", clock)
    await recorded(ending)
    await ending.close()
    assert len(await other.pick_up(10)) == 1


async def test_it_forgets_after_a_day() -> None:
    clock = Clock()
    inbox = Inbox("first", clock)
    inbox.finish(await recorded(inbox), State.ANSWERED)
    await written(inbox)
    clock.passes(hours=23)
    await inbox.pick_up(10)
    assert await in_database(ReceivedEvent.objects.count) == 1
    clock.passes(hours=2)
    await inbox.pick_up(10)
    assert await in_database(ReceivedEvent.objects.count) == 0


async def test_it_records_later_what_it_could_not_record_in_time() -> None:
    inbox = Inbox("first", deadlines=AT_ONCE)
    writing = asyncio.ensure_future(inbox.write())
    async with locked():
        job, _ = inbox.take(payload())
        await inbox.wait_until_recorded(job)
        assert job.at_risk
        assert REGISTRY.get_sample_value("opsportal_bot_unrecorded") == 1
        assert inbox.take(payload()) == (job, False), "a copy does not make it two"
        assert await inbox.advance(job, State.WORKING), "meanwhile it is answered"
        assert await inbox.advance(job, State.POSTING)
        inbox.finish(job, State.ANSWERED)
    assert await job.recorded
    assert REGISTRY.get_sample_value("opsportal_bot_unrecorded") == 0
    writing.cancel()
    await inbox.close()
    assert (await in_database(ReceivedEvent.objects.get)).state == State.ANSWERED


async def test_it_writes_late_what_comes_first_before_what_comes_next() -> None:
    """Otherwise a message being posted would look unanswered."""
    inbox = Inbox("first", deadlines=AT_ONCE)
    jobs = [await recorded(inbox, event_id=f"Ev{n}", ts=f"{n}.1") for n in range(2, 5)]
    async with locked():
        for state in (State.WORKING, State.POSTING):
            assert all(await asyncio.gather(*(inbox.advance(job, state) for job in jobs)))
    for job in jobs:
        async with job.marking:
            row = await in_database(ReceivedEvent.objects.get, pk=job.row.pk)
        assert row.state == State.POSTING


async def test_it_makes_no_change_that_the_database_does_not_know_of() -> None:
    inbox = Inbox("first", deadlines=Deadlines(record_change=0.01))
    job, _ = inbox.take(payload())
    with pytest.raises(OpsError, match="the database did not answer, so nothing was changed"):
        await inbox.advance(job, State.WORKING, surely=True)


async def test_without_a_database_it_answers_until_its_lease_ends() -> None:
    clock = Clock()
    inbox = Inbox("first", clock)
    job = await recorded(inbox)
    clock.passes(seconds=20)
    await inbox.pick_up(10)
    async with away(ReceivedEvent):
        clock.passes(seconds=29)
        assert await inbox.advance(job, State.WORKING)
        clock.passes(seconds=2)
        assert not await inbox.advance(job, State.WORKING), "another may have taken it over"


async def test_it_records_the_same_again_when_the_first_answer_was_lost() -> None:
    inbox = Inbox("first")
    job, _ = inbox.take(payload())
    for _ in range(2):
        assert await in_database(event_store.write, [job.row], {}, START) == {job.row.pk}
