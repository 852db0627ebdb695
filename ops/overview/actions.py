"""Is something wrong, what changed, what else was true: one site, from the services' actions."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.actor import Actor
from ops.alerts.actions import AlertList, list_alerts
from ops.alerts.alert import Alert
from ops.alerts.matching import AlertFilter
from ops.errors import InvalidInput, OpsError
from ops.filters import TraceQuery
from ops.guard import action
from ops.overview.doors import DoorReport, LostAnswer, reporters
from ops.overview.figures import Figures, figures, known, problems_of, settled
from ops.overview.moment import ServiceMoment, SiteMoment, look_back
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.sites import Service, Site, sites
from ops.timerange import format_moment
from ops.traces.actions import READ as READ_TRACES
from ops.traces.actions import list_traces
from ops.traces.summaries import TraceSummary
from ops.versions.actions import ServiceVersions, list_versions

__all__ = [
    "DoorReport",
    "LostAnswer",
    "ServiceMoment",
    "SiteMoment",
    "show_doors",
    "show_moment",
    "show_overview",
]

READ = "overview.view_overview"
FAILING_TRACES = 5
CHANGES = 5
MOST_SERVICES = 12


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

    `problems` has one sentence for each part that is missing, also for each source of alerts
    that did not answer.
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
    where = sites().site(site)
    services = tuple(where.services.values())
    alerts, (failing, unsearched), changes, versions, own = await asyncio.gather(
        settled(list_alerts(actor, filter=AlertFilter(site=where.name))),
        _failing(actor, where),
        settled(sampling.changes(actor, site=where.name, limit=CHANGES)),
        settled(list_versions(actor, site=where.name)),
        asyncio.gather(*(_own(actor, where, service) for service in services)),
    )
    active = known(alerts)
    silent = [failure.reason for failure in active.failures] if active else []
    by_service = {each.service: each for each in known(versions) or ()}
    return Overview(
        site=where.name,
        lines=tuple(
            _line(service, active, by_service.get(service.name), *parts)
            for service, parts in zip(services, own, strict=True)
        ),
        alerts=active,
        failing=failing,
        changes=known(changes),
        problems=(*problems_of(alerts), *silent, *unsearched, *problems_of(changes, versions)),
    )


@action("overview.show_moment", permission=READ_TRACES)
async def show_moment(
    actor: Actor, *, services: Sequence[str] = (), start: int = 0, end: int = 0, site: str = ""
) -> SiteMoment:
    """Return what else was true while a trace ran from start to end (Unix nanoseconds).

    `services` are called as the trace calls them; the site file says which those are, the
    others are left out, as are those beyond MOST_SERVICES. What the person may not see is left
    out too. Raises InvalidInput when the end is before the start.
    """
    if end < start:
        raise InvalidInput(
            f"the end, {format_moment(end)}, is before the start, {format_moment(start)}"
        )
    where = sites().site(site)
    meant = [each for each in where.services.values() if each.jaeger_name in services]
    return await look_back(actor, where, meant[:MOST_SERVICES], start, end)


@action("overview.show_doors", permission=READ)
async def show_doors(actor: Actor) -> tuple[DoorReport, ...]:
    """Return how the doors are that are in use and run as processes of their own."""
    reports = await asyncio.gather(*(report() for report in reporters.values()))
    return tuple(report for report in reports if report)


async def _own(
    actor: Actor, site: Site, service: Service
) -> tuple[Figures, ServiceSampling | OpsError | None]:
    """What is asked for each service on its own."""
    return await asyncio.gather(figures(site, service), settled(_sampling(actor, site, service)))


async def _sampling(actor: Actor, site: Site, service: Service) -> ServiceSampling | None:
    if not (service.instances or service.dns):
        return None
    return await sampling.current(actor, service=service.name, site=site.name)


def _line(
    service: Service,
    alerts: AlertList | None,
    versions: ServiceVersions | None,
    numbers: Figures,
    sampled: ServiceSampling | OpsError | None,
) -> ServiceLine:
    unknown = [versions.problem] if service.version and versions and versions.problem else []
    problems = (*unknown, *numbers.problems, *problems_of(sampled))
    return ServiceLine(
        service=service.name,
        alerts=_of_service(service, alerts.alerts) if alerts else None,
        versions=versions if service.version else None,
        sampling=known(sampled),
        requests=numbers.requests,
        failing=numbers.failing,
        p95=numbers.p95,
        p95_history=numbers.p95_history,
        problems=tuple(dict.fromkeys(problems)),
    )


def _of_service(service: Service, alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """The alerts with the labels that make them this service's; without such labels none is."""
    wanted = service.alerts.items()
    return tuple(alert for alert in alerts if wanted and wanted <= alert.labels.items())


async def _failing(
    actor: Actor, site: Site
) -> tuple[tuple[TraceSummary, ...] | None, tuple[str, ...]]:
    """The latest failing traces of the last hour, and what went wrong in finding them.

    Each service is asked for on its own: not every storage searches through all of them.
    """
    queries = (
        TraceQuery(site=site.name, service=name, tags=(("error", "true"),), limit=FAILING_TRACES)
        for name in site.services or ("",)
    )
    answers = await asyncio.gather(
        *(settled(list_traces(actor, query=query, explain=FAILING_TRACES)) for query in queries)
    )
    lists = [found for answer in answers if (found := known(answer))]
    if not lists:
        return None, problems_of(*answers)
    traces = {trace.trace_id: trace for found in lists for trace in found.traces}
    latest = sorted(traces.values(), key=lambda trace: (-trace.matched, trace.trace_id))
    return tuple(latest[:FAILING_TRACES]), problems_of(*answers)
