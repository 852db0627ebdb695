"""What an alert is called, who has it, and what would silence or find it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from django.utils.safestring import SafeString

from ops.alerts.notifying import Notified, Routed
from ops.silences import rules
from ops.vocabulary.acknowledgements import Acknowledgement, Holding
from ops.vocabulary.alerts import Alert
from ops.vocabulary.matchers import Matcher, label_text
from ops.vocabulary.notifications import ALERTNAME
from opsportal.dashboard import words
from opsportal.dashboard.alert_groups import ALERT, AlertGroup
from opsportal.dashboard.attributes import LONGEST_KEY, folded

_TONES = {"critical": "error", "page": "error", "error": "error", "warning": "warn", "info": "calm"}
_TONES |= {"firing": "error", "pending": "pending", "": "warn"}
_TONES |= {"stuck": "error", "paused": "pending", "mixed": "warn", "went back": "warn"}


def tone(word: str) -> str:
    """Return the CSS class for a severity or state."""
    return _TONES.get(word.lower(), "calm")


def tally(alerts: Sequence[Alert]) -> list[tuple[str, str]]:
    """Return a service's alert counts: `[("error", "2 critical"), ("pending", "1 pending")]`."""
    firing = Counter(alert.severity for alert in alerts if alert.state == "firing")
    pending = sum(1 for alert in alerts if alert.state == "pending")
    chips = [
        (tone(severity), f"{number} {words.name(severity, 20) or 'firing'}")
        for severity, number in firing.most_common()
    ]
    return [*chips, *([("pending", f"{pending} pending")] if pending else [])]


def notified(routed: Routed | None, alert: Alert) -> Notified | None:
    """Return what the Alertmanagers do about an alert, None if there are none."""
    return routed.of(alert) if routed else None


def held_by(holding: Holding, alert: Alert) -> Acknowledgement | None:
    """Return who has an alert, alone or with all of its name."""
    return holding.of(alert)


def held_group(holding: Holding, group: AlertGroup) -> Acknowledgement | None:
    """Return who has all alerts of a group of one name."""
    return holding.of_group(group.key) if group.by == ALERT else None


def leaves_some(holding: Holding, alerts: Sequence[Alert]) -> bool:
    """Return whether nobody has some of these alerts."""
    return not all(map(holding.of, alerts))


def says_more_than(held: Acknowledgement | None, by: str) -> bool:
    """Return whether an alert says itself who has it: its group of one name may say so for all."""
    return held is not None and not (held.is_of_group and by == ALERT)


def said_of(holding: Holding, alerts: Sequence[Alert]) -> str:
    """Return who has these alerts, "" if nobody does: `mia has 1 of 3`."""
    return holding.said_of(alerts)


def silencing(alert: Alert) -> str:
    """Return the matchers of a silence for this alert alone."""
    return ", ".join(map(str, rules.matchers_of(alert)))


def silencing_name(name: str) -> str:
    """Return the matcher of a silence for all alerts of a name."""
    return str(Matcher(ALERTNAME, "=", name))


def matching(alert: Alert) -> str:
    """Return the filter line that finds the alerts with this name."""
    return str(Matcher(ALERTNAME, "=", alert.name))


def links(annotations: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the annotations that are web addresses, as (word, address)."""
    return [
        (key.removesuffix("_url").removesuffix("_link").replace("_", " "), value)
        for key, value in annotations.items()
        if _is_web_address(value)
    ]


def labels(alert: Alert) -> list[tuple[str, str]]:
    """Return the labels that the heading does not show, as (text, filter line)."""
    return [
        (words.name(label_text(key, value), 200), urlencode({"q": label_text(key, value)}))
        for key, value in sorted(alert.labels.items())
        if key not in ("alertname", "severity")
    ]


def texts(annotations: Mapping[str, str]) -> list[tuple[str, SafeString]]:
    """Return the annotations that are not links, sorted by name; long ones are folded."""
    return [
        (words.name(key, LONGEST_KEY), folded(text))
        for key, text in sorted(annotations.items())
        if not _is_web_address(text)
    ]


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
