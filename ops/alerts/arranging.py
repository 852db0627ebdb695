"""Merge the alerts of several sources into one list without duplicates, most urgent first."""

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace

from ops.errors import InvalidInput
from ops.vocabulary.alerts import Alert
from ops.vocabulary.matchers import AlertFilter

SEVERITIES = ("critical", "page", "error", "warning")  # then any other word, then these:
MILD = ("info", "none")
LONGEST_MATCHING = 2.0  # seconds


def arrange(
    alerts: Iterable[Alert], filter: AlertFilter, clock: Callable[[], float] = time.monotonic
) -> tuple[Alert, ...]:
    """Return the alerts that the filter selects, most urgent first.

    Firing comes before pending, then by severity: critical, page, error, warning, any other, info
    and none; then the longest active first. Further sort keys only keep the order stable. Raises
    InvalidInput if the filter's regular expressions take too long on these alerts.
    """
    return tuple(sorted(_selected(_merged(alerts), filter, clock), key=urgency))


def _selected(
    alerts: Iterable[Alert], filter: AlertFilter, clock: Callable[[], float]
) -> Iterator[Alert]:
    latest = clock() + LONGEST_MATCHING
    for alert in alerts:
        if filter.matchers and clock() > latest:
            raise InvalidInput(
                f"the filter's regular expressions took longer than {LONGEST_MATCHING:g} s on "
                "these alerts. Simplify them"
            )
        if filter.selects(alert):
            yield alert


def _merged(alerts: Iterable[Alert]) -> Iterable[Alert]:
    """Merge alerts that several sources report, as the two servers of an HA pair do.

    Alerts are the same if rule name, group and all labels are. Duplicates within one source stay.
    """
    found: dict[Hashable, Alert] = {}
    times: Counter[Hashable] = Counter()
    for alert in alerts:
        which = (alert.name, alert.group, frozenset(alert.labels.items()))
        times[which, alert.sources] += 1
        key = (which, times[which, alert.sources])
        found[key] = _together(found[key], alert) if key in found else alert
    return found.values()


def _together(one: Alert, other: Alert) -> Alert:
    """Merge two: firing if either fires, active since the earlier known time, both sources."""
    telling = other if (one.state, other.state) == ("pending", "firing") else one
    times = [alert.active_at for alert in (one, other) if alert.active_at]
    return replace(telling, sources=one.sources + other.sources, active_at=min(times, default=0))


def urgency(
    alert: Alert,
) -> tuple[bool, int, bool, int, str, list[tuple[str, str]], tuple[str, ...]]:
    """Return the sort key that `arrange` uses."""
    return (
        alert.state != "firing",
        _rank(alert.severity.lower()),
        not alert.active_at,
        alert.active_at,
        alert.name,
        sorted(alert.labels.items()),
        alert.sources,
    )


def _rank(severity: str) -> int:
    if severity in SEVERITIES:
        return SEVERITIES.index(severity)
    return len(SEVERITIES) + (1 + MILD.index(severity) if severity in MILD else 0)
