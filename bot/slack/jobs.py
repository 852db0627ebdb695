"""The part of an event that is stored until it is answered."""

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
SHARED = "is_ext_shared_channel"  # with another company; Slack says so beside the event
_INLINE = ("message", "block_actions")
_UNUSUAL = re.compile(r"[^\x21-\x7e]")


@dataclass(eq=False)
class Job:
    """An event in this process.

    `recorded` resolves once the database has the event: True if this process answers it.
    `at_risk`: it was acknowledged before it was recorded. `abandoned`: a process that is gone
    may have started on it. `outcome` is its state once the answer is posted. The holder of the
    `marking` lock writes its state.
    """

    row: ReceivedEvent
    recorded: asyncio.Future[bool]
    at_risk: bool = False
    abandoned: bool = False
    outcome: State = State.ANSWERED
    marking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_anothers(self) -> bool:
        """Whether another process recorded it first."""
        return self.recorded.done() and not self.recorded.result()

    @cached_property
    def event(self) -> Event:
        """The fields of Slack's event that an answer needs."""
        found: Event = json.loads(self.row.payload)
        return found

    @property
    def author(self) -> str:
        """The Slack user who asked."""
        return str(self.event.get("user"))

    @property
    def is_direct(self) -> bool:
        """Whether only its author can see the answer."""
        if self.event.get("response_url") or self.row.channel == self.event.get("user"):
            return True
        return is_direct(self.event)

    @property
    def is_overheard(self) -> bool:
        """Whether it is a message in a channel that does not mention the bot."""
        return self.event.get("type") == "message" and not is_direct(self.event)

    @cached_property
    def thread(self) -> tuple[str, str]:
        """The channel, and the ts of the thread that the answer belongs to ("" for none).

        A direct message is answered beside it, unless it is in a thread.
        """
        if is_direct(self.event):
            return self.row.channel, str(self.event.get("thread_ts") or "")
        return self.row.channel, str(self.event.get("thread_ts") or self.event["ts"])

    @property
    def lane(self) -> tuple[str, str]:
        """The thread, in which answers are given one at a time; without one, its own key."""
        return self.row.channel, self.row.thread


def is_direct(event: Event) -> bool:
    """Return whether an event is a direct message, or a click on a button there."""
    return event.get("type") in _INLINE and str(event.get("channel")).startswith("D")


def new_job(payload: Event, holder: str, now: datetime) -> Job:
    """Return the job of an event's payload, whose `event` has a channel and a ts.

    If one message can cause several events, as its buttons do, `once` tells them apart.
    """
    event = payload["event"]
    channel, ts = _key(event["channel"]), _key(event.get("once") or event["ts"])
    row = ReceivedEvent(
        event_id=_key(payload.get("event_id") or f"{channel}/{ts}"),
        channel=channel,
        ts=ts,
        thread=_key(event.get("thread_ts") or ("" if is_direct(event) else ts)),
        team=_key(payload.get("team_id", "")),
        kind=_key(event["type"]),
        payload=json.dumps(_needed(payload, event)),
        holder=holder,
        lease_until=now,
        received=now,
    )
    return Job(row, asyncio.get_running_loop().create_future())


def _needed(payload: Event, event: Event) -> dict[str, Any]:
    found = {name: event[name] for name in _NEEDED if name in event}
    return found | ({SHARED: payload[SHARED]} if isinstance(payload.get(SHARED), bool) else {})


def abandoned_job(row: ReceivedEvent) -> Job:
    """Return the job of an event that was taken over from a process that is gone."""
    job = Job(row, asyncio.get_running_loop().create_future(), abandoned=True)
    job.recorded.set_result(True)
    return job


def _key(text: object) -> str:
    """Return what every database can store, so that one row cannot fail a whole burst."""
    return _UNUSUAL.sub("", str(text))[:64]
