"""What the bot's processes tell each other, and the dashboard, through the database.

Slack says how many connections use the app. More than ours are a stray program's, which takes
its share of the messages.
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
from ops.database import in_database

GONE = timedelta(seconds=60)
SECONDS = 1.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How this process is; see BotProcess."""

    sockets: int
    reached: int
    heard: datetime | None
    waiting: int
    full: datetime | None


class Heartbeat:
    """Tells of this process, `name`, in the `workspace` with that address."""

    def __init__(
        self,
        name: str,
        workspace: str,
        standing: Callable[[], Standing],
        clock: Callable[[], datetime] = timezone.now,
    ) -> None:
        self.name = name
        self.workspace = workspace
        self.standing = standing
        self.clock = clock
        self._counted: int | None = None
        self._ours = 0
        self._telling: asyncio.Future[int] | None = None
        self._strays: dict[str, int | datetime] = {}

    async def told(self, number: int) -> None:
        """Note how many connections Slack counts.

        The next beat compares: another process may not have told of one that it just opened.
        """
        self._ours = await self._tell()
        self._counted = number

    async def beat(self) -> None:
        """Tell of this process; warn when Slack has counted more connections than are ours."""
        ours = await self._tell()
        if self._counted is None:
            return
        number, ours, self._counted = self._counted, max(ours, self._ours), None
        strays = max(0, number - ours)
        metrics.strays.set(strays)
        self._strays = {"strays": strays, "counted": self.clock()}
        if strays:
            log.warning(
                "%s connections use this Slack app, %s of them ours: another program takes "
                "messages away; give it an app of its own",
                number,
                ours,
            )
            await self._tell()

    async def stop(self) -> None:
        """Let what is being told be written: it must not come after the word of our end."""
        if self._telling:
            await asyncio.wait((self._telling,), timeout=SECONDS)

    async def _tell(self) -> int:
        """Return how many connections all processes have."""
        now, standing = self.clock(), self.standing()
        row = {"workspace": self.workspace, "seen": now, **asdict(standing), **self._strays}
        try:
            async with asyncio.timeout(SECONDS):
                self._telling = asyncio.ensure_future(in_database(_write, self.name, row, now))
                others = await asyncio.shield(self._telling)
        except (Error, TimeoutError) as error:
            log.warning("the other bot processes cannot be counted: %s", error or "no answer")
            others = 0
        return standing.sockets + others


async def tell_end(name: str, failure: str) -> None:
    """Tell them that a process has no connection any more, and of what made it end."""
    now = timezone.now()
    row = {"sockets": 0, "reached": 0, "seen": now, "stopped": now, "failure": failure}
    try:
        async with asyncio.timeout(SECONDS):
            await in_database(_write, name, row, now)
    except (Error, TimeoutError) as error:
        log.warning("the others count us for a minute more: %s", error or "no answer")


def _write(name: str, row: dict[str, object], now: datetime) -> int:
    BotProcess.objects.update_or_create(name=name, defaults=row)
    BotProcess.objects.filter(seen__lt=now - GONE).delete()
    others = BotProcess.objects.exclude(name=name).aggregate(sockets=Sum("sockets"))
    return others["sockets"] or 0
