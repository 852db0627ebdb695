"""A past of alerts in the database."""

from typing import Any

from ops.alerts.models import AlertPeriod, RulePeriod
from ops.vocabulary.alerts import Alert
from ops.watch.models import SourcePeriod, Watched

SITE = "production"


def period(alert: Alert, state: str, start: int, end: int | None, **fields: Any) -> AlertPeriod:
    """Remember that an alert was in this state."""
    values: dict[str, Any] = {
        "site": SITE,
        "name": alert.name,
        "group": alert.group,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "sources": list(alert.sources),
        "active_at": alert.active_at,
    }
    return AlertPeriod.objects.create(
        key=alert.fingerprint, state=state, start=start, end=end, **(values | fields)
    )


def broken(name: str, start: int, end: int | None, error: str = "found duplicates") -> RulePeriod:
    """Remember that a rule could not be evaluated."""
    return RulePeriod.objects.create(
        site=SITE, key=name, state=RulePeriod.BROKEN, start=start, end=end,
        name=name, group="demo", source="main", error=error,
    )  # fmt: skip


def watched(start: int, end: int, *sources: str) -> None:
    """Remember that somebody watched, and that these sources answered."""
    number = Watched.objects.filter(site=SITE).count()
    Watched.objects.create(site=SITE, epoch=number + 1, start=start, end=end)
    for source in sources:
        answered(source, start, end)


def answered(source: str, start: int, end: int | None, *, fails: bool = False) -> None:
    """Remember that a source answered, or failed."""
    state = SourcePeriod.FAILS if fails else SourcePeriod.ANSWERS
    reason = f"{source} is away" if fails else ""
    SourcePeriod.objects.create(
        site=SITE, key=f"alerts {source}", state=state, start=start, end=end, reason=reason
    )
