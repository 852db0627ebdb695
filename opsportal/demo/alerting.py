"""Alerting rules: alerts become pending, fire and resolve; written as Prometheus writes them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from opsportal.demo.promql import Expression
from opsportal.demo.samples import NAME, Labels, Samples, labels

SECOND = 1_000_000_000
NEVER = "0001-01-01T00:00:00Z"
Body = dict[str, Any]


@dataclass
class Active:
    """An alert that is pending or firing; times are Unix nanoseconds.

    `kept_since` is when its condition ended if it is kept firing, else 0.
    """

    since: int
    value: float
    state: str = "pending"
    kept_since: int = 0


@dataclass
class Rule:
    """An alert for each value of the expression, firing once it has lasted `hold` seconds.

    It is kept firing for `keep` seconds after that. With an `error`, the rule is not evaluated.
    Annotations may contain `{{ $value }}`, also with `humanizePercentage` or
    `humanizeDuration`, and `{{ $labels.NAME }}`.
    """

    name: str
    expression: Expression
    hold: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    group: str = "demo"
    keep: int = 0
    error: str = ""
    _active: dict[Labels, Active] = field(default_factory=dict)

    def evaluate(self, samples: Samples, now: int) -> None:
        """Evaluate the expression now, and record active alerts as `ALERTS`."""
        if self.error:
            return
        found: dict[Labels, Active] = {}
        for key, value in self.expression.at(samples, now / SECOND).items():
            own = {name: text for name, text in key if name != NAME}
            full = labels(own | dict(self.labels) | {"alertname": self.name})
            alert = found[full] = self._active.get(full) or Active(now, value)
            alert.value, alert.kept_since = value, 0
            if now - alert.since >= self.hold * SECOND:
                alert.state = "firing"
        for key in self._active.keys() - found.keys():
            if self._is_kept(alert := self._active[key], now):
                found[key] = alert
        self._active = found
        for key, alert in found.items():
            samples.add("ALERTS", dict(key) | {"alertstate": alert.state}, now / SECOND, 1.0)

    def _is_kept(self, alert: Active, now: int) -> bool:
        alert.kept_since = alert.kept_since or now
        return alert.state == "firing" and now - alert.kept_since < self.keep * SECOND

    @property
    def state(self) -> str:
        states = {alert.state for alert in self._active.values()}
        return next((state for state in ("firing", "pending") if state in states), "inactive")

    def alerts(self) -> list[Body]:
        """Return the active alerts in the API's form."""
        return [
            {
                "labels": dict(key),
                "annotations": {
                    name: _expanded(text, alert.value, dict(key))
                    for name, text in self.annotations.items()
                },
                "state": alert.state,
                "activeAt": moment(alert.since),
                "value": scientific(alert.value),
            }
            | ({"keepFiringSince": moment(alert.kept_since)} if alert.kept_since else {})
            for key, alert in self._active.items()
        ]

    def body(self, evaluated: int) -> Body:
        """Return the rule in the API's form."""
        return {
            "type": "alerting",
            "state": self.state,
            "name": self.name,
            "query": str(self.expression),
            "duration": self.hold,
            "keepFiringFor": self.keep,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "alerts": self.alerts(),
            "health": "err" if self.error else "ok" if evaluated else "unknown",
            "evaluationTime": 0.0,
            "lastEvaluation": moment(evaluated) if evaluated else NEVER,
        } | ({"lastError": self.error} if self.error else {})


def group(name: str, rules: Iterable[Rule], interval: float, evaluated: int) -> Body:
    """Return a group of rules in the API's form; `evaluated` is 0 before the first evaluation."""
    return {
        "name": name,
        "file": "demo.yml",
        "interval": interval,
        "limit": 0,
        "rules": [rule.body(evaluated) for rule in rules],
        "evaluationTime": 0.0,
        "lastEvaluation": moment(evaluated) if evaluated else NEVER,
    }


def moment(nanoseconds: int) -> str:
    """Return RFC 3339 with nanoseconds, without trailing zeros, as Go writes it."""
    seconds, rest = divmod(nanoseconds, SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09}".rstrip("0").rstrip(".") + "Z"


def plain(value: float) -> str:
    """Return a sample's value: the shortest digits without an exponent, `NaN`, `+Inf`."""
    text = _special(value) or format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def scientific(value: float) -> str:
    """Return an alert's value: the shortest digits with an exponent, `7.5e-02`."""
    if text := _special(value):
        return text
    digits = len(Decimal(repr(value)).normalize().as_tuple().digits)
    return f"{value:.{digits - 1}e}"


def _special(value: float) -> str:
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(repr(value), "")


def _expanded(text: str, value: float, pairs: Mapping[str, str]) -> str:
    def fill(found: re.Match[str]) -> str:
        if found["label"]:
            return pairs.get(found["label"], "")
        return _FORMATS[found["format"] or ""](value)

    return _TEMPLATE.sub(fill, text)


def _seconds(value: float) -> str:
    return f"{value * 1000:.4g}ms" if value < 1 else f"{value:.4g}s"


_TEMPLATE = re.compile(r"{{ \$(?:labels\.(?P<label>\w+)|value(?: \| (?P<format>\w+))?) }}")
_FORMATS: dict[str, Callable[[float], str]] = {
    "": lambda value: f"{value:.4g}",
    "humanizePercentage": lambda value: f"{value * 100:.4g}%",
    "humanizeDuration": _seconds,
}
