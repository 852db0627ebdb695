"""The status that each bot process reports to the others and to the dashboard.

Slack says how many connections use the app. If it counts more than the bots have, another
program uses the app and receives a share of the messages:

    hello: "num_connections": 5
      |  note_count()         write our connections, sum those of all processes: 4
      |  ... one beat ...     the others write theirs, which may be as new as ours
      v  beat()               sum again: 4, so one connection is another program's

The larger of the two sums counts, because a bot may also have stopped in between.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import Error
from django.db.models import Sum
from django.utils import timezone

from bot.models import BotProcess
from bot.slack import metrics
from bot.slack.deadlines import USUAL_DEADLINES, Deadlines
from ops.database import in_database

GONE = timedelta(seconds=60)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """The status of this process; see BotProcess."""

    sockets: int
    reached: int
    heard: datetime | None
    waiting: int
    full: datetime | None
    limited: datetime | None = None
    trusts: str = ""


class Heartbeat:
    """Report the status of the process `name`, whose workspace has the address `workspace`."""

    def __init__(
        self,
        name: str,
        workspace: str,
        status: Callable[[], ProcessStatus],
        clock: Callable[[], datetime] = timezone.now,
        deadlines: Deadlines = USUAL_DEADLINES,
    ) -> None:
        self.name = name
        self.workspace = workspace
        self.status = status
        self.clock = clock
        self.deadlines = deadlines
        self._counted: int | None = None
        self._ours = 0
        self._reporting: asyncio.Future[int] | None = None
        self._strays: dict[str, int | datetime] = {}

    async def note_count(self, number: int) -> None:
        """Record how many connections Slack counts.

        The next beat compares, so that other processes can first report new connections.
        """
        self._ours = await self._report()
        self._counted = number

    async def beat(self) -> None:
        """Report this process; warn if Slack counted more connections than the bots have."""
        ours = await self._report()
        if self._counted is None:
            return
        number, ours, self._counted = self._counted, max(ours, self._ours), None
        strays = max(0, number - ours)
        metrics.strays.set(strays)
        self._strays = {"strays": strays, "counted": self.clock()}
        if strays:
            log.warning(
                "%s connections use this Slack app, but only %s are ours: another program is "
                "taking messages away; give it its own app",
                number,
                ours,
            )
            await self._report()

    async def stop(self) -> None:
        """Wait for a report that is being written, which must not come after our end's."""
        if self._reporting:
            await asyncio.wait((self._reporting,), timeout=self.deadlines.report)

    async def _report(self) -> int:
        """Write the report; returns how many connections all processes have."""
        now, status = self.clock(), self.status()
        row = {"workspace": self.workspace, "seen": now, **asdict(status), **self._strays}
        try:
            async with asyncio.timeout(self.deadlines.report):
                self._reporting = asyncio.ensure_future(in_database(_write, self.name, row, now))
                others = await asyncio.shield(self._reporting)
        except (Error, TimeoutError) as error:
            log.warning("the other bot processes could not be counted: %s", error or "no answer")
            others = 0
        return status.sockets + others


async def report_end(name: str, failure: str, deadlines: Deadlines = USUAL_DEADLINES) -> None:
    """Report that a process has ended and has no connections, and the failure, "" for none."""
    now = timezone.now()
    row = {"sockets": 0, "reached": 0, "seen": now, "stopped": now, "failure": failure}
    try:
        async with asyncio.timeout(deadlines.report):
            await in_database(_write, name, row, now)
    except (Error, TimeoutError) as error:
        log.warning("other bots count this one for another minute: %s", error or "no answer")


def _write(name: str, row: dict[str, object], now: datetime) -> int:
    BotProcess.objects.update_or_create(name=name, defaults=row)
    BotProcess.objects.filter(seen__lt=now - GONE).delete()
    others = BotProcess.objects.exclude(name=name).aggregate(sockets=Sum("sockets"))
    return others["sockets"] or 0
