"""Rules and their alerts, in the dialect of any server with Prometheus's API.

An alert or rule that cannot be read is skipped and counted; the rest of the answer is kept.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ops.backends.prometheus.results import warnings_of
from ops.errors import InvalidInput
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, Alert, Origin, Rule, Unreadable, meaning
from ops.vocabulary.units import unit_of_query, unit_told

Body = dict[str, Any]
# Prometheus's words, and VictoriaMetrics's.
_HEALTH = {"ok": "ok", "no match": "ok", "err": "err", "error": "err"}
_ERRORS = ("error", "alerting (error)", "pending (error)", "normal (error)")
_QUERY_FAILED = "its query failed: an alert of it has the state Error"
_YEAR_ONE = "0001-"  # Go's time that is not set
_LONGEST_MOMENT = 100  # characters
_LONGEST_INTERVAL = 10**9  # seconds
_BAD = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Rules:
    """The active alerts of a source, and all its rules.

    `rules` is None if the source has only alerts: /alerts has no rules. `more` means that there
    are further pages of rules. `at` is the source's own time of the answer in Unix nanoseconds,
    0 if it gave none; `rules_at` is the same for `rules`, which can be older. `warnings` say what
    is missing, in the source's words; `infos` do not.
    """

    alerts: tuple[Alert, ...]
    rules: tuple[Rule, ...] | None
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    more: bool = False
    at: int = 0
    rules_at: int = 0

    def with_alerts(self, origin: Origin, newer: "Rules") -> "Rules | None":
        """Return these rules with the alerts of a newer answer of /alerts, which has no groups.

        None if it is not certain which rule made an alert: the rules must be read again.
        """
        by_name: dict[str, list[Rule]] = {}
        for rule in self.rules or ():
            by_name.setdefault(rule.name, []).append(rule)
        alerts = []
        for alert in newer.alerts:
            made = [rule for rule in by_name.get(alert.name, ()) if rule.may_have_made(alert)]
            if len(made) != 1:
                return None
            group = made[0].group
            alerts.append(
                replace(
                    alert,
                    group=group,
                    rule_health=made[0].health,
                    fired_at=_fired_at(alert.state, alert.active_at, made[0].pending_for),
                    unit=alert.unit or unit_of_query(made[0].query),
                    fingerprint=origin.fingerprint(group, alert.name, alert.labels),
                )
            )
        return replace(newer, alerts=tuple(alerts), rules=self.rules, rules_at=self.rules_at)


def read_rules(origin: Origin, body: Body) -> Rules:
    """Read the answer of /rules, or of /alerts."""
    data = body["data"]
    if "groups" not in data:
        reading = _Reading(origin)
        alerts = tuple(reading.alerts(data["alerts"], {}, ""))
        return _read(body, Rules(alerts, None), reading)
    reading, alerts_of, rules = _Reading(origin), list[Alert](), list[Rule]()
    for group in data["groups"] or ():
        for rule, name, interval in reading.rules(group):
            rules.append(reading.rule(rule, name, interval))
            alerts_of += reading.alerts(rule.get("alerts"), rule, name)
    found = Rules(tuple(alerts_of), tuple(rules), more=bool(data.get("groupNextToken")))
    return _read(body, found, reading)


def _read(body: Body, found: Rules, reading: "_Reading") -> Rules:
    return replace(
        found,
        warnings=warnings_of(body, "warnings"),
        infos=warnings_of(body, "infos"),
        unreadable=tuple(
            Unreadable(reading.origin.source, group, rule, count)
            for (group, rule), count in reading.unreadable.items()
        ),
    )


class _Reading:
    """The reading of one answer; `unreadable` counts by group and rule ("" for rules)."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.unreadable: Counter[tuple[str, str]] = Counter()

    def rules(self, group: Any) -> Iterator[tuple[Body, str, int]]:
        """Yield each readable rule of a group, with the group's name and its interval."""
        if not isinstance(group, dict):
            self.unreadable["", ""] += 1
            return
        name = _text(group.get("name"))
        interval = _nanoseconds(group.get("interval"))
        for rule in group.get("rules") or ():
            if isinstance(rule, dict):
                yield rule, name, interval
            else:
                self.unreadable[name, ""] += 1

    def rule(self, rule: Body, group: str, interval: int) -> Rule:
        return Rule(
            name=_text(rule.get("name")) or "(without a name)",
            group=group,
            source=self.origin.source,
            recording=rule.get("type") == "recording",
            health=_health(rule),
            error=_text(rule.get("lastError")) or (_QUERY_FAILED if _failed(rule) else ""),
            evaluated_at=_evaluated_at(rule),
            interval=interval,
            query=_text(rule.get("query")),
            labels=self.origin.own(_texts(rule.get("labels"))),
            pending_for=_nanoseconds(rule.get("duration")),
            keep_firing_for=_nanoseconds(rule.get("keepFiringFor") or rule.get("keep_firing_for")),
        )

    def alerts(self, items: Iterable[Any] | None, rule: Body, group: str) -> Iterator[Alert]:
        """Yield a rule's active alerts."""
        maker = _Maker(
            name=_text(rule.get("name")),
            group=group,
            health=_health(rule),
            pending_for=_nanoseconds(rule.get("duration")),
            unit=unit_of_query(_text(rule.get("query"))),
        )
        for item in items or ():
            try:
                alert = self._alert(item, maker)
            except _BAD:
                self.unreadable[group, maker.name or "(without a name)"] += 1
            else:
                if alert.state:
                    yield alert

    def _alert(self, item: Body, maker: "_Maker") -> Alert:
        labels = self.origin.own(
            {key: _text(value) for key, value in (item.get("labels") or {}).items()}
        )
        texts = (item.get("annotations") or {}).items()
        annotations = {key: _text(text) for key, text in texts}
        native = _text(item.get("state"))
        state, active_at = meaning(native), _moment(item.get("activeAt"))
        name = labels.get("alertname") or maker.name or _text(item.get("name"))
        return Alert(
            name=name,
            state=state,
            native_state=native,
            recovering=_recovering(item, native),
            value=_value(item.get("value")),
            active_at=active_at,
            labels=labels,
            annotations=annotations,
            sources=(self.origin.source,),
            group=maker.group,
            rule_health=maker.health,
            fingerprint=self.origin.fingerprint(maker.group, name, labels),
            fired_at=_fired_at(state, active_at, maker.pending_for),
            unit=unit_told(labels, annotations) or maker.unit,
        )


@dataclass(frozen=True, slots=True)
class _Maker:
    """What the alerts of a rule have from it."""

    name: str
    group: str
    health: str
    pending_for: int
    unit: str


def _recovering(item: Body, native: str) -> bool:
    """Return what Grafana, VictoriaMetrics and Prometheus say each in its own way."""
    kept = item.get("stabilizing") is True or _moment(item.get("keepFiringSince")) > 0
    return kept or native.lower() == "recovering"


def _texts(given: object) -> dict[str, str]:
    return {k: _text(v) for k, v in given.items()} if isinstance(given, dict) else {}


def _health(rule: Body) -> str:
    if _failed(rule):
        return "err"
    return _HEALTH.get(_text(rule.get("health")), "unknown")


def _failed(rule: Body) -> bool:
    """Return whether a rule of Grafana has an alert which says that its query failed."""
    alerts = rule.get("alerts")
    states = (each.get("state") for each in alerts or () if isinstance(each, dict))
    return any(isinstance(state, str) and state.lower() in _ERRORS for state in states)


def _fired_at(state: str, active_at: int, pending_for: int) -> int:
    return active_at + pending_for if state == FIRING and active_at else 0


def _text(value: object) -> str:
    """Return a string, or what JSON writes for another value; "" for null."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _value(value: object) -> str:
    return "a histogram" if isinstance(value, dict) else _text(value)


def _moment(given: object) -> int:
    """Return Unix nanoseconds; Go's year 1, a missing time and nonsense are 0."""
    text = _text(given)
    return _parsed(text) if len(text) <= _LONGEST_MOMENT else 0


@lru_cache(maxsize=20_000)
def _parsed(text: str) -> int:
    # An alert has the same start at each poll, and many alerts start at the same moment.
    try:
        moment = timerange.parse_moment(text)
    except InvalidInput:
        return 0
    return 0 if moment.relative else moment.nanoseconds


def _evaluated_at(rule: Body) -> int | None:
    given = rule.get("lastEvaluation")
    if not isinstance(given, str) or not given:
        return None
    return 0 if given.startswith(_YEAR_ONE) else _moment(given) or None


def _nanoseconds(seconds: Any) -> int:
    known = isinstance(seconds, int | float) and 0 < seconds < _LONGEST_INTERVAL
    return round(seconds * timerange.SECOND) if known else 0
