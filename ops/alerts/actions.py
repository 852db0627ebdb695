"""What people ask about alerts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from ops.actor import Actor
from ops.alerts.alert import Alert, BrokenRule
from ops.alerts.arranging import arrange
from ops.alerts.matching import AlertFilter
from ops.backends.connections import connections
from ops.backends.prometheus import Rules
from ops.errors import BackendUnavailable, NotFound, OpsError
from ops.guard import action
from ops.sites import PrometheusSource, Site, sites

READ = "alerts.view_alerts"
MANY_ALERTS = 500  # from here on arranging takes more than about 5 ms


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A source that did not answer: its name and one sentence."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class AlertList:
    """The alerts of a site: firing before pending, critical first, then the longest active.

    An alert that several sources tell alike is there once; its `source` names them all.
    `sources` is how many were asked; `failures` are those that did not answer, in which case
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
    """Return the alerts of all Prometheus sources of a site, asked at the same time.

    Rules that cannot be evaluated are told whatever the filter: their alerts cannot fire.
    Raises BackendUnavailable only when no source answered, NotFound when the site has none.
    """
    site = sites().site(filter.site)
    if not site.prometheus:
        raise NotFound(f'site "{site.name}" has no Prometheus; its alerts cannot be seen')
    key = ("alerts", site, filter)
    return await connections().reads.answer(key, lambda: _ask(site, filter))


async def _ask(site: Site, filter: AlertFilter) -> AlertList:
    answers = await asyncio.gather(*(_rules(site, source) for source in site.prometheus))
    rules = [answer for answer in answers if isinstance(answer, Rules)]
    errors = {
        source.name: answer
        for source, answer in zip(site.prometheus, answers, strict=True)
        if isinstance(answer, OpsError)
    }
    if not rules:
        raise _none_answered(site, list(errors.values()))
    broken = chain.from_iterable(answer.broken for answer in rules)
    return AlertList(
        site=site.name,
        alerts=await _arranged(rules, filter),
        broken_rules=tuple(sorted(broken, key=lambda rule: (rule.name, rule.group, rule.source))),
        sources=len(site.prometheus),
        failures=tuple(SourceFailure(name, str(error)) for name, error in errors.items()),
        warnings=tuple(dict.fromkeys(chain.from_iterable(answer.warnings for answer in rules))),
    )


async def _rules(site: Site, source: PrometheusSource) -> Rules | OpsError:
    try:
        return await connections().prometheus(site, source).rules()
    except OpsError as error:
        return error


def _none_answered(site: Site, errors: Sequence[OpsError]) -> OpsError:
    if len(errors) == 1:
        return errors[0]
    reasons = "; ".join(map(str, errors))
    return BackendUnavailable(
        f"no Prometheus of {site.name} answers: {reasons}", backend=f"Prometheus of {site.name}"
    )


async def _arranged(rules: Sequence[Rules], filter: AlertFilter) -> tuple[Alert, ...]:
    alerts = [alert for answer in rules for alert in answer.alerts]
    if len(alerts) < MANY_ALERTS:
        return arrange(alerts, filter)
    return await asyncio.to_thread(arrange, alerts, filter)
