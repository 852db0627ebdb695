"""Actions that read alerts."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TypeVar

from django.conf import settings
from django.db import Error

from ops.actor import Actor
from ops.alerts.acknowledgements import holding
from ops.alerts.answers import Answers, SourceFailure, answers_of, watched
from ops.alerts.arranging import Pairs, arrange, asks_for, merge, select
from ops.alerts.changes import AlertChange, read_changes
from ops.alerts.during import AlertsDuring, read_during
from ops.alerts.flooding import read_floods
from ops.alerts.group_strips import StripOf, strips
from ops.alerts.history import Strip
from ops.alerts.models import stored_name
from ops.alerts.notifying import Delivery, Routed, routed
from ops.alerts.one import ShownAlert, read, with_told
from ops.alerts.past import alerts_of, remembered, told
from ops.alerts.reporting import arranged
from ops.alerts.truth import Doubt, broken_rules, counted, doubts, headline, partial_answer
from ops.alerts.words import understood
from ops.backends.clients import clients
from ops.backends.prometheus import Rules
from ops.database import in_database
from ops.errors import NotFound, OpsError
from ops.guard import DEADLINE, action
from ops.patience import patient
from ops.sites import Service, Site, sites
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import NOBODY, Holding
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.alerts import FIRING, PENDING, Alert, BrokenRule

T = TypeVar("T")
log = logging.getLogger(__name__)
READ = "alerts.view_alerts"
FINGERPRINT = re.compile(r"[0-9a-f]{20}")
STRIP = 6 * timerange.HOUR
REMEMBERS = 2.0  # seconds that sources have to say what they remember of our holes
NOTIFIED = 2.0  # seconds that Alertmanagers have to say who is notified
NO_GROUPS: Mapping[str, StripOf] = {}
MANY_ALERTS = 500  # from here on, arranging takes more than about 5 ms


@dataclass(frozen=True, slots=True)
class AlertList:
    """The alerts of a site: firing before pending, critical first, then the longest active.

    An alert that the sources of a pair report is listed once. `sources` is how many were asked.
    `doubts` are the reasons why more may be firing than is known, see ops.alerts.truth;
    `failures` are the sources that did not answer, with the reason in full. `infos` are the
    sources' own remarks, with nothing missing. `coming` names the sources that had not answered in
    time, `older` those of them whose alerts are as they were up to a minute ago; those of the
    others are missing. `firing_in_all` counts without the filter. `watchdogs` are firing, as they
    should; they are not listed unless the filter asks for them. `at` is Unix nanoseconds.
    `filter` is the filter as it was understood, with the meaning of its words. `routed` is what
    the Alertmanagers say, None if the site has none; `held_back` counts the firing alerts of which
    nobody is notified, by what holds them back. `held` says who has which alert.
    """

    site: str
    alerts: tuple[Alert, ...]
    broken_rules: tuple[BrokenRule, ...]
    sources: int
    failures: tuple[SourceFailure, ...]
    doubts: tuple[Doubt, ...] = ()
    infos: tuple[str, ...] = ()
    coming: tuple[str, ...] = ()
    older: tuple[str, ...] = ()
    firing_in_all: int = 0
    watchdogs: tuple[Alert, ...] = ()
    at: int = 0
    filter: AlertFilter = AlertFilter()
    routed: Routed | None = field(default=None, compare=False)
    held_back: Mapping[Delivery, int] = field(default_factory=dict)
    held: Holding = field(default=NOBODY, compare=False)

    @property
    def firing(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.state == FIRING)

    @property
    def pending(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.state == PENDING)

    @property
    def acknowledged(self) -> int:
        """How many of the firing alerts somebody has."""
        return sum(self.held.of(each) is not None for each in self.firing)

    @property
    def held_back_in_words(self) -> str:
        """`1 silenced, 2 inhibited`, "" if all firing alerts notify somebody."""
        return ", ".join(f"{number:,} {delivery}" for delivery, number in self.held_back.items())

    def headline(self, *, narrowed: bool = False) -> str:
        """Return the state in a few words; never that nothing is firing if that is not sure."""
        nothing = "Nothing is firing"
        if narrowed and self.firing_in_all:
            nothing = f"{counted(self.firing_in_all)}, none matching"
        elif narrowed:
            nothing = "No matching alert is firing"
        return headline(len(self.firing), self.doubts, nothing=nothing)


@action("alerts.list_alerts", permission=READ)
async def list_alerts(
    actor: Actor, *, filter: AlertFilter = AlertFilter(), patience: float = DEADLINE
) -> AlertList:
    """Return the alerts of all Prometheus sources of a site, which are asked concurrently.

    Rules that cannot be evaluated are included whatever the filter: their alerts cannot fire.
    After `patience` seconds it returns what is known, and goes on asking the sources that are
    `coming`. Raises BackendUnavailable only if every source failed, NotFound if the site has none,
    InvalidInput for a word in the filter that nothing known is called.
    """
    site = sites().site(filter.site)
    key = ("alerts", site, filter, patience)
    return await clients().reads.answer(key, lambda: _now(site, filter, patience))


@dataclass(frozen=True, slots=True)
class FiringCount:
    """How many alerts of a site are firing, and the reasons why there may be more."""

    firing: int
    doubts: tuple[Doubt, ...] = ()


@action("alerts.count_firing", permission=READ)
async def count_firing(actor: Actor, *, site: str = "") -> FiringCount | None:
    """Count a site's firing alerts by what its watcher knows, without asking any source.

    Returns None if no watcher knows anything.
    """
    where = sites().site(site)
    return await clients().reads.answer(("firing", where), lambda: _count(where))


@action("alerts.alerts_during", permission=READ)
async def alerts_during(
    actor: Actor, *, start: int = 0, end: int = 0, service: str = "", site: str = ""
) -> AlertList:
    """Return a service's alerts that were active at any time from start to end (Unix ns).

    All Prometheus sources are asked concurrently. A service without alert labels has no alerts.
    Prometheus does not remember annotations (`Alert.annotations`) or broken rules. Raises the
    same errors as `list_alerts`.
    """
    where = sites().site(site)
    what = where.service(service)
    if not what.alerts:
        return AlertList(where.name, (), (), 0, ())
    key = ("alerts during", where, what, start, end)
    return await clients().reads.answer(key, lambda: _then(where, what, start, end))


@action("alerts.show_alert", permission=READ)
async def show_alert(
    actor: Actor,
    *,
    fingerprint: str = "",
    site: str = "",
    length: int = STRIP,
    patience: float = DEADLINE,
) -> ShownAlert:
    """Return one alert with its rule and its past, also after it has resolved.

    `length` is the time that its strip covers, in nanoseconds. Raises NotFound if neither the
    sources nor our history know it; if no source answers and our history does not know it, the
    sources' error.
    """
    where = sites().site(site)
    if not FINGERPRINT.fullmatch(fingerprint):
        raise NotFound(f'"{fingerprint[:80]}" is not an alert\'s ID. Choose an alert from the list')
    key = ("alert", where, fingerprint, length, patience)
    return await clients().reads.answer(key, lambda: _one(where, fingerprint, length, patience))


@action("alerts.show_strips", permission=READ)
async def show_strips(
    actor: Actor,
    *,
    groups: Mapping[str, StripOf] = NO_GROUPS,
    group_of: Callable[[Alert], str] | None = None,
    site: str = "",
    length: int = STRIP,
) -> Mapping[str, Strip]:
    """Return what groups of alerts did during the time of `length` up to now, by group.

    `group_of` says into which group an alert falls that may have ended.
    """
    where = sites().site(site)
    return await in_database(strips, where.name, groups, length, timerange.now_ns(), group_of)


@action("alerts.list_floods", permission=READ)
async def list_floods(actor: Actor, *, site: str = "") -> tuple[BrokenRule, ...]:
    """Return the rules that make a new alert at each evaluation, with a sentence about each.

    A watcher finds them; their new alerts are listed, but not remembered.
    """
    return await in_database(read_floods, sites().site(site).name)


@action("alerts.list_changes", permission=READ)
async def list_changes(
    actor: Actor,
    *,
    start: int = 0,
    end: int = 0,
    limit: int = 20,
    service: str = "",
    site: str = "",
) -> tuple[AlertChange, ...]:
    """Return what started and ended between start and end (Unix ns), the newest first.

    That is: alerts that fire, rules that cannot be evaluated, sources that do not answer. Of one
    service it is its alerts, and the sources.
    """
    where = sites().site(site)
    what = where.service(service) if service else None
    key = ("alert changes", where, what, start, end, limit)
    read = partial(in_database, read_changes, where, what, start, end, limit)
    return await clients().reads.answer(key, read)


@action("alerts.list_episodes", permission=READ)
async def list_episodes(
    actor: Actor,
    *,
    start: int,
    end: int,
    services: Sequence[str] = (),
    fingerprint: str = "",
    group: str = "",
    site: str = "",
) -> AlertsDuring:
    """Return what the alerts of these services did from start to end (Unix ns), by name.

    Also the alert with a fingerprint, or those of a name. It comes from our own history.
    """
    where = sites().site(site)
    meant = [where.service(name) for name in services]
    also = {"key": fingerprint} if fingerprint else {"name": stored_name(group)} if group else {}
    return await in_database(read_during, where, meant, also, start, end)


async def _one(site: Site, fingerprint: str, length: int, patience: float) -> ShownAlert:
    answers, notified, failed = None, None, None
    try:
        answers, notified, _ = await _answers(site, patience)
    except OpsError as error:
        failed = error
    found = await in_database(read, site, fingerprint, length, answers, timerange.now_ns())
    if found is None:
        raise failed or NotFound(
            f'site "{site.name}" has no alert {fingerprint}: it ended more than '
            f"{settings.HISTORY_DAYS} days ago, or the link is wrong. Choose an alert from the list"
        )
    if notified is not None:
        found = replace(found, routed=notified, notified=notified.of(found.alert))
    gaps = [(hole.start, hole.end) for hole in found.strip.holes]
    try:
        async with asyncio.timeout(patient(REMEMBERS)):
            return with_told(found, await told(site, found.alert, gaps, found.strip.step))
    except TimeoutError:
        return found


async def _now(site: Site, filter: AlertFilter, patience: float) -> AlertList:
    found, notified, held = await _answers(site, patience)
    now = timerange.now_ns()
    number = sum(len(answer.alerts) + len(answer.rules or ()) for answer in found.answers.values())
    if number < MANY_ALERTS and not (filter.matchers or filter.words):
        return _list(site, filter, found, now, notified, held)
    return await asyncio.to_thread(_list, site, filter, found, now, notified, held)


async def _answers(site: Site, patience: float) -> tuple[Answers[Rules], Routed | None, Holding]:
    """Ask the sources and, for a shorter time, the Alertmanagers; read who has which alert."""
    return await asyncio.gather(
        answers_of(site, patience), routed(site, min(patience, patient(NOTIFIED))), _holding(site)
    )


async def _holding(site: Site) -> Holding:
    """Return who has which alert; nobody if the database does not say: alerts are shown anyway."""
    try:
        async with asyncio.timeout(patient(NOTIFIED)):
            return await in_database(holding, site.name, timerange.now_ns())
    except (Error, OpsError, TimeoutError) as error:
        log.warning("cannot read who has which alert of %s: %s", site.name, error)
        return NOBODY


async def _count(site: Site) -> FiringCount | None:
    found = await watched(site)
    if found is None:
        return None
    every = AlertFilter(site=site.name)
    listed = await asyncio.to_thread(_list, site, every, found, timerange.now_ns())
    return FiringCount(listed.firing_in_all, listed.doubts)


def _list(
    site: Site,
    filter: AlertFilter,
    found: Answers[Rules],
    now: int,
    notified: Routed | None = None,
    held: Holding = NOBODY,
) -> AlertList:
    answers, silent = found.answers, found.silent
    pairs = Pairs.of(site, found.answering)
    merged = arranged(site, found, now)
    rules = chain.from_iterable(answer.rules or () for answer in answers.values())
    filter = understood(filter, site, merged, rules, failed=[*silent], coming=found.coming)
    unlisted = site.unlisted
    listed = [each for each in merged if each.name not in unlisted or asks_for(filter, each)]
    older = tuple(name for name in found.coming if name in answers)
    selected = select(listed, filter, now)
    return AlertList(
        site=site.name,
        alerts=selected,
        broken_rules=broken_rules(answers.values()),
        sources=len(site.prometheus),
        failures=tuple(
            replace(each, others=tuple(sorted(pairs.copies(each.source))))
            for each in found.failures
        ),
        doubts=doubts(site, answers, silent, found.coming, now),
        infos=_distinct(answer.infos for answer in answers.values()),
        coming=found.coming,
        older=older,
        firing_in_all=sum(each.state == FIRING for each in merged if each.name not in unlisted),
        watchdogs=tuple(
            each for each in merged if each.name in site.watchdogs and each.state == FIRING
        ),
        at=found.at or now,
        filter=filter,
        routed=notified,
        held_back=notified.held_back(selected) if notified else {},
        held=held,
    )


async def _then(site: Site, service: Service, start: int, end: int) -> AlertList:
    found = await remembered(site, service.alerts, start, end)
    origins = {each.name: clients().prometheus(site, each).origin for each in site.prometheus}
    remembering = found.answers.items()
    alerts = [each for source, found_ in remembering for each in alerts_of(origins[source], found_)]
    merged = merge(alerts, Pairs.of(site, found.answers))
    return AlertList(
        site=site.name,
        alerts=await asyncio.to_thread(arrange, merged),
        broken_rules=(),
        sources=len(site.prometheus),
        failures=found.failures,
        doubts=tuple(
            partial_answer(source, warning)
            for source, answer in found.answers.items()
            for warning in answer.warnings
        ),
        infos=_distinct(answer.infos for answer in found.answers.values()),
    )


def _distinct(warnings: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(warnings)))
