"""The watcher of this process: it holds leases on sites, and watches those."""

import asyncio
import logging
import os
import secrets
import socket
import time
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from ops.database import in_database
from ops.errors import OpsError
from ops.sites import sites
from ops.vocabulary import timerange
from ops.watch import lease, metrics
from ops.watch.lease import LASTS, LeaseLost, SiteLease
from ops.watch.pruning import prune
from ops.watch.site_watch import SiteWatch, jittered
from ops.watch.subjects import Duty, Subject

PRUNING = 60.0  # seconds
PRUNING_SHARE = 0.2  # of the interval at most, because leases must be renewed
log = logging.getLogger(__name__)


_round_at: dict[str, float] = {}  # by watcher of this process: when it last renewed its leases


async def check_watching() -> None:
    """Raise OpsError unless this process's watcher has renewed its leases lately."""
    oldest = time.monotonic() - settings.POLL_SECONDS * LASTS
    if not any(at > oldest for at in _round_at.values()):
        raise OpsError("the watcher could not renew its leases on sites; see the log")


async def watch(
    stop: asyncio.Event, *subjects: Subject[Any], duties: tuple[Duty, ...] = ()
) -> None:
    """Watch this process's share of the sites until `stop` is set."""
    await _Watcher(subjects, duties).run(stop)


class _Watcher:
    def __init__(self, subjects: tuple[Subject[Any], ...], duties: tuple[Duty, ...]) -> None:
        self._subjects = subjects
        self._duties = duties
        self._name = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
        self._sites = {
            name: site
            for name, site in sites().all.items()
            if any(subject.sources(site) for subject in subjects)
            or any(duty.has(site) for duty in duties)
        }
        self._watching: dict[str, tuple[SiteLease, asyncio.Task[None]]] = {}
        self._pruned = -PRUNING

    async def run(self, stop: asyncio.Event) -> None:
        try:
            while not stop.is_set():
                await self._round()
                await self._prune()
                pause = jittered(settings.POLL_SECONDS / 2)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await stop.wait()
        finally:
            await self._end()

    async def _round(self) -> None:
        """Renew what we hold, then claim what is free or give a site back."""
        try:
            await self._hold()
            await self._share()
            _round_at[self._name] = time.monotonic()
        except (DatabaseError, OpsError) as error:
            log.warning("the leases on sites could not be renewed: %s", error)
        except Exception:
            log.exception("the leases on sites could not be renewed")

    async def _prune(self) -> None:
        """Delete what is too old, once a minute, whichever watcher had the site."""
        if time.monotonic() - self._pruned < PRUNING:
            return
        self._pruned = time.monotonic()
        models = [model for subject in self._subjects for model in subject.remembered]
        before = timerange.now_ns() - settings.HISTORY_DAYS * timerange.DAY
        try:
            await in_database(prune, models, before, settings.POLL_SECONDS * PRUNING_SHARE)
        except (DatabaseError, OpsError) as error:
            log.warning("old history could not be deleted: %s", error)
        except Exception:
            log.exception("old history could not be deleted")

    async def _hold(self) -> None:
        for held, task in list(self._watching.values()):
            if task.done():
                _report_end(held.site, None if task.cancelled() else task.exception())
                await self._give_back(held.site)
        for lost in await in_database(lease.renew, [held for held, _ in self._watching.values()]):
            self._drop(lost.site)
            _report_end(lost.site, None)

    async def _share(self) -> None:
        seconds = settings.POLL_SECONDS * LASTS
        share = await in_database(lease.share, self._name, len(self._sites), seconds)
        others = self._sites.keys() - self._watching.keys()
        free = share - len(self._watching)
        for found in await in_database(lease.claim, self._name, others, seconds, free):
            self._start(found)
        if len(self._watching) > share:
            await self._give_back(next(iter(self._watching)))

    def _start(self, found: SiteLease) -> None:
        log.info("watching %s, epoch %s", found.site, found.epoch)
        watching = SiteWatch(self._sites[found.site], found, self._subjects, self._duties)
        self._watching[found.site] = (found, asyncio.create_task(watching.run()))
        metrics.leads.labels(found.site).set(1)

    def _drop(self, site: str) -> asyncio.Task[None]:
        _, task = self._watching.pop(site)
        task.cancel()
        metrics.leads.labels(site).set(0)
        return task

    async def _give_back(self, site: str) -> None:
        held, _ = self._watching[site]
        await asyncio.wait((self._drop(site),))
        await in_database(held.release)

    async def _end(self) -> None:
        _round_at.pop(self._name, None)
        held = [each for each, _ in self._watching.values()]
        if ended := [self._drop(each.site) for each in held]:
            await asyncio.wait(ended)
        with suppress(DatabaseError, OpsError):  # the leases will be over soon
            for each in held:
                await in_database(each.release)
            await in_database(lease.withdraw, self._name)


def _report_end(site: str, error: BaseException | None) -> None:
    """Log why a watch ended: its lease is over, or there is an error of ours."""
    if isinstance(error, BaseExceptionGroup):
        error = error.subgroup(lambda each: not isinstance(each, LeaseLost))
    if error is None:
        log.warning("the lease on %s is over; another watcher may have it", site)
    else:
        log.error("the watch of %s ended; it starts again", site, exc_info=error)
