"""Alerts for tests."""

from typing import Any

from ops.vocabulary.alerts import Alert, Origin

NOON = 1_795_521_600_000_000_000  # 2026-11-24T12:00:00Z


def alert(name: str = "QueueDeep", labels: dict[str, str] | None = None, **fields: Any) -> Alert:
    """A firing alert, active since noon, with `alertname` among its labels."""
    values: dict[str, Any] = {
        "state": "firing",
        "value": "1e+00",
        "active_at": NOON,
        "annotations": {},
        "sources": ("prometheus",),
        "group": "demo",
        "rule_health": "ok",
    }
    values |= fields
    own = {"alertname": name, **(labels or {})}
    origin = Origin("production", values["sources"][0])
    print_ = origin.fingerprint(values["group"], name, own)
    return Alert(name=name, labels=own, **{"fingerprint": print_} | values)
