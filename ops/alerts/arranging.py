"""Merge the alerts of several sources into one list without duplicates, most urgent first."""

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ops.errors import InvalidInput
from ops.sites import Site
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.alerts import FIRING, Alert, rank_of

LONGEST_MATCHING = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which sources are copies of each other.

    `answered` are the sources that answered: only these can disagree.
    """

    pair: Mapping[str, str] = field(default_factory=dict)
    answered: frozenset[str] = frozenset()

    @classmethod
    def of(cls, site: Site, answered: Iterable[str]) -> "Pairs":
        """Return those of a site."""
        paired = [source for source in site.prometheus if source.pair]
        return cls({source.name: source.pair for source in paired}, frozenset(answered))

    def copies(self, source: str) -> frozenset[str]:
        """Return the sources that answered and report the same as this one."""
        own = self.pair.get(source)
        same = {name for name, pair in self.pair.items() if pair == own} if own else {source}
        return self.answered & same


def select(
    alerts: Iterable[Alert],
    filter: AlertFilter,
    now: int,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Alert, ...]:
    """Return the alerts that the filter selects now (Unix nanoseconds), in the order given.

    Raises InvalidInput if the filter's regular expressions take too long on these alerts.
    """
    if filter == AlertFilter(site=filter.site):
        return tuple(alerts)
    return tuple(_selected(alerts, filter, now, clock))


def arrange(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return the alerts, most urgent first.

    Firing comes before pending, then by severity: critical, page, error, warning, any other, info
    and none; then the longest active first. Further sort keys only keep the order stable.
    """
    return tuple(sorted(alerts, key=urgency))


def asks_for(filter: AlertFilter, alert: Alert) -> bool:
    """Return whether a filter asks for an alert by its name."""
    return any(
        each.name == "alertname" and each.operator in ("=", "=~") and each.matches(alert)
        for each in filter.matchers
    )


def _selected(
    alerts: Iterable[Alert], filter: AlertFilter, now: int, clock: Callable[[], float]
) -> Iterator[Alert]:
    latest = clock() + LONGEST_MATCHING
    for alert in alerts:
        if filter.matchers and clock() > latest:
            raise InvalidInput(
                f"the filter's regular expressions took longer than {LONGEST_MATCHING:g} s on "
                "these alerts. Simplify them"
            )
        if filter.selects(alert, now):
            yield alert


def merge(alerts: Iterable[Alert], pairs: Pairs = Pairs()) -> list[Alert]:
    """Merge the alerts that the sources of a pair report, and say where these disagree.

    Duplicates within one source stay.
    """
    found: dict[Hashable, list[Alert]] = {}
    times: Counter[Hashable] = Counter()
    for alert in alerts:
        which = (alert.fingerprint, alert.sources)
        times[which] += 1
        found.setdefault((alert.fingerprint, times[which]), []).append(alert)
    return [_together(copies, pairs) for copies in found.values()]


def _together(copies: Sequence[Alert], pairs: Pairs) -> Alert:
    """Merge copies of an alert: firing if any is firing, active since the earliest known time.

    It recovers only if it does in each that is firing.
    """
    telling = max(copies, key=lambda each: (each.state == FIRING, not each.recovering))
    sources = tuple(source for each in copies for source in each.sources)
    silent = sorted(pairs.copies(sources[0]) - {*sources})
    times = [each.active_at for each in copies if each.active_at]
    if len(copies) == 1 and not silent:
        return telling
    states = {each.state for each in copies}
    disagree = ""
    if silent:
        disagree = f"not in {', '.join(silent)}"
    elif len(states) > 1:
        disagree = ", ".join(f"{each.state} in {each.sources[0]}" for each in copies)
    return replace(
        telling,
        sources=sources,
        active_at=min(times, default=0),
        fired_at=min((each.fired_at for each in copies if each.fired_at), default=0),
        disagree=disagree,
    )


def urgency(
    alert: Alert,
) -> tuple[bool, int, bool, int, str, list[tuple[str, str]], tuple[str, ...]]:
    """Return the sort key that `arrange` uses."""
    return (
        alert.state != "firing",
        rank_of(alert.severity),
        not alert.active_at,
        alert.active_at,
        alert.name,
        sorted(alert.labels.items()),
        alert.sources,
    )
