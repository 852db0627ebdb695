"""What of an event is kept until it is answered."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from bot.models import ReceivedEvent, State

Event = Mapping[str, Any]

_NEEDED = (
    "type", "channel_type", "user", "text", "blocks", "channel", "ts", "thread_ts", "team",
    "user_team", "source_team", "once", "response_url",
)  # fmt: skip
_UNUSUAL = re.compile(r"[^\x21-\x7e]")


@dataclass(eq=False)
class Job:
    """An event in this process.

    `recorded` tells, once the database has it, whether it is ours to answer; `at_risk` that it
    was acknowledged before; `abandoned` that a process which is gone may have begun with it;
    `outcome` what it is once the answer is posted. Whoever is `marking` it writes its state.
    """

    row: ReceivedEvent
    recorded: asyncio.Future[bool]
    at_risk: bool = False
    abandoned: bool = False
    outcome: State = State.ANSWERED
    marking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_anothers(self) -> bool:
        """Another process had it recorded first."""
        return self.recorded.done() and not self.recorded.result()

    @cached_property
    def event(self) -> Event:
        """The event as Slack sent it, as far as an answer needs it."""
        found: Event = json.loads(self.row.payload)
        return found

    @property
    def is_direct(self) -> bool:
        """Nobody but its writer reads what is answered to it."""
        if self.event.get("response_url") or self.row.channel == self.event.get("user"):
            return True
        return self.event.get("type") == "message" and self.event.get("channel_type") == "im"

    @cached_property
    def thread(self) -> tuple[str, str]:
        """Channel and ts of the thread that the answer belongs to, "" for none."""
        return self.row.channel, str(self.event.get("thread_ts") or self.event["ts"])

    @property
    def lane(self) -> tuple[str, str]:
        """What has one answer after the other: a thread; what belongs to none is alone."""
        return self.row.channel, self.row.thread


def new_job(payload: Event, holder: str, now: datetime) -> Job:
    """Return the job of an event's payload; its `event` has a channel and a ts.

    Where several events can come of one message, as of a button, `once` tells them apart.
    """
    event = payload["event"]
    channel, ts = _key(event["channel"]), _key(event.get("once") or event["ts"])
    row = ReceivedEvent(
        event_id=_key(payload.get("event_id") or f"{channel}/{ts}"),
        channel=channel,
        ts=ts,
        thread=_key(event.get("thread_ts") or ts),
        team=_key(payload.get("team_id", "")),
        kind=_key(event["type"]),
        payload=json.dumps({name: event[name] for name in _NEEDED if name in event}),
        holder=holder,
        lease_until=now,
        received=now,
    )
    return Job(row, asyncio.get_running_loop().create_future())


def abandoned_job(row: ReceivedEvent) -> Job:
    """Return the job of an event that was taken over from a process that is gone."""
    job = Job(row, asyncio.get_running_loop().create_future(), abandoned=True)
    job.recorded.set_result(True)
    return job


def _key(text: object) -> str:
    """What every database stores, so that no row of a burst spoils the others."""
    return _UNUSUAL.sub("", str(text))[:64]
