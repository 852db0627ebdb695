"""Alerts of several sources as one list: the same ones told once, the urgent ones first."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import replace

from ops.alerts.alert import Alert
from ops.alerts.matching import AlertFilter

SEVERITIES = ("critical", "page", "error", "warning")  # any other word follows, then these:
MILD = ("info", "none")


def arrange(alerts: Iterable[Alert], filter: AlertFilter) -> tuple[Alert, ...]:
    """Return the alerts that the filter selects, in the order in which to look at them.

    Firing before pending, critical before page, error, warning, any other severity, info and
    none, then the longest active first; the rest of the order only keeps it the same.
    """
    selected = (alert for alert in _merged(alerts) if filter.selects(alert))
    return tuple(sorted(selected, key=urgency))


def _merged(alerts: Iterable[Alert]) -> Iterable[Alert]:
    """Make one of those that several sources tell alike, as the two of an HA pair do.

    Alike are the rule's name and group and all labels. What one source tells twice stays two.
    """
    found: dict[Hashable, Alert] = {}
    times: Counter[Hashable] = Counter()
    for alert in alerts:
        which = (alert.name, alert.group, frozenset(alert.labels.items()))
        times[which, alert.source] += 1
        key = (which, times[which, alert.source])
        found[key] = _together(found[key], alert) if key in found else alert
    return found.values()


def _together(one: Alert, other: Alert) -> Alert:
    """Firing if one of them fires, since the earlier time that is known, with both sources."""
    telling = other if (one.state, other.state) == ("pending", "firing") else one
    times = [alert.active_at for alert in (one, other) if alert.active_at]
    return replace(telling, source=f"{one.source}, {other.source}", active_at=min(times, default=0))


def urgency(alert: Alert) -> tuple[bool, int, bool, int, str, list[tuple[str, str]], str]:
    """Return what `arrange` sorts an alert by."""
    return (
        alert.state != "firing",
        _rank(alert.severity.lower()),
        not alert.active_at,
        alert.active_at,
        alert.name,
        sorted(alert.labels.items()),
        alert.source,
    )


def _rank(severity: str) -> int:
    if severity in SEVERITIES:
        return SEVERITIES.index(severity)
    return len(SEVERITIES) + (1 + MILD.index(severity) if severity in MILD else 0)
