"""Alerts in groups: by alert name, by service, by rule group, or by a label."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ops.alerts.group_strips import StripOf
from ops.sites import Site
from ops.vocabulary.alerts import Alert

ALERT, SERVICE, RULE_GROUP = "alert", "service", "rule-group"  # no label has a hyphen
ROWS = 10  # of a group, if there are several
MOST_IN_STRIP = 1_000
MOST_LABELS = 30
LONGEST_BY = 200
_Services = dict[tuple[str, ...], dict[tuple[str, ...], str]]


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """Alerts that have something in common, the most urgent first.

    `key` is what they have in common, "" if that is that they lack it. `shown` are those on this
    page.
    """

    key: str
    by: str
    alerts: Sequence[Alert]
    shown: Sequence[Alert]

    @property
    def title(self) -> str:
        """What they have in common, in words."""
        if self.by == ALERT:
            return self.key
        what = "rule group" if self.by == RULE_GROUP else self.by
        if not self.key:
            return f"no {what}"
        return f"{what} {self.key}" if self.by in (SERVICE, RULE_GROUP) else f"{what}={self.key}"

    @property
    def shows_severity(self) -> bool:
        """Whether each row says its severity: those of one name usually have the same."""
        return self.by not in (ALERT, "severity")

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations of all that are shown; of equal names the first alert's text."""
        return {
            key: text for alert in reversed(self.shown) for key, text in alert.annotations.items()
        }

    @property
    def strip(self) -> StripOf:
        """Which alerts its strip shows."""
        some = self.alerts[:MOST_IN_STRIP]
        sources = tuple(sorted({source for alert in some for source in alert.sources}))
        if self.by == ALERT:
            return StripOf(names=(self.key,), sources=sources)
        return StripOf(fingerprints=tuple(each.fingerprint for each in some), sources=sources)


def key_of(by: str, site: Site) -> Callable[[Alert], str]:
    """Return the function that says to which group an alert belongs."""
    if by == ALERT:
        return lambda alert: alert.name
    if by == RULE_GROUP:
        return lambda alert: alert.group
    if by == SERVICE:
        return partial(_service_of, _services_by_labels(site))
    return lambda alert: alert.labels.get(by, "")


def _services_by_labels(site: Site) -> _Services:
    """Return the services by the names of their alert labels, and then by the values."""
    found: _Services = {}
    for service in site.services.values():
        if service.alerts:
            names = tuple(sorted(service.alerts))
            values = tuple(service.alerts[name] for name in names)
            found.setdefault(names, {}).setdefault(values, service.name)
    return found


def _service_of(services: _Services, alert: Alert) -> str:
    """Return the service of the site file, else the label."""
    for names, by_values in services.items():
        if service := by_values.get(tuple(alert.labels.get(name, "") for name in names)):
            return service
    return alert.labels.get(SERVICE, "")


def grouped(by: str, site: Site, alerts: Iterable[Alert]) -> list[tuple[str, list[Alert]]]:
    """Return the groups in the order of their most urgent alerts."""
    key, found = key_of(by, site), dict[str, list[Alert]]()
    for alert in alerts:
        found.setdefault(key(alert), []).append(alert)
    return list(found.items())


def choices(by: str, alerts: Iterable[Alert]) -> Iterator[tuple[str, str]]:
    """Yield what can be grouped by, as (value, words): the labels that most alerts have."""
    yield from ((ALERT, "alert"), (SERVICE, "service"), (RULE_GROUP, "rule group"))
    names = Counter(name for alert in alerts for name in alert.labels if name != "alertname")
    labels = sorted(name for name, _ in names.most_common(MOST_LABELS) if name != SERVICE)
    if by not in (ALERT, SERVICE, RULE_GROUP, *labels):
        labels.append(by)
    yield from ((name, name) for name in labels)
