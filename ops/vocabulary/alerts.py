"""An alert as Prometheus reports it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of one rule.

    `state` is "firing" or "pending", `value` Prometheus's own text, `active_at` exact Unix
    nanoseconds (0 if the source omits it). `sources` are those that report it: several, if
    they are a pair. `rule_health` is "ok", "err" or "unknown".
    """

    name: str
    state: str
    value: str
    active_at: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    sources: tuple[str, ...]
    group: str
    rule_health: str

    @property
    def severity(self) -> str:
        """The label `severity`, "" if the rule has none."""
        return self.labels.get("severity", "")

    @property
    def summary(self) -> str:
        """The most useful annotation: summary, message or description, else ""."""
        for key in ("summary", "message", "description"):
            if text := self.annotations.get(key):
                return text
        return ""


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """An alerting rule that Prometheus could not evaluate, so its alerts cannot fire."""

    name: str
    group: str
    source: str
    error: str
