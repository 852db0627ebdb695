"""The versions and alerts while a trace ran, in a note or two."""

from ops.overview.actions import ServiceSnapshot, SiteSnapshot
from ops.vocabulary.alerts import Alert
from ops.vocabulary.texts import shortened

MOST_SERVICES = 3
MOST_ALERTS = 3
_LONGEST_NOTE = 500
_LONGEST_NAME = 160


def at_that_time(then: SiteSnapshot) -> tuple[str, ...]:
    """Return the versions and alerts then, services with alerts first, and what is unknown."""
    lines = sorted(then.lines, key=lambda line: not line.alerts)
    said = [words for line in lines if (words := _of_service(line))]
    left = len(said) - MOST_SERVICES
    more = [f"and {left} more"] if left > 0 else []
    known = f"At that time: {'; '.join([*said[:MOST_SERVICES], *more])}" if said else ""
    unknown = f"Incomplete for that time: {then.problems[0]}" if then.problems else ""
    return tuple(shortened(note, _LONGEST_NOTE) for note in (known, unknown) if note)


def _of_service(line: ServiceSnapshot) -> str:
    """Return `petstore ran 1.2.0, Errors was firing (page)`, or "" if neither is known."""
    ran = line.versions.spread if line.versions else ""
    left = len(line.alerts) - MOST_ALERTS
    said = [
        *([f"ran {shortened(ran, _LONGEST_NAME)}"] if ran else []),
        *map(_of_alert, line.alerts[:MOST_ALERTS]),
        *([f"{left} more"] if left > 0 else []),
    ]
    return f"{line.service} {', '.join(said)}" if said else ""


def _of_alert(alert: Alert) -> str:
    severity = f" ({alert.severity})" if alert.severity else ""
    return shortened(f"{alert.name} was {alert.state}{severity}", _LONGEST_NAME)
