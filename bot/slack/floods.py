"""Say once, for all messages of a flood, how many are left unanswered.

    too many of one author wait ── 2 s ──> "Sorry, ... 480 of your messages" ── 15 s ──> 512, edited
                                                                                 └─ no more: over

A flood is what one author sends to one channel. Its first message is answered like any other, so
that another process answers it if this one is killed; the rest counts as answered at once.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bot.errors import unanswered_reply
from bot.models import State
from bot.slack.blocks import SlackMessage, slack_messages
from bot.slack.interactions import HOME
from bot.slack.jobs import Job
from bot.slack.post_claim import PostClaim, TakenOverError
from bot.slack.sender import Sender, Sent
from bot.slack.timing import Timing

MOST = 2_000  # at a time; beyond that even apologies would take hours to post
log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Flood:
    """How many messages of one author in one channel are left unanswered, and how many we said."""

    first: Job
    left: int = 1
    said: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Floods:
    """The floods that one bot process is in. `claimed` returns the claim to answer a job."""

    def __init__(
        self,
        sender: Sender,
        finish: Callable[[Job, State], None],
        claimed: Callable[[Job], PostClaim],
        timing: Timing,
    ) -> None:
        self.sender = sender
        self.finish_job = finish
        self.claimed = claimed
        self.timing = timing
        self._floods: dict[tuple[str, str], _Flood] = {}
        self._telling: dict[asyncio.Task[None], _Flood] = {}

    def add(self, job: Job) -> None:
        """Leave a job unanswered, and say so."""
        key = (job.author, job.row.channel)
        if flood := self._floods.get(key):
            flood.left += 1
            self.finish_job(job, State.ANSWERED)
        elif job.row.kind == HOME:
            self.finish_job(job, State.ANSWERED)  # the tab is shown anew whenever it is opened
        elif len(self._floods) >= MOST:
            log.warning("too many messages are waiting: one stays without an answer")
            self.finish_job(job, State.FAILED)
        else:
            flood = self._floods[key] = _Flood(job)
            task = asyncio.ensure_future(self._tell(flood))
            self._telling[task] = flood
            task.add_done_callback(self._telling.pop)

    async def finish(self, seconds: float) -> None:
        """Say what is still to be said, within so many seconds."""
        for flood in self._telling.values():
            flood.ended.set()
        if self._telling:
            _, late = await asyncio.wait(self._telling, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def _tell(self, flood: _Flood) -> None:
        try:
            await self._pause(flood, self.timing.gather)
            sent = await self._apologise(flood)
            await self._pause(flood, self.timing.recount)
            while flood.said < flood.left:
                await self._correct(flood, sent)
                await self._pause(flood, self.timing.recount)
        except TakenOverError:
            pass
        except Exception:
            log.exception("the number of messages left unanswered could not be posted")
        finally:
            del self._floods[flood.first.author, flood.first.row.channel]

    async def _apologise(self, flood: _Flood) -> Sent:
        """Answer the first message; returns what to edit."""
        job, claim = flood.first, self.claimed(flood.first)
        try:
            if url := job.event.get("response_url"):
                sent = Sent(await self.sender.respond(str(url), [_message(flood)], claim))
            else:
                sent = await self.sender.post(job.thread, _message(flood), claim)
        except TakenOverError:
            raise  # another process answers it
        except Exception:
            self.finish_job(job, State.UNKNOWN if claim.posting else State.FAILED)
            raise
        self.finish_job(job, sent.state)
        return sent

    async def _correct(self, flood: _Flood, sent: Sent) -> None:
        """Say a higher number; a message that only one person sees cannot be edited."""
        message, channel = _message(flood), sent.channel or flood.first.row.channel
        if sent.ts:
            await self.sender.replace(channel, sent.ts, message)
        elif url := flood.first.event.get("response_url"):
            await self.sender.respond(str(url), [message])

    async def _pause(self, flood: _Flood, seconds: float) -> None:
        """Wait, but not once the process is asked to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await flood.ended.wait()


def _message(flood: _Flood) -> SlackMessage:
    flood.said = flood.left
    return slack_messages(unanswered_reply(flood.left))[0]
