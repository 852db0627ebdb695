"""Past alerts, from the ALERTS series that Prometheus writes when it evaluates its rules."""

import json
from collections.abc import Mapping

from ops.backends.prometheus import Matrix, Prometheus
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert, Origin

MOST_LOOKS = 60


async def remembered(
    prometheus: Prometheus, labels: Mapping[str, str], start: int, end: int
) -> Matrix:
    """Return the alerts with these labels at up to MOST_LOOKS moments from start to end.

    Each moment shows the last evaluation before it, however far apart evaluations are. Times are
    rounded to whole seconds so that almost identical requests can be shared.
    """
    first = start // timerange.SECOND
    last = max(-(-end // timerange.SECOND), first + 1)
    step = -(-(last - first) // MOST_LOOKS)
    matchers = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items()
    )
    return await prometheus.query_range(
        f"ALERTS{{{matchers}}}",
        start=first * timerange.SECOND,
        end=last * timerange.SECOND,
        step=step * timerange.SECOND,
    )


def alerts_of(origin: Origin, found: Matrix) -> list[Alert]:
    """Return each alert once, as firing if it fired at any time.

    The series has neither start times, nor values, nor annotations, nor the rule's group.
    """
    alerts = {}
    for series in sorted(found.series, key=lambda series: _state(series.labels) == "firing"):
        labels = {k: v for k, v in series.labels.items() if k not in ("__name__", "alertstate")}
        own, name = origin.own(labels), labels.get("alertname", "")
        alerts[frozenset(own.items())] = Alert(
            name=name,
            state=_state(series.labels),
            value="",
            active_at=0,
            labels=own,
            annotations={},
            sources=(origin.source,),
            group="",
            rule_health="unknown",
            fingerprint=origin.fingerprint("", name, own),
        )
    return list(alerts.values())


def _state(labels: Mapping[str, str]) -> str:
    return labels.get("alertstate", "")
