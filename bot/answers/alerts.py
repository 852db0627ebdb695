"""Firing and pending alerts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from bot.answers.phrases import (
    LONGEST_SENTENCE,
    and_more,
    count,
    elsewhere,
    failing_traces,
    site_key,
)
from bot.answers.times import lasting, past
from bot.links import page
from bot.replies import FollowUp, Reply, Row, shortened
from ops.alerts.actions import AlertList
from ops.alerts.truth import Reason
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import format_filter
from ops.vocabulary.alerts import Alert
from ops.vocabulary.matchers import label_text

MOST_DOUBTS = 3


def alert_list(found: AlertList) -> Reply:
    """Return the firing and pending alerts."""
    firing, pending = found.firing, found.pending
    severities = Counter(shortened(alert.severity, 40) or "without severity" for alert in firing)
    by_severity = ", ".join(f"{number} {severity}" for severity, number in severities.items())
    narrowed = format_filter(replace(found.filter, site=""))
    known = " that we know of" if found.doubts else ""
    state = shortened(found.headline(), LONGEST_SENTENCE)
    if firing:
        state = f"{count(len(firing), 'alert')} firing{known} ({by_severity})"
    elif narrowed and found.firing_in_all:
        state = f"{count(found.firing_in_all, 'alert')} firing, none{known}"
    elif narrowed:
        state = f"No alerts{known}" if not found.alerts else f"Nothing is firing{known}"
    about = f", {len(pending):,} pending" if pending else ""
    asked = f" for {shortened(narrowed, LONGEST_SENTENCE)}" if narrowed else ""
    return Reply(
        f"{state}{about}{asked}{elsewhere(found.site)}",
        rows=tuple(map(_alert_row, found.alerts)),
        columns=("State", "Severity", "Alert", "Since", "About"),
        notes=(
            *(f"{failure.source} did not answer: {failure.reason}" for failure in found.failures),
            *_doubts(found),
        ),
        links=page("the alerts", "alerts", found.site, line=narrowed),
        follow_ups=tuple(_next_of_alerts(found, narrowed)),
    )


def _doubts(found: AlertList) -> tuple[str, ...]:
    """Say why more may be firing, in a line each; sources that failed have their own."""
    others = [each for each in found.doubts if each.reason is not Reason.SILENT]
    return (
        *(
            f"There may be more: {shortened(each.sentence, LONGEST_SENTENCE)}"
            for each in others[:MOST_DOUBTS]
        ),
        *and_more(len(others) - MOST_DOUBTS, "reason"),
    )


def _next_of_alerts(found: AlertList, narrowed: str) -> Iterator[FollowUp]:
    """Offer the failing traces of the services with alerts; all alerts if these are filtered."""
    labels = [alert.labels.items() for alert in found.alerts]
    site = sites().site(found.site)
    for service in site.services.values() if site.jaeger else ():
        if service.alerts and any(service.alerts.items() <= each for each in labels):
            yield failing_traces(service.name, found.site)
    if narrowed:
        yield FollowUp("All alerts", f"alerts{site_key(found.site)}")
    if found.alerts:
        yield FollowUp("Versions", f"version{site_key(found.site)}")


def _alert_row(alert: Alert) -> Row:
    labels = ", ".join(
        label_text(name, value)
        for name, value in alert.labels.items()
        if name not in ("alertname", "severity")
    )
    duration = f"for {lasting(timerange.now_ns() - alert.active_at)}"
    since = past(alert.active_at, duration) if alert.active_at else ""
    return Row(
        (
            f"{alert.state} ({alert.said})" if alert.said else alert.state,
            alert.severity,
            alert.name,
            since,
        ),
        tuple(
            shortened(line, LONGEST_SENTENCE)
            for line in (alert.summary, labels, alert.disagree)
            if line
        ),
    )
