"""Actions that read alerts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeVar

from ops.actor import Actor
from ops.alerts.alert import Alert, BrokenRule
from ops.alerts.arranging import arrange
from ops.alerts.matching import AlertFilter
from ops.alerts.past import alerts_of, remembered
from ops.backends.connections import connections
from ops.backends.prometheus import Prometheus
from ops.errors import BackendUnavailable, NotSetUp, OpsError
from ops.guard import action
from ops.sites import PrometheusSource, Service, Site, sites

T = TypeVar("T")
READ = "alerts.view_alerts"
MANY_ALERTS = 500  # from here on, arranging takes more than about 5 ms


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A source that did not answer: its name, and one sentence about why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class AlertList:
    """The alerts of a site: firing before pending, critical first, then the longest active.

    An alert that several sources report is listed once; its `source` names them all. `sources`
    is how many were asked. `failures` are the sources that did not answer; if there are any,
    the list is partial. `warnings` are the sources' own words about what may be missing.
    """

    site: str
    alerts: tuple[Alert, ...]
    broken_rules: tuple[BrokenRule, ...]
    sources: int
    failures: tuple[SourceFailure, ...]
    warnings: tuple[str, ...] = ()

    @property
    def firing(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.state == "firing")

    @property
    def pending(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.state == "pending")


@action("alerts.list_alerts", permission=READ)
async def list_alerts(actor: Actor, *, filter: AlertFilter = AlertFilter()) -> AlertList:
    """Return the alerts of all Prometheus sources of a site, which are asked concurrently.

    Rules that cannot be evaluated are included whatever the filter: their alerts cannot fire.
    Raises BackendUnavailable only if no source answered, NotFound if the site has none.
    """
    site = sites().site(filter.site)
    key = ("alerts", site, filter)
    return await connections().reads.answer(key, lambda: _now(site, filter))


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
    return await connections().reads.answer(key, lambda: _then(where, what, start, end))


async def _now(site: Site, filter: AlertFilter) -> AlertList:
    answers, failures = await _asked(site, Prometheus.rules)
    rules = list(answers.values())
    broken = chain.from_iterable(answer.broken for answer in rules)
    return AlertList(
        site=site.name,
        alerts=await _arranged([alert for answer in rules for alert in answer.alerts], filter),
        broken_rules=tuple(sorted(broken, key=lambda rule: (rule.name, rule.group, rule.source))),
        sources=len(site.prometheus),
        failures=failures,
        warnings=_distinct(answer.warnings for answer in rules),
    )


async def _then(site: Site, service: Service, start: int, end: int) -> AlertList:
    ask = partial(remembered, labels=service.alerts, start=start, end=end)
    answers, failures = await _asked(site, ask)
    alerts = [alert for source, found in answers.items() for alert in alerts_of(source, found)]
    return AlertList(
        site=site.name,
        alerts=await _arranged(alerts, AlertFilter()),
        broken_rules=(),
        sources=len(site.prometheus),
        failures=failures,
        warnings=_distinct(found.warnings for found in answers.values()),
    )


async def _asked(
    site: Site, ask: Callable[[Prometheus], Awaitable[T]]
) -> tuple[dict[str, T], tuple[SourceFailure, ...]]:
    """Ask every source concurrently; return the answers by source, and the failures."""
    if not site.prometheus:
        raise NotSetUp(f'site "{site.name}" has no Prometheus, so it has no alerts')

    async def one(source: PrometheusSource) -> T | OpsError:
        try:
            return await ask(connections().prometheus(site, source))
        except OpsError as error:
            return error

    settled = await asyncio.gather(*map(one, site.prometheus))
    found = dict(zip((source.name for source in site.prometheus), settled, strict=True))
    errors = {name: each for name, each in found.items() if isinstance(each, OpsError)}
    answers = {name: each for name, each in found.items() if not isinstance(each, OpsError)}
    if not answers:
        raise _none_answered(site, list(errors.values()))
    return answers, tuple(SourceFailure(name, str(error)) for name, error in errors.items())


def _distinct(warnings: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(warnings)))


def _none_answered(site: Site, errors: Sequence[OpsError]) -> OpsError:
    if len(errors) == 1:
        return errors[0]
    reasons = "; ".join(map(str, errors))
    return BackendUnavailable(
        f"no Prometheus of {site.name} answered: {reasons}", backend=f"Prometheus of {site.name}"
    )


async def _arranged(alerts: Sequence[Alert], filter: AlertFilter) -> tuple[Alert, ...]:
    if len(alerts) < MANY_ALERTS and not filter.matchers:
        return arrange(alerts, filter)
    return await asyncio.to_thread(arrange, alerts, filter)
