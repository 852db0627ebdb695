"""The alerts of a site, from what its sources and Alertmanagers say and who has which."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from django.db import Error

from ops.alerts.acknowledgements import holding
from ops.alerts.answers import Answers, SourceFailure, answers_of, watched
from ops.alerts.arranging import Pairs, arrange, asks_for, merge, select
from ops.alerts.notifying import Delivery, Routed, routed
from ops.alerts.past import alerts_of, remembered
from ops.alerts.reporting import arranged
from ops.alerts.truth import Doubt, broken_rules, counted, doubts, headline, partial_answer
from ops.alerts.words import understood
from ops.backends.clients import clients
from ops.backends.prometheus import Rules
from ops.database import in_database
from ops.errors import OpsError
from ops.patience import patient
from ops.sites import Service, Site
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import NOBODY, Holding
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.alerts import FIRING, PENDING, Alert, BrokenRule

log = logging.getLogger(__name__)
NOTIFIED = 2.0  # seconds that Alertmanagers have to say who is notified
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


@dataclass(frozen=True, slots=True)
class FiringCount:
    """How many alerts of a site are firing, and the reasons why there may be more."""

    firing: int
    doubts: tuple[Doubt, ...] = ()


async def list_now(site: Site, filter: AlertFilter, patience: float) -> AlertList:
    """Return the alerts that the sources report now; many are arranged on another thread."""
    found, notified, held = await ask(site, patience)
    now = timerange.now_ns()
    number = sum(len(answer.alerts) + len(answer.rules or ()) for answer in found.answers.values())
    if number < MANY_ALERTS and not (filter.matchers or filter.words):
        return _list(site, filter, found, now, notified, held)
    return await asyncio.to_thread(_list, site, filter, found, now, notified, held)


async def ask(site: Site, patience: float) -> tuple[Answers[Rules], Routed | None, Holding]:
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


async def count_now(site: Site) -> FiringCount | None:
    """Count what is firing by what the watcher knows, None if it knows nothing."""
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


async def list_during(site: Site, service: Service, start: int, end: int) -> AlertList:
    """Return a service's alerts from start to end, as far as the sources remember them."""
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
