"""Alerts as a watcher sees them: what it polls, and what is remembered."""

import asyncio
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from itertools import chain, islice
from typing import Any

import msgspec

from ops.alerts.arranging import Pairs, merge, urgency
from ops.alerts.flooding import Floods
from ops.alerts.held import HeldHistory
from ops.alerts.models import AlertPeriod, HeldAlert, RulePeriod, stored_name
from ops.alerts.truth import is_broken
from ops.backends.clients import clients
from ops.backends.prometheus import Rules
from ops.errors import BackendUnavailable
from ops.sites import Site
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert, Rule
from ops.watch.periods import Changes, Recorder, stored
from ops.watch.picture import Picture, young_ns

MANY_RULES = 1_000
RULES_FOR = timerange.MINUTE  # many rules are read once in this time
MISSED = 2  # evaluations that an alert may be missing from without an end
MOST_TEXTS = 100
_NUMBER = re.compile(r"[0-9][0-9.,:eE+-]*")


class AlertSubject:
    """The alerts and rules of each Prometheus source."""

    name = "alerts"
    answer = Rules
    remembered = (AlertPeriod, RulePeriod, HeldAlert)

    def sources(self, site: Site) -> Sequence[str]:
        return [source.name for source in site.prometheus]

    async def poll(self, site: Site, source: str, before: Rules | None) -> Rules:
        """Read the rules with their alerts; of many rules only the alerts, for up to a minute."""
        prometheus = clients().prometheus(site, site.prometheus_named(source))
        if before is None or not _are_many(before.rules):
            return await prometheus.rules()
        try:
            alerts = await prometheus.alerts()
        except BackendUnavailable as error:
            if not error.answered:
                raise
            return await prometheus.rules()  # some servers have no /alerts
        # The source's clock may have been set back.
        if abs((alerts.at or timerange.now_ns()) - before.rules_at) >= RULES_FOR:
            return await prometheus.rules()
        joined = await asyncio.to_thread(before.with_alerts, prometheus.origin, alerts)
        return joined or await prometheus.rules()

    def history(self, site: Site) -> "AlertHistory":
        return AlertHistory(site)


ALERTS = AlertSubject()


class AlertHistory:
    """What is remembered of a site's alerts and broken rules; see ops.watch.subjects.History."""

    def __init__(self, site: Site, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._site = site
        self._clock = clock
        # Sources with the same origin know of the same alerts.
        self._origins = {source.name: source.pair or source.name for source in site.prometheus}
        self._alerts: Recorder[AlertPeriod, Alert, _Facts] = Recorder(
            AlertPeriod,
            site.name,
            row=_row,
            facts=_facts,
            facts_of_row=_facts,
            same=_same,
        )
        self._rules: Recorder[RulePeriod, Rule, tuple[str, str]] = Recorder(
            RulePeriod,
            site.name,
            row=_rule_row,
            mine=lambda key: not key.startswith(RulePeriod.FLOODING),
            facts=lambda rule: (rule.source, without_numbers(stored(rule.error))),
            facts_of_row=lambda row: (row.source, without_numbers(row.error)),
        )
        self._floods = Floods(site.name)
        self._held = HeldHistory(site.name)

    def resume(self) -> None:
        self._alerts.resume()
        self._rules.resume()
        self._floods.resume()
        self._held.resume()

    def changes(self, picture: Picture[Rules]) -> Sequence[Changes[Any]]:
        young = {
            name: each.answer
            for name, each in picture.sources.items()
            if each.answer is not None and each.is_young(picture.at)
        }
        # What is missing from a partial answer may still be there.
        whole = {name for name, each in young.items() if not (each.warnings or each.more)}
        reported = merge(
            chain.from_iterable(answer.alerts for answer in young.values()),
            Pairs.of(self._site, young),
        )
        remembered = self._floods.kept(reported, self._alerts.open)
        floods = self._floods.changes(picture.at, remembered, self._alerts.open)
        # Only if something is missing: there can be many rules.
        intervals = cache(lambda: _intervals(young.values()))
        waiting = cache(lambda: _never_evaluated(young))
        alerts = self._alerts.changes(
            picture.at,
            _one_each(remembered),
            unknown=lambda _, alert: self._is_unknown(
                alert.sources, whole - waiting().get((alert.group, alert.name), set())
            ),
            grace=lambda alert: (
                MISSED * max(intervals().get((alert.group, alert.name), 0), young_ns() // 3)
            ),
            clock=self._clock,
        )
        return [
            alerts,
            self._held.changes(
                picture.at,
                reported,
                self._alerts.open,
                (facts.name for facts in self._alerts.known),
                sure=len(whole) == len(self._origins),
            ),
            self._rules.changes(
                picture.at,
                _broken(young),
                unknown=lambda _, rule: rule[0] in self._origins and rule[0] not in whole,
            ),
            floods,
        ]

    def _is_unknown(self, sources: Iterable[str], whole: Collection[str]) -> bool:
        """Return whether what these sources reported may still be there, though it is not seen.

        One of a pair that answers knows. Of sources that are no longer in the site file nothing is
        known any more, unless one that is silent is the same under another name.
        """
        origins = {self._origins[name] for name in sources if name in self._origins}
        if not origins:
            return len(whole) < len(self._origins)
        return origins.isdisjoint(self._origins[name] for name in whole)


def _are_many(rules: Sequence[Rule] | None) -> bool:
    return rules is not None and len(rules) >= MANY_RULES


def without_numbers(text: str) -> str:
    """Return a text in which two that differ only in numbers are the same."""
    return _NUMBER.sub("#", text)


def _row(fingerprint: str, alert: Alert) -> AlertPeriod:
    return AlertPeriod(
        state=alert.state,
        name=stored_name(alert.name),
        group=stored(alert.group),
        labels=_all_stored(alert.labels),
        annotations=_all_stored(alert.annotations),
        sources=list(alert.sources),
        active_at=alert.active_at,
    )


class _Facts(msgspec.Struct, frozen=True, gc=False):
    """What makes a new period if it changes, and of which rule it is.

    Values do not make one, nor do the numbers in annotations.
    """

    state: str
    sources: tuple[str, ...]
    active_at: int
    annotations: tuple[tuple[str, str], ...]
    name: str
    group: str


def _facts(alert: Alert | AlertPeriod) -> _Facts:
    texts = _all_stored(alert.annotations).items()
    return _Facts(
        alert.state,
        tuple(alert.sources),
        alert.active_at,
        tuple(sorted([(key, without_numbers(text)) for key, text in texts])),
        alert.name,
        alert.group,
    )


def _same(before: _Facts, now: _Facts) -> bool:
    """Return whether nothing has changed.

    If one of a pair falls silent, the other's start and texts are no change of the alert.
    """
    if before.state != now.state or before.sources != now.sources:
        return before.state == now.state
    return before.active_at == now.active_at and before.annotations == now.annotations


def _all_stored(texts: Mapping[str, str]) -> dict[str, str]:
    some = islice(texts.items(), MOST_TEXTS)
    return {stored(name): stored(text) for name, text in some}


def _one_each(alerts: Iterable[Alert]) -> Mapping[str, Alert]:
    """Return the alerts by fingerprint; of duplicates always the same one, in whatever order.

    Two files can have a group of the same name with the same rule.
    """
    found: dict[str, Alert] = {}
    for alert in alerts:
        other = found.setdefault(alert.fingerprint, alert)
        if other is not alert:
            found[alert.fingerprint] = min(other, alert, key=_order)
    return found


def _order(alert: Alert) -> tuple[object, ...]:
    return urgency(alert), sorted(alert.annotations.items())


def _intervals(answers: Iterable[Rules]) -> Mapping[tuple[str, str], int]:
    return {
        (rule.group, rule.name): rule.interval for answer in answers for rule in answer.rules or ()
    }


def _never_evaluated(answers: Mapping[str, Rules]) -> Mapping[tuple[str, str], set[str]]:
    """Return the sources that cannot know a rule's alerts yet, as after a restart."""
    found: dict[tuple[str, str], set[str]] = {}
    for source, answer in answers.items():
        for rule in answer.rules or ():
            if rule.evaluated_at == 0:
                found.setdefault((rule.group, rule.name), set()).add(source)
    return found


def _broken(answers: Mapping[str, Rules]) -> dict[str, Rule]:
    found = {}
    for source, answer in answers.items():
        for rule in answer.rules or ():
            if is_broken(rule):
                text = f"{source}\0{rule.group}\0{rule.name}"
                found[sha256(text.encode(errors="surrogatepass")).hexdigest()[:20]] = rule
    return found


def _rule_row(key: str, rule: Rule) -> RulePeriod:
    return RulePeriod(
        state=RulePeriod.BROKEN,
        name=stored(rule.name),
        group=stored(rule.group),
        source=rule.source,
        error=stored(rule.error),
    )
