"""Whose connections use the Slack app: a stray program takes its share of the messages."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import Error
from django.db.models import Sum
from django.utils import timezone

from bot import metrics
from bot.models import BotProcess
from ops.database import in_database

GONE = timedelta(seconds=60)
SECONDS = 1.0
log = logging.getLogger(__name__)


class Census:
    """Counts our connections in all bot processes; `own` counts those of this one."""

    def __init__(
        self, name: str, own: Callable[[], int], clock: Callable[[], datetime] = timezone.now
    ) -> None:
        self.name = name
        self.own = own
        self.clock = clock

    async def told(self, number: int) -> None:
        """Compare with what Slack counts, and warn when there are more than ours."""
        own = self.own()
        ours = own + await self.beat()
        metrics.strays.set(max(0, number - ours))
        if number > ours:
            log.warning(
                "%s connections use this Slack app, %s of them ours: another program takes "
                "messages away; give it an app of its own",
                number,
                ours,
            )

    async def beat(self) -> int:
        """Tell the other processes of our connections; returns how many they have."""
        try:
            async with asyncio.timeout(SECONDS):
                return await in_database(_beat, self.name, self.own(), self.clock())
        except (Error, TimeoutError) as error:
            log.warning("the other bot processes cannot be counted: %s", error or "no answer")
            return 0

    async def leave(self) -> None:
        """Tell them that this process has none any more."""
        try:
            await in_database(BotProcess.objects.filter(name=self.name).delete)
        except Error as error:
            log.warning("the other bot processes count us for a minute more: %s", error)


def _beat(name: str, sockets: int, now: datetime) -> int:
    BotProcess.objects.update_or_create(name=name, defaults={"sockets": sockets, "seen": now})
    BotProcess.objects.filter(seen__lt=now - GONE).delete()
    others = BotProcess.objects.exclude(name=name).aggregate(sockets=Sum("sockets"))
    return others["sockets"] or 0
