"""Alerts and alerting rules, as Prometheus and compatible servers report them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain

from ops.vocabulary.units import with_unit

FIRING, PENDING = "firing", "pending"
SEVERITIES = ("critical", "page", "error", "warning")  # then any other word, then these:
MILD = ("info", "none")
# The words of Prometheus, Thanos, Mimir, Cortex and VictoriaMetrics, and of Grafana's own alerts,
# which add the reason in parentheses: "Alerting (NoData)". "" means that it is not an alert.
_MEANINGS = {
    "firing": FIRING,
    "alerting": FIRING,
    "recovering": FIRING,
    "error": FIRING,
    "nodata": FIRING,
    "pending": PENDING,
    "inactive": "",
    "normal": "",
}
_SAID = {
    "firing": "",
    "pending": "",
    "alerting": "",
    "": "state not given",
    "nodata": "no data",
    "alerting (nodata)": "no data",
    "pending (nodata)": "no data",
    "alerting (error)": "error",
    "pending (error)": "error",
    "error": "error",
    "recovering": "",
}


def rank_of(severity: str) -> int:
    """Return the place of a severity among all, 0 for the most severe; the case does not matter."""
    small = severity.lower()
    if small in SEVERITIES:
        return SEVERITIES.index(small)
    return len(SEVERITIES) + (1 + MILD.index(small) if small in MILD else 0)


def meaning(state: str) -> str:
    """Return what a source's word for a state means: FIRING, PENDING, or "" for no alert.

    A word that we do not know means FIRING: the person on call must see it.
    """
    word, _, _ = state.partition("(")
    return _MEANINGS.get(word.strip().lower(), FIRING)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of one rule.

    `state` is FIRING or PENDING, `native_state` the source's own word for it, "" if it gave none.
    `recovering` means that its condition no longer holds, and its rule keeps it firing for a while.
    `value` is the source's own text, `active_at` when it became pending, exact Unix nanoseconds
    (0 if unknown). `sources` are those that report it: several, if they are a pair; `disagree`
    says how these differ, "" if they do not. `rule_health` is "ok", "err" or "unknown".
    `fingerprint` identifies the alert for as long as anything is remembered of it, see Origin.
    `stale_since` is when its sources last answered, if none of them does (Unix nanoseconds), else
    0. `fired_at` is when it began to fire by the source's own times (Unix nanoseconds), 0 if
    unknown or pending. `unit` is the value's, see ops.vocabulary.units.
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
    native_state: str = ""
    recovering: bool = False
    disagree: str = ""
    fingerprint: str = ""
    stale_since: int = 0
    fired_at: int = 0
    unit: str = ""

    @property
    def since(self) -> int:
        """Since when it fires or, if it does not, is pending; 0 if unknown."""
        return self.fired_at or self.active_at

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

    @property
    def value_in_words(self) -> str:
        """The value as people read it: `0.228`, `22.8%`, `12.4 MB`, `not a number`."""
        return with_unit(self.value, self.unit)

    @property
    def said(self) -> str:
        """What the source's word adds to the state, "" if nothing: `no data`, `recovering`."""
        if self.recovering:
            return "recovering"
        native = self.native_state.lower()
        return _SAID.get(native, f'state "{self.native_state}"')


@dataclass(frozen=True, slots=True)
class Origin:
    """A source of alerts. Sources with the same `pair` report the same alerts.

    These differ only in the labels in `replica_labels`.
    """

    site: str
    source: str
    pair: str = ""
    replica_labels: tuple[str, ...] = ()

    def own(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Return the labels without replica labels."""
        if not any(name in labels for name in self.replica_labels):
            return labels
        return {name: value for name, value in labels.items() if name not in self.replica_labels}

    def fingerprint(self, group: str, rule: str, labels: Mapping[str, str]) -> str:
        """Return what identifies an alert, in history, addresses and requests: 20 hex digits.

        `labels` are its own, without replica labels. Two alerts have the same fingerprint if
        site, source (or pair), rule group, rule and labels are the same.
        """
        origin = ("pair", self.pair) if self.pair else ("source", self.source)
        what = (self.site, *origin, group, rule, *chain.from_iterable(sorted(labels.items())))
        text = "\0".join(what)
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a source: an alerting rule, or a recording rule that others may build on.

    `health` is "ok", "err" or "unknown", `error` why it could not be evaluated, "" for none.
    `evaluated_at` is the last evaluation in Unix nanoseconds, 0 if it never was, None if the
    source does not say; `interval` is nanoseconds between evaluations, 0 if unknown. `query` is
    its expression; `pending_for` and `keep_firing_for` are nanoseconds. `labels` are those that
    it gives to its alerts, templates as they are written.
    """

    name: str
    group: str
    source: str
    recording: bool
    health: str
    error: str
    evaluated_at: int | None
    interval: int
    query: str = ""
    pending_for: int = 0
    keep_firing_for: int = 0
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    def may_have_made(self, alert: Alert) -> bool:
        """Return whether an alert without a group may be this rule's."""
        if self.recording or self.name != alert.name:
            return False
        return all(
            "{{" in text or alert.labels.get(name, "") == text for name, text in self.labels.items()
        )


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule that its sources cannot evaluate, so its alerts cannot fire."""

    name: str
    group: str
    sources: tuple[str, ...]
    error: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """How many alerts, or rules if `rule` is "", of a rule group could not be read."""

    source: str
    group: str
    rule: str
    count: int
