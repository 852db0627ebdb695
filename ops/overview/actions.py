"""The overview of one site, and its state while a trace ran, from the services' actions."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ops.actor import Actor
from ops.alerts.actions import READ as READ_ALERTS
from ops.alerts.actions import AlertList, show_alert
from ops.alerts.truth import Reason
from ops.errors import InvalidInput, OpsError
from ops.guard import DEADLINE, action
from ops.overview.figures import NUMBERS, Figures, known, problems_of
from ops.overview.parts import Parts
from ops.overview.snapshot import ServiceSnapshot, SiteSnapshot, look_back
from ops.overview.status import DoorReport, LostAnswer, reporters
from ops.overview.surroundings import ServiceAround, Surroundings, look_around
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.sites import Service, sites
from ops.traces.actions import READ as READ_TRACES
from ops.versions.actions import ServiceVersions
from ops.vocabulary.alerts import Alert
from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.timerange import format_moment
from ops.watch.report import SourceReport, WatchReport, watch_report

__all__ = [
    "DoorReport",
    "Gap",
    "LostAnswer",
    "ServiceAround",
    "ServiceSnapshot",
    "SiteSnapshot",
    "SourceReport",
    "Surroundings",
    "WatchReport",
    "show_overview",
    "show_snapshot",
    "show_status",
    "show_surroundings",
    "show_watch",
]

READ = "overview.view_overview"
MOST_SERVICES = 12
MANY_ALERTS = 2_000  # from here on, assigning them to services takes more than about 5 ms


class Gap(Enum):
    """Why a value is missing."""

    NOT_SET_UP = "not set up"
    COMING = "coming"
    EMPTY = "no data"
    FAILED = "not known"


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """One service. A missing value is None; `gaps` says why, by the field's name.

    `requests` is per second, `failing` a share from 0 to 1, `p95` nanoseconds; `p95_history`
    is the last hour in even steps, None for gaps. `problems` says why values are unknown.
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
    gaps: Mapping[str, Gap]


@dataclass(frozen=True, slots=True)
class Overview:
    """A site. `alerts`, `failing` and `changes` are None if they could not be read.

    `lines` is the requested slice of the `services` that match: with `most`, services with the
    most urgent alerts come first, otherwise the site file's order applies. `mixed` are all of
    these that run several versions. `problems` has one sentence for each missing part and for
    each alert source that did not answer. `coming` names the parts that were not ready in time,
    `older` those of them that are shown as they were up to a minute ago.
    """

    site: str
    lines: tuple[ServiceLine, ...]
    alerts: AlertList | None
    failing: tuple[TraceSummary, ...] | None
    changes: tuple[SamplingChange, ...] | None
    problems: tuple[str, ...]
    services: int
    mixed: tuple[ServiceVersions, ...]
    coming: tuple[str, ...] = ()
    older: tuple[str, ...] = ()


@action("overview.show_overview", permission=READ)
async def show_overview(
    actor: Actor,
    *,
    site: str = "",
    find: str = "",
    first: int = 0,
    most: int = 0,
    patience: float = DEADLINE,
) -> Overview:
    """Read everything concurrently; a part that fails becomes a sentence.

    `find` matches part of a service's name. `most` is how many lines to return, from `first` on;
    0 means all. After `patience` seconds, return what is known; the remaining reads continue for
    later callers.
    """
    where = sites().site(site)
    parts = Parts(actor, where, asyncio.get_running_loop().time() + patience)
    meant = where.services_like(find)
    services, failing, changes, versions = await asyncio.gather(
        _services(parts, meant, first, most or len(meant)),
        parts.failing(),
        parts.changes(),
        parts.versions(),
    )
    active = known(services.alerts)
    silent = [failure.reason for failure in active.failures] if active else []
    doubted = active.doubts if active else ()
    doubts = [
        each.sentence for each in doubted if each.reason not in (Reason.SILENT, Reason.LOADING)
    ]
    traces, unsearched = known(failing) or (None, problems_of(failing))
    by_name = {each.service: each for each in known(versions) or ()}
    return Overview(
        site=where.name,
        lines=tuple(
            _line(service, services, by_name.get(service.name), coming=versions is None)
            for service in services.shown
        ),
        alerts=active,
        failing=traces,
        changes=known(changes),
        problems=(
            *problems_of(services.alerts),
            *silent,
            *doubts,
            *unsearched,
            *problems_of(changes, versions),
        ),
        services=len(meant),
        mixed=tuple(
            by_name[each.name]
            for each in meant
            if each.name in by_name and len(by_name[each.name].counts) > 1
        ),
        coming=tuple(parts.coming),
        older=tuple(parts.older),
    )


@dataclass(frozen=True, slots=True)
class _Services:
    """The services to show, all alerts by service, and the data of the services shown."""

    shown: Sequence[Service]
    alerts: AlertList | OpsError | None
    by_service: Mapping[str, tuple[Alert, ...]]
    numbers: Mapping[str, Figures] | None
    sampling: Mapping[str, ServiceSampling | OpsError] | OpsError | None


async def _services(parts: Parts, meant: Sequence[Service], first: int, most: int) -> _Services:
    """Choose services by their alerts, and only then read each one's data."""
    alerts = await parts.alerts()
    active = known(alerts)
    by_service = await _shared_out(meant, active.alerts) if active else {}
    whole = first == 0 and most >= len(meant)
    ordered = meant if whole else _urgent_first(meant, active, by_service)
    shown = ordered[first : first + most]
    numbers, sampled = await asyncio.gather(parts.figures(shown), parts.sampling(shown))
    return _Services(shown, alerts, by_service, numbers, sampled)


async def _shared_out(
    services: Sequence[Service], alerts: Sequence[Alert]
) -> Mapping[str, tuple[Alert, ...]]:
    if len(alerts) < MANY_ALERTS:
        return _by_service(services, alerts)
    return await asyncio.to_thread(_by_service, services, alerts)


def _by_service(
    services: Iterable[Service], alerts: Iterable[Alert]
) -> Mapping[str, tuple[Alert, ...]]:
    """Group the alerts by service, by its alert labels; a service without any has none.

    Most services use the same label names, so each alert is looked up once for all of them.
    """
    wanted: dict[tuple[str, ...], dict[tuple[str, ...], list[str]]] = {}
    for service in services:
        if service.alerts:
            names = tuple(sorted(service.alerts))
            values = tuple(service.alerts[name] for name in names)
            wanted.setdefault(names, {}).setdefault(values, []).append(service.name)
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        for names, services_by_values in wanted.items():
            values = tuple(alert.labels.get(name, "") for name in names)
            for service_name in services_by_values.get(values, ()):
                found.setdefault(service_name, []).append(alert)
    return {name: tuple(of_service) for name, of_service in found.items()}


def _urgent_first(
    services: Sequence[Service],
    active: AlertList | None,
    by_service: Mapping[str, tuple[Alert, ...]],
) -> Sequence[Service]:
    """Sort services by the position of their first alert in the list."""
    places = {id(alert): place for place, alert in enumerate(active.alerts if active else ())}
    last = len(places)

    def place(service: Service) -> int:
        own = by_service.get(service.name)
        return places[id(own[0])] if own else last

    return sorted(services, key=place)


@action("overview.show_snapshot", permission=READ_TRACES)
async def show_snapshot(
    actor: Actor, *, services: Sequence[str] = (), start: int = 0, end: int = 0, site: str = ""
) -> SiteSnapshot:
    """Return the state of a trace's services while it ran, start to end in Unix nanoseconds.

    `services` are the names used in the trace; those that the site file does not know, and those
    beyond MOST_SERVICES, are left out. So is whatever the user may not see. Raises InvalidInput
    if the end is before the start.
    """
    if end < start:
        raise InvalidInput(
            f"the end, {format_moment(end)}, is before the start, {format_moment(start)}"
        )
    where = sites().site(site)
    meant = [each for each in where.services.values() if each.jaeger_name in services]
    return await look_back(actor, where, meant[:MOST_SERVICES], start, end)


@action("overview.show_surroundings", permission=READ_ALERTS)
async def show_surroundings(actor: Actor, *, fingerprint: str = "", site: str = "") -> Surroundings:
    """Return what happened around an alert, as far as the user may see it.

    Raises the same errors as `alerts.show_alert`.
    """
    shown = await show_alert(actor, fingerprint=fingerprint, site=site)
    return await look_around(actor, sites().site(site), shown)


@action("overview.show_status", permission=READ)
async def show_status(actor: Actor) -> tuple[DoorReport, ...]:
    """Return the status of the doors that are in use and run as separate processes."""
    reports = await asyncio.gather(*(report() for report in reporters.values()))
    return tuple(report for report in reports if report)


@action("overview.show_watch", permission=READ)
async def show_watch(actor: Actor, *, site: str = "") -> WatchReport:
    """Return whether the site is being watched, and which of its sources answer."""
    return await watch_report(sites().site(site).name)


def _line(
    service: Service, services: _Services, versions: ServiceVersions | None, *, coming: bool
) -> ServiceLine:
    numbers = (services.numbers or {}).get(service.name, Figures())
    several = services.sampling
    sampled = several.get(service.name) if isinstance(several, Mapping) else several
    if not (service.instances or service.dns):
        sampled = None
    unknown = [versions.problem] if versions and versions.problem and not versions.unset else []
    problems = (*unknown, *numbers.problems, *problems_of(sampled))
    alerts = known(services.alerts)
    return ServiceLine(
        service=service.name,
        alerts=services.by_service.get(service.name, ()) if alerts else None,
        versions=None if versions and versions.unset else versions,
        sampling=known(sampled),
        requests=numbers.requests,
        failing=numbers.failing,
        p95=numbers.p95,
        p95_history=numbers.p95_history,
        problems=tuple(dict.fromkeys(problems)),
        gaps={
            "alerts": Gap.COMING if services.alerts is None else Gap.FAILED,
            "versions": _versions_gap(service, versions, coming=coming),
            "sampling": _sampling_gap(service, several),
            **{key: _number_gap(service, key, services.numbers, numbers) for key in NUMBERS},
        },
    )


def _versions_gap(service: Service, versions: ServiceVersions | None, *, coming: bool) -> Gap:
    if not service.shows_version or (versions and versions.unset):
        return Gap.NOT_SET_UP
    if coming or (versions and versions.coming):
        return Gap.COMING
    return Gap.EMPTY if versions and versions.empty else Gap.FAILED


def _sampling_gap(service: Service, several: object) -> Gap:
    if not (service.instances or service.dns):
        return Gap.NOT_SET_UP
    return Gap.COMING if several is None else Gap.FAILED


def _number_gap(
    service: Service, key: str, all_numbers: Mapping[str, Figures] | None, own: Figures
) -> Gap:
    if not getattr(service, key):
        return Gap.NOT_SET_UP
    if all_numbers is None:
        return Gap.COMING
    return Gap.FAILED if key in own.failed else Gap.EMPTY
