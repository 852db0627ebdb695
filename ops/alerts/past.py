"""Past alerts, from the ALERTS series that Prometheus writes when it evaluates its rules.

The only way of asking a source for the past: what was active while a trace ran, and what it
remembers of the holes in our own history.
"""

import json
from collections.abc import Mapping
from functools import partial

from ops.alerts.answers import Answers, asked
from ops.alerts.history import Stretch
from ops.alerts.intervals import Interval, both, joined
from ops.backends.clients import clients
from ops.backends.prometheus import Matrix, Series
from ops.caching import Known
from ops.errors import OpsError
from ops.sites import PrometheusSource, Site
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, PENDING, Alert, Origin, meaning

MOST_LOOKS = 60


async def remembered(
    site: Site, labels: Mapping[str, str], start: int, end: int, looks: int = MOST_LOOKS
) -> Answers[Matrix]:
    """Ask every source for the alerts with these labels, at up to `looks` moments.

    Each moment shows the last evaluation before it, however far apart evaluations are. Times are
    rounded to whole seconds so that almost identical requests can be shared.
    """
    return await asked(site, partial(_ask, site, labels, start, end, looks))


async def _ask(
    site: Site,
    labels: Mapping[str, str],
    start: int,
    end: int,
    looks: int,
    source: PrometheusSource,
) -> Known[Matrix]:
    first = start // timerange.SECOND
    last = max(-(-end // timerange.SECOND), first + 1)
    step = -(-(last - first) // looks)
    matchers = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items()
    )
    try:
        found = (
            await clients()
            .prometheus(site, source)
            .query_range(
                f"ALERTS{{{matchers}}}",
                start=first * timerange.SECOND,
                end=last * timerange.SECOND,
                step=step * timerange.SECOND,
            )
        )
    except OpsError as error:
        return Known(error=error)
    return Known(found)


def alerts_of(origin: Origin, found: Matrix) -> list[Alert]:
    """Return each alert once, as firing if it fired at any time.

    The series has neither start times, nor values, nor annotations, nor the rule's group.
    """
    alerts = {}
    for series in sorted(found.series, key=lambda series: _state(series) == FIRING):
        own, name = _own(origin, series), series.labels.get("alertname", "")
        alerts[frozenset(own.items())] = Alert(
            name=name,
            state=_state(series),
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


async def told(site: Site, alert: Alert, gaps: list[Interval], step: int) -> tuple[Stretch, ...]:
    """Return what the alert's sources remember of it in these gaps; nothing if none answers."""
    if not gaps:
        return ()
    start, end = gaps[0][0], gaps[-1][1]
    step = -(-step // timerange.SECOND) * timerange.SECOND
    labels = {"alertname": alert.name, **alert.labels}
    try:
        found = await remembered(site, labels, start, end, looks=-(-(end - start) // step))
    except OpsError:
        return ()
    states: dict[str, list[Interval]] = {}
    for source, matrix in found.answers.items():
        origin = clients().prometheus(site, site.prometheus_named(source)).origin
        for series in matrix.series:
            if _own(origin, series) == labels:
                # What is true at one look is true until the next.
                times = [(at, at + step) for at, _ in series.points]
                states.setdefault(meaning(_state(series)), []).extend(times)
    return tuple(
        Stretch(state, *each)
        for state in (PENDING, FIRING)
        for each in both(joined(states.get(state, ())), gaps)
    )


def _own(origin: Origin, series: Series) -> Mapping[str, str]:
    labels = series.labels.items()
    return origin.own({k: v for k, v in labels if k not in ("__name__", "alertstate")})


def _state(series: Series) -> str:
    return series.labels.get("alertstate", "")
