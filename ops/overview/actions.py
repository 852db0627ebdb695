"""Is something wrong, what changed: one site at a glance, from the other services' actions."""

from dataclasses import dataclass

from ops.actor import Actor
from ops.alerts.actions import AlertList
from ops.alerts.alert import Alert
from ops.guard import action
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.traces.summaries import TraceSummary
from ops.versions.actions import ServiceVersions

READ = "overview.view_overview"


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """One service. None means not configured or not known; `problems` says why not known.

    `requests` is per second, `failing` a share from 0 to 1, `p95` nanoseconds; `p95_history`
    is the last hour in even steps, None for gaps.
    """

    service: str
    alerts: tuple[Alert, ...] | None
    versions: ServiceVersions | None
    sampling: ServiceSampling | None
    requests: float | None
    failing: float | None
    p95: int | None
    p95_history: tuple[int | None, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """A site. `alerts`, `failing` and `changes` are None when they could not be had.

    `problems` has one sentence for each part that is missing.
    """

    site: str
    lines: tuple[ServiceLine, ...]
    alerts: AlertList | None
    failing: tuple[TraceSummary, ...] | None
    changes: tuple[SamplingChange, ...] | None
    problems: tuple[str, ...]


@action("overview.show_overview", permission=READ)
async def show_overview(actor: Actor, *, site: str = "") -> Overview:
    """Ask everything at the same time; what fails is a sentence, the rest is shown."""
    raise NotImplementedError
