"""Versions as a watcher sees them: what it polls, and what is remembered."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any

from ops.sites import Service, Site
from ops.versions.history import History, Period
from ops.versions.models import VersionPeriod
from ops.versions.rollout import ServiceVersions
from ops.vocabulary.timerange import MINUTE
from ops.watch.periods import Changes, Recorder
from ops.watch.picture import Picture

GRACE = MINUTE  # a scrape that fails is no end
LONGEST_TEXT = 200  # characters that are remembered of an instance or a version
MOST_PERIODS = 20_000  # that are read at once, the newest of a site
Ran = tuple[str, str, str]  # service, instance, version
Answer = tuple[ServiceVersions, ...]


class VersionHistory:
    """What is remembered of a site's versions; see ops.watch.subjects.History."""

    def __init__(self, site: Site, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._site = site
        self._clock = clock
        self._periods: Recorder[VersionPeriod, Ran, Ran] = Recorder(
            VersionPeriod,
            site.name,
            row=_row,
            facts=lambda ran: ran,
            facts_of_row=lambda row: (row.service, row.instance, row.version),
        )

    def resume(self) -> None:
        self._periods.resume()

    def changes(self, picture: Picture[Answer]) -> Sequence[Changes[Any]]:
        known = [
            each
            for source in picture.sources.values()
            if source.answer is not None and source.is_young(picture.at)
            for each in source.answer
            if not each.problem
        ]
        services = {each.service for each in known}
        ran = [
            (each.service, _stored(one.instance), _stored(one.version))
            for each in known
            for one in each.instances
            if one.version
        ]
        return [
            self._periods.changes(
                picture.at,
                {_key(each): each for each in ran},
                unknown=lambda _, ran: ran[0] in self._site.services.keys() - services,
                grace=lambda _: GRACE,
                clock=self._clock,
            )
        ]


def stored(site: str, services: Collection[Service], at: int) -> Mapping[str, History]:
    """Return what is remembered of some services until a moment (Unix nanoseconds).

    Services of which nothing is remembered are left out. A period that was open when its watcher
    stopped ends when its instance runs another version.
    """
    names = {service.name for service in services}
    rows = VersionPeriod.objects.filter(site=site, start__lt=at).order_by("-start")
    found: dict[str, list[Period]] = {}
    later: dict[tuple[str, str], int] = {}
    values = rows.values_list("service", "instance", "version", "start", "end")
    for service, instance, version, start, last in values[:MOST_PERIODS]:
        if service in names:
            end = at if last is None else min(last, at)
            if instance:  # several instances may have no name
                end = min(end, later.get((service, instance), at))
                later[service, instance] = start
            found.setdefault(service, []).append(Period(instance, version, start, end))
    return {
        name: History(min(each.start for each in periods), at, 0, tuple(periods))
        for name, periods in found.items()
    }


def _key(ran: Ran) -> str:
    text = "\0".join(ran)
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:20]


def _row(_: str, ran: Ran) -> VersionPeriod:
    service, instance, version = ran
    return VersionPeriod(
        state=VersionPeriod.RUNS, service=service, instance=instance, version=version
    )


def _stored(text: str) -> str:
    return text[:LONGEST_TEXT].replace("\0", "\N{REPLACEMENT CHARACTER}")
