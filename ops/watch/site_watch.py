"""The watch of one site: poll its sources, publish the picture, remember what changed.

    source a ──poll──┐
    source b ──poll──┼──> settle ──> publish the picture ──> send a notice
    source c ──poll──┘                        └──> write the history ──> send one if it has changed

Each source has its own task, so a slow one delays no other and is never asked twice at once.
`settle` waits a moment for answers that come together. The history has its own task too: a
database that is slow or away does not hold up the picture. Whatever goes wrong in one of them is
logged, and tried again with the next poll.
"""

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError

from ops.database import in_database
from ops.errors import BackendUnavailable, OpsError
from ops.sites import Site
from ops.vocabulary import timerange
from ops.watch import metrics, notices
from ops.watch.lease import LeaseLost, SiteLease
from ops.watch.models import SourcePeriod
from ops.watch.notices import Notice
from ops.watch.periods import Changes, Recorder, stored
from ops.watch.picture import Picture, SourceAnswer, pictures
from ops.watch.subjects import Duty, History, Subject

JITTER = 0.1  # of the interval
SILENT = 1.5  # intervals without an answer, after which a picture says so
SETTLE = 0.05  # of the interval, and
LONGEST_SETTLE = 0.25  # seconds
log = logging.getLogger(__name__)


class SiteWatch:
    """Watches one site until it is cancelled or its lease is lost."""

    def __init__(
        self,
        site: Site,
        lease: SiteLease,
        subjects: tuple[Subject[Any], ...],
        duties: tuple[Duty, ...] = (),
    ) -> None:
        self.lease = lease
        self._site = site
        self._duties = [each for each in duties if each.has(site)]
        self._subjects = [_SubjectWatch(site, lease, each) for each in subjects]

    async def run(self) -> None:
        """Watch until cancelled; an exception group with LeaseLost says that another does."""
        try:
            async with asyncio.TaskGroup() as group:
                for each in self._subjects:
                    group.create_task(each.run())
                for duty in self._duties:
                    group.create_task(duty.run(self._site, self.lease))
        finally:
            for each in self._subjects:
                pictures.forget(self.lease.site, each.subject.name, self.lease.epoch)


class _SubjectWatch:
    def __init__(self, site: Site, lease: SiteLease, subject: Subject[Any]) -> None:
        self.subject = subject
        self._site = site
        self._lease = lease
        self._sources: dict[str, SourceAnswer[Any]] = {
            name: SourceAnswer() for name in subject.sources(site)
        }
        self._news = asyncio.Event()
        self._history: History[Any] = subject.history(site)
        self._keys = {_key(subject, name) for name in self._sources}
        self._outages = _outages(site, subject)
        self._resumed = False
        self._number = 0
        self._newest = self._picture()
        self._published = asyncio.Event()

    async def run(self) -> None:
        if not self._sources:
            return
        async with asyncio.TaskGroup() as group:
            for name in self._sources:
                group.create_task(self._poll(name))
            group.create_task(self._publish())
            group.create_task(self._remember())

    async def _poll(self, name: str) -> None:
        while True:
            started = time.monotonic()
            found = await self._asked(name)
            took = time.monotonic() - started
            self._sources[name] = replace(found, took=round(took * timerange.SECOND))
            failed = bool(found.error)
            metrics.polled(self._site.name, self.subject.name, name, took, failed=failed)
            self._news.set()
            interval = jittered(settings.POLL_SECONDS)
            await asyncio.sleep(max(interval - took, 0))

    async def _asked(self, name: str) -> SourceAnswer[Any]:
        before = self._sources[name]
        try:
            answer = await self.subject.poll(self._site, name, before.answer)
        except BackendUnavailable as error:
            reason = error.why  # open pages show it: it should not change at each poll
        except OpsError as error:
            reason = str(error)
        except Exception:
            log.exception("the poll of %s of %s failed", name, self._site.name)
            reason = f"the answer of {name} could not be processed; see OpsPortal's log"
        else:
            return SourceAnswer(answer, timerange.now_ns())
        since = before.failing_since or timerange.now_ns()
        return replace(before, error=reason, failing_since=since)

    async def _publish(self) -> None:
        while True:
            with suppress(TimeoutError):
                # Longer than two polls are apart, or an old picture would just precede a new one.
                async with asyncio.timeout(settings.POLL_SECONDS * SILENT):
                    await self._news.wait()
            if len(self._sources) > 1:
                await asyncio.sleep(min(settings.POLL_SECONDS * SETTLE, LONGEST_SETTLE))
            self._news.clear()
            self._number += 1
            self._newest = picture = self._picture()
            pictures.publish(picture)
            await self._share(picture)
            # Only now, because writing it sends a notice too, after which others look in Redis.
            self._published.set()
            await self._notify()

    def _picture(self) -> Picture[Any]:
        return Picture(
            site=self._site.name,
            subject=self.subject.name,
            epoch=self._lease.epoch,
            number=self._number,
            at=timerange.now_ns(),
            sources=dict(self._sources),
        )

    async def _notify(self) -> None:
        await notices.send(Notice(self._site.name, self.subject.name))

    async def _share(self, picture: Picture[Any]) -> None:
        try:
            if not await asyncio.to_thread(pictures.share, picture):
                raise LeaseLost(self._site.name)
        except redis.RedisError as error:
            log.warning("the picture of %s was not shared: Redis: %s", self._site.name, error)

    async def _remember(self) -> None:
        while True:
            await self._published.wait()
            self._published.clear()
            try:
                written = await in_database(self._write, self._newest)
            except LeaseLost:
                raise
            except (DatabaseError, OpsError) as error:
                log.warning("the history of %s was not written: %s", self._site.name, error)
            except Exception:
                log.exception("the history of %s was not written", self._site.name)
            else:
                metrics.written.labels(self._site.name, self.subject.name).inc(written)
                if written:
                    await self._notify()

    def _write(self, picture: Picture[Any]) -> int:
        """Write what is new in a picture; returns the number of rows written."""
        resumed, self._resumed = self._resumed, False  # until it is written
        if not resumed:
            self._history.resume()
            self._outages.resume()
        changes: list[Changes[Any]] = list(self._history.changes(picture))
        changes.append(
            self._outages.changes(
                picture.at,
                _answers(self.subject, picture),
                unknown=lambda key, _: key in self._keys,  # it has not been asked yet
            )
        )
        if any(changes):
            with self._lease.writing():
                for each in changes:
                    each.write()
        self._resumed = True
        return sum(map(len, changes))


def jittered(seconds: float) -> float:
    """Return about as many seconds, so that not everything happens at the same moment."""
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - hides nothing


def _answers(subject: Subject[Any], picture: Picture[Any]) -> Mapping[str, tuple[str, str]]:
    """Return state and reason of each source that was asked."""
    return {
        _key(subject, name): (
            (SourcePeriod.FAILS, stored(each.error)) if each.error else (SourcePeriod.ANSWERS, "")
        )
        for name, each in picture.sources.items()
        if each.error or each.at
    }


def _key(subject: Subject[Any], source: str) -> str:
    return f"{subject.name} {source}"


def _outages(site: Site, subject: Subject[Any]) -> Recorder[SourcePeriod, tuple[str, str], str]:
    return Recorder(
        SourcePeriod,
        site.name,
        mine=lambda key: key.startswith(_key(subject, "")),
        row=lambda _, thing: SourcePeriod(state=thing[0], reason=thing[1]),
        facts=lambda thing: thing[0],
        facts_of_row=lambda row: row.state,
    )
