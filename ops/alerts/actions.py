"""What people ask about alerts."""

from dataclasses import dataclass

from ops.actor import Actor
from ops.alerts.alert import Alert, BrokenRule
from ops.alerts.matching import AlertFilter
from ops.guard import action

READ = "alerts.view_alerts"


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A source that did not answer: its name and one sentence."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class AlertList:
    """The alerts of a site: firing before pending, critical first, then the longest active.

    `sources` is how many were asked; `failures` are those that did not answer, in which case
    the list is partial.
    """

    site: str
    alerts: tuple[Alert, ...]
    broken_rules: tuple[BrokenRule, ...]
    sources: int
    failures: tuple[SourceFailure, ...]

    @property
    def firing(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.state == "firing")

    @property
    def pending(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.state == "pending")


@action("alerts.list_alerts", permission=READ)
async def list_alerts(actor: Actor, *, filter: AlertFilter = AlertFilter()) -> AlertList:
    """Return the alerts of all Prometheus sources of a site, asked at the same time.

    Raises BackendUnavailable only when no source answered.
    """
    raise NotImplementedError
