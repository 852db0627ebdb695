"""Actions that read alerts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Generic, TypeVar

from ops.actor import Actor
from ops.alerts.arranging import Pairs, arrange, asks_for, merge
from ops.alerts.past import alerts_of, remembered
from ops.alerts.truth import Doubt, counted, doubts, headline, is_broken
from ops.alerts.watching import ALERTS
from ops.alerts.words import understood
from ops.backends.clients import clients
from ops.backends.prometheus import Matrix, Rules
from ops.caching import Known
from ops.errors import BackendUnavailable, NotSetUp, OpsError
from ops.guard import DEADLINE, action
from ops.sites import PrometheusSource, Service, Site, sites
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.alerts import FIRING, PENDING, Alert, BrokenRule
from ops.watch.picture import SourceAnswer, pictures

T = TypeVar("T")
READ = "alerts.view_alerts"
MANY_ALERTS = 500  # from here on, arranging takes more than about 5 ms


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A source that does not answer: its name, and one sentence about why.

    `answered` is when it answered last, Unix nanoseconds, 0 if unknown.
    """

    source: str
    reason: str
    answered: int = 0


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
    `filter` is the filter as it was understood, with the meaning of its words.
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

    @property
    def firing(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.state == FIRING)

    @property
    def pending(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.state == PENDING)

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


async def _now(site: Site, filter: AlertFilter, patience: float) -> AlertList:
    async def ask(source: PrometheusSource) -> Known[Rules]:
        read = clients().prometheus(site, source).rules
        return await clients().lasting.answer(("rules", site, source), read, patience)

    found = await _watched(site) or await _asked(site, ask)
    now = timerange.now_ns()
    number = sum(len(answer.alerts) + len(answer.rules or ()) for answer in found.answers.values())
    if number < MANY_ALERTS and not (filter.matchers or filter.words):
        return _list(site, filter, found, now)
    return await asyncio.to_thread(_list, site, filter, found, now)


def _list(site: Site, filter: AlertFilter, found: "_Answers[Rules]", now: int) -> AlertList:
    answers, silent = found.answers, {each.source: each.answered for each in found.failures}
    reported = chain.from_iterable(answer.alerts for answer in answers.values())
    merged = merge(reported, Pairs.of(site, answers.keys() - silent.keys()))
    if silent:
        merged = [_aged(alert, silent) for alert in merged]
    rules = chain.from_iterable(answer.rules or () for answer in answers.values())
    filter = understood(filter, site, merged, rules, failed=[*silent], coming=found.coming)
    unasked = {*site.watchdogs, *site.quiet}
    listed = [each for each in merged if each.name not in unasked or asks_for(filter, each)]
    older = tuple(name for name in found.coming if name in answers)
    return AlertList(
        site=site.name,
        alerts=arrange(listed, filter, now),
        broken_rules=_broken_rules(answers.values()),
        sources=len(site.prometheus),
        failures=found.failures,
        doubts=doubts(site, answers, silent, found.coming, now),
        infos=_distinct(answer.infos for answer in answers.values()),
        coming=found.coming,
        older=older,
        firing_in_all=sum(each.state == FIRING for each in merged if each.name not in unasked),
        watchdogs=tuple(
            each for each in merged if each.name in site.watchdogs and each.state == FIRING
        ),
        at=found.at or now,
        filter=filter,
    )


def _aged(alert: Alert, silent: Mapping[str, int]) -> Alert:
    """Say since when an alert is not known, if none of its sources answers."""
    if not silent.keys() >= {*alert.sources}:
        return alert
    return replace(alert, stale_since=max(silent[source] for source in alert.sources))


async def _watched(site: Site) -> "_Answers[Rules] | None":
    """Return what the site's watcher knows, None if there is no watcher or it knows nothing."""
    picture = await pictures.newest(site.name, ALERTS.name, ALERTS.answer)
    if picture is None or not any(each.answer for each in picture.sources.values()):
        return None
    found = {name: picture.sources.get(name, SourceAnswer()) for name in ALERTS.sources(site)}
    failures = tuple(
        SourceFailure(name, each.error or f"{name} has not answered the current poll yet", each.at)
        for name, each in found.items()
        if not each.is_young(picture.at) and (each.error or each.answer is not None)
    )
    answers = {name: each.answer for name, each in found.items() if each.answer is not None}
    coming = answers.keys() | {failure.source for failure in failures}
    return _Answers(
        answers, failures, tuple(name for name in found if name not in coming), picture.at
    )


def _broken_rules(answers: Iterable[Rules]) -> tuple[BrokenRule, ...]:
    """Return each broken rule once, with its sources."""
    found: dict[tuple[str, str], BrokenRule] = {}
    for rule in chain.from_iterable(answer.rules or () for answer in answers):
        if not is_broken(rule):
            continue
        key = (rule.name, rule.group)
        error = rule.error or "the source gives no reason"
        one = found.get(key, BrokenRule(rule.name, rule.group, (), error))
        found[key] = replace(one, sources=tuple(dict.fromkeys((*one.sources, rule.source))))
    return tuple(found[key] for key in sorted(found))


async def _then(site: Site, service: Service, start: int, end: int) -> AlertList:
    async def ask(source: PrometheusSource) -> Known[Matrix]:
        prometheus = clients().prometheus(site, source)
        try:
            return Known(await remembered(prometheus, labels=service.alerts, start=start, end=end))
        except OpsError as error:
            return Known(error=error)

    found = await _asked(site, ask)
    origins = {each.name: clients().prometheus(site, each).origin for each in site.prometheus}
    remembering = found.answers.items()
    alerts = [each for source, found_ in remembering for each in alerts_of(origins[source], found_)]
    merged = merge(alerts, Pairs.of(site, found.answers))
    return AlertList(
        site=site.name,
        alerts=await asyncio.to_thread(arrange, merged, AlertFilter(), timerange.now_ns()),
        broken_rules=(),
        sources=len(site.prometheus),
        failures=found.failures,
        infos=_distinct(answer.warnings for answer in found.answers.values()),
    )


@dataclass(frozen=True, slots=True)
class _Answers(Generic[T]):
    """The answers by source, the sources that failed, and those that have not answered yet.

    A source that failed can have an answer too, which is old. `at` is when they came (Unix
    nanoseconds), 0 for now.
    """

    answers: Mapping[str, T]
    failures: tuple[SourceFailure, ...]
    coming: tuple[str, ...]
    at: int = 0


async def _asked(site: Site, ask: Callable[[PrometheusSource], Awaitable[Known[T]]]) -> _Answers[T]:
    """Ask every source concurrently."""
    if not site.prometheus:
        raise NotSetUp(f'site "{site.name}" has no Prometheus, so it has no alerts')
    settled = await asyncio.gather(*map(ask, site.prometheus))
    found = dict(zip((source.name for source in site.prometheus), settled, strict=True))
    errors = {name: known.error for name, known in found.items() if known.error}
    if len(errors) == len(found):
        raise _none_answered(site, list(errors.values()))
    return _Answers(
        {name: known.answer for name, known in found.items() if known.answer is not None},
        tuple(SourceFailure(name, str(error)) for name, error in errors.items()),
        tuple(name for name, known in found.items() if not known.fresh),
    )


def _distinct(warnings: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(warnings)))


def _none_answered(site: Site, errors: Sequence[OpsError]) -> OpsError:
    if len(errors) == 1:
        return errors[0]
    reasons = "; ".join(map(str, errors))
    return BackendUnavailable(
        f"no Prometheus of {site.name} answered: {reasons}", backend=f"Prometheus of {site.name}"
    )
