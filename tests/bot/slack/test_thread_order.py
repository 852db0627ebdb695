"""A thread's messages are answered one after the other, even by two processes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from bot.models import ReceivedEvent, State
from bot.slack.inbox import Inbox
from bot.slack.jobs import Job
from bot.slack.thread_order import ThreadOrder
from ops.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


class Process:
    """A bot's inbox and thread order; `begun` has the ts of each message it started to answer."""

    def __init__(self, name: str) -> None:
        self.now = START
        self.inbox = Inbox(name, lambda: self.now)
        self.begun: list[str] = []
        self.order = ThreadOrder(lambda job: self.begun.append(job.row.ts), lambda: self.now)

    async def gets(self, ts: str, thread: str = "1.0", **event: Any) -> Job:
        """Record a message and queue it."""
        whole = {"type": "app_mention", "channel": "C1", "ts": ts, "thread_ts": thread, **event}
        job, _ = self.inbox.take({"event_id": f"Ev{ts}", "event": whole})
        assert await self.inbox._write_burst()
        self.order.put(job)
        return job

    async def ends(self, job: Job) -> None:
        self.inbox.finish(job, State.ANSWERED)
        assert await self.inbox._write_burst()

    async def gives(self) -> list[str]:
        """Start what may start; return everything started so far."""
        await self.order.start_ready()
        return self.begun


async def test_a_message_waits_for_an_earlier_one_of_another_process() -> None:
    one, other = Process("one"), Process("other")
    first = await one.gets("1.0", thread="")
    await other.gets("2.0")
    await other.gets("3.0")
    assert await other.gives() == []
    assert await one.gives() == ["1.0"]
    await one.ends(first)
    assert await other.gives() == ["2.0", "3.0"]


async def test_it_waits_for_none_of_its_own_process() -> None:
    one = Process("one")
    await one.gets("1.0")
    assert await one.gives() == ["1.0"]
    await one.gets("2.0")
    assert await one.gives() == ["1.0", "2.0"]


@pytest.mark.parametrize("elsewhere", [{"thread": "9.0"}, {"channel": "C2"}, {"ts": "0.9"}])
async def test_it_waits_for_no_later_message_and_no_other_thread(elsewhere: Any) -> None:
    one, other = Process("one"), Process("other")
    await one.gets("1.0")
    await other.gets(**{"ts": "2.0", **elsewhere})
    assert await other.gives() == [elsewhere.get("ts", "2.0")]


async def test_what_is_taken_over_comes_before_what_waited_for_it() -> None:
    dead, heir = Process("dead"), Process("heir")
    await dead.gets("1.0")
    await heir.gets("2.0")
    assert await heir.gives() == []
    heir.now += timedelta(seconds=31)
    for job in await heir.inbox.pick_up(10):
        assert await heir.gives() == [], "it has it, but has not begun"
        heir.order.put(job)
    assert await heir.gives() == ["1.0", "2.0"]


async def test_a_message_that_is_stuck_does_not_hold_up_its_thread_for_ever() -> None:
    one, other = Process("one"), Process("other")
    await one.gets("1.0")
    await other.gets("2.0")
    other.now += timedelta(minutes=6)
    assert await other.gives() == ["2.0"]


async def test_without_a_database_nothing_waits() -> None:
    def drop() -> None:
        with connection.schema_editor() as editor:
            editor.delete_model(ReceivedEvent)

    def create() -> None:
        with connection.schema_editor() as editor:
            editor.create_model(ReceivedEvent)

    one, other = Process("one"), Process("other")
    await one.gets("1.0")
    await other.gets("2.0")
    await in_database(drop)
    try:
        assert await other.gives() == ["2.0"]
    finally:
        await in_database(create)
