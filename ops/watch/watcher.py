"""The watcher of this process: it holds leases on sites, and watches those."""

import asyncio
import logging
import os
import secrets
import socket
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from ops.database import in_database
from ops.errors import OpsError
from ops.sites import sites
from ops.watch import lease, metrics
from ops.watch.lease import LASTS, LeaseLost, SiteLease
from ops.watch.site_watch import SiteWatch, jittered
from ops.watch.subjects import Subject

log = logging.getLogger(__name__)


async def watch(stop: asyncio.Event, *subjects: Subject[Any]) -> None:
    """Watch this process's share of the sites until `stop` is set."""
    await _Watcher(subjects).run(stop)


class _Watcher:
    def __init__(self, subjects: tuple[Subject[Any], ...]) -> None:
        self._subjects = subjects
        self._name = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
        self._sites = sites().all
        self._watching: dict[str, tuple[SiteLease, asyncio.Task[None]]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        try:
            while not stop.is_set():
                await self._round()
                pause = jittered(settings.POLL_SECONDS / 2)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await stop.wait()
        finally:
            await self._end()

    async def _round(self) -> None:
        """Renew what we hold, then claim a site or give one back."""
        for held, task in list(self._watching.values()):
            if task.done():
                self._drop(held.site)
                if not task.cancelled():
                    _report_end(held.site, task.exception())
        try:
            for held, _ in list(self._watching.values()):
                await self._renew(held)
            found = await in_database(
                lease.claim, self._name, self._sites, self._watching.keys(), self._seconds
            )
            if found:
                self._start(found)
            elif await in_database(
                lease.has_too_many,
                self._name,
                len(self._sites),
                len(self._watching),
                self._seconds,
            ):
                await self._give_back(next(iter(self._watching)))
        except (DatabaseError, OpsError) as error:
            log.warning("the leases on sites could not be renewed: %s", error)

    @property
    def _seconds(self) -> float:
        seconds: float = settings.POLL_SECONDS * LASTS
        return seconds

    async def _renew(self, held: SiteLease) -> None:
        try:
            await in_database(held.renew)
        except LeaseLost:
            self._drop(held.site)
            _report_end(held.site, None)

    def _start(self, found: SiteLease) -> None:
        log.info("watching %s, epoch %s", found.site, found.epoch)
        watching = SiteWatch(self._sites[found.site], found, self._subjects)
        self._watching[found.site] = (found, asyncio.create_task(watching.run()))
        metrics.leads.labels(found.site).set(1)

    def _drop(self, site: str) -> None:
        _, task = self._watching.pop(site)
        task.cancel()
        metrics.leads.labels(site).set(0)

    async def _give_back(self, site: str) -> None:
        held, task = self._watching[site]
        self._drop(site)
        await asyncio.wait((task,))
        await in_database(held.release)

    async def _end(self) -> None:
        with suppress(DatabaseError, OpsError):
            for site in list(self._watching):
                await self._give_back(site)
            await in_database(lease.withdraw, self._name)


def _report_end(site: str, error: BaseException | None) -> None:
    """Log why a watch ended: another watcher has the site, or there is an error of ours."""
    if isinstance(error, BaseExceptionGroup):
        error = error.subgroup(lambda each: not isinstance(each, LeaseLost))
    if error is None:
        log.warning("another watcher has %s now", site)
    else:
        log.error("the watch of %s ended; it starts again", site, exc_info=error)
