"""Alerting rules: which alerts are pending or firing, and which rules cannot be evaluated."""

from dataclasses import dataclass
from typing import Any

from ops.backends.prometheus.results import warnings_of
from ops.errors import InvalidInput
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert, BrokenRule

Body = dict[str, Any]
# Prometheus's words, and VictoriaMetrics's.
_HEALTH = {"ok": "ok", "no match": "ok", "err": "err", "error": "err"}


@dataclass(frozen=True, slots=True)
class Rules:
    """The alerts of all alerting rules, and the rules that cannot be evaluated."""

    alerts: tuple[Alert, ...]
    broken: tuple[BrokenRule, ...]
    warnings: tuple[str, ...] = ()


def read_rules(source: str, body: Body) -> Rules:
    """Read the answer of /rules, or of /alerts, which has no groups and no broken rules."""
    data = body["data"]
    if "groups" not in data:
        alerts = [_alert(item, {}, source, "") for item in data["alerts"] or ()]
        return Rules(tuple(alerts), (), warnings_of(body))
    alerts, broken = [], []
    for group in data["groups"] or ():
        for rule in group.get("rules") or ():
            # A server may ignore `type=alert` in the request.
            if rule.get("type", "alerting") != "alerting":
                continue
            alerts += [_alert(item, rule, source, group["name"]) for item in _alerts(rule)]
            if _health(rule) == "err":
                error = str(rule.get("lastError") or "the source gives no reason")
                broken.append(BrokenRule(str(rule["name"]), group["name"], source, error))
    return Rules(tuple(alerts), tuple(broken), warnings_of(body))


def _alerts(rule: Body) -> list[Body]:
    """Return the rule's active alerts: VictoriaMetrics lists inactive ones too."""
    found = rule.get("alerts") or ()
    return [item for item in found if str(item.get("state", "")).lower() != "inactive"]


def _alert(item: Body, rule: Body, source: str, group: str) -> Alert:
    labels = {key: str(value) for key, value in (item.get("labels") or {}).items()}
    return Alert(
        # Routes and silences use the label, not the rule's name.
        name=labels.get("alertname") or str(rule.get("name") or item.get("name") or ""),
        state=str(item.get("state", "")).lower(),
        value=str(item.get("value", "")),
        active_at=_moment(item.get("activeAt")),
        labels=labels,
        annotations={key: str(text) for key, text in (item.get("annotations") or {}).items()},
        sources=(source,),
        group=group,
        rule_health=_health(rule),
    )


def _health(rule: Body) -> str:
    return _HEALTH.get(rule.get("health", ""), "unknown")


def _moment(text: str | None) -> int:
    """Return Unix nanoseconds; Go's year 1 and a missing time are 0."""
    try:
        return timerange.parse_moment(text).nanoseconds if text else 0
    except InvalidInput:
        return 0
