"""What the sources of a site report together: those that answer, and those that are silent."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from threading import Lock

from ops.alerts.answers import Answers
from ops.alerts.arranging import Pairs, arrange, merge
from ops.alerts.truth import sure_rules
from ops.backends.prometheus import Rules
from ops.sites import Site
from ops.vocabulary.alerts import Alert, Rule

_Known = Mapping[tuple[str, str], Sequence[Rule]]


class _Newest:
    """The alerts of a site's newest answers, which every page with a badge needs.

    They are merged and sorted once: with 10,000 alerts that takes 50 ms. Threads that need them at
    the same time wait for the first.
    """

    def __init__(self) -> None:
        self._of: tuple[Site, Answers[Rules]] | None = None
        self._alerts: Sequence[Alert] = ()
        self._lock = Lock()

    def alerts(self, site: Site, found: Answers[Rules], now: int) -> Sequence[Alert]:
        with self._lock:
            if not (self._of and self._of[0] is site and _are_same(self._of[1], found)):
                self._alerts = arrange(reported(site, found, now))
                self._of = (site, found)
            return self._alerts


_newest: defaultdict[str, _Newest] = defaultdict(_Newest)


def arranged(site: Site, found: Answers[Rules], now: int) -> Sequence[Alert]:
    """Return what `reported` does, most urgent first; known if these are the newest answers."""
    return _newest[site.name].alerts(site, found, now)


def _are_same(some: Answers[Rules], others: Answers[Rules]) -> bool:
    return (
        (some.failures, some.coming) == (others.failures, others.coming)
        and some.answers.keys() == others.answers.keys()
        and all(some.answers[name] is answer for name, answer in others.answers.items())
    )


def reported(site: Site, found: Answers[Rules], now: int, *, fingerprint: str = "") -> list[Alert]:
    """Return the alerts of all sources, or those with a fingerprint; one of a pair is one alert.

    Of a source that is silent, its last alerts are stale. If another one of its pair answers, only
    those of rules that it does not have, or cannot evaluate, are left: it knows about the others.
    `now` is Unix nanoseconds.
    """
    pairs = Pairs.of(site, found.answering)
    alerts: Iterable[Alert] = chain.from_iterable(
        _still_valid(answer.alerts, _known_to(pairs.copies(source), found, now))
        if source in found.silent
        else answer.alerts
        for source, answer in found.answers.items()
    )
    if fingerprint:
        alerts = (each for each in alerts if each.fingerprint == fingerprint)
    merged = merge(alerts, pairs)
    return [_aged(each, found.silent) for each in merged] if found.silent else merged


def _known_to(sources: Iterable[str], found: Answers[Rules], now: int) -> _Known:
    """Return the rules of which any of these sources knows all alerts, by group and name."""
    known: dict[tuple[str, str], list[Rule]] = {}
    for source in sources:
        for rule in sure_rules(found.answers[source], now):
            known.setdefault((rule.group, rule.name), []).append(rule)
    return known


def _still_valid(alerts: Iterable[Alert], known: _Known) -> Iterator[Alert]:
    for alert in alerts:
        rules = known.get((alert.group, alert.name), ())
        if not any(rule.may_have_made(alert) for rule in rules):
            yield alert


def _aged(alert: Alert, silent: Mapping[str, int]) -> Alert:
    """Say since when an alert is not known, if none of its sources answers."""
    if not silent.keys() >= {*alert.sources}:
        return alert
    return replace(alert, stale_since=max(silent[source] for source in alert.sources))
