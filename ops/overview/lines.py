"""The lines of an overview: one for each service, those with the most urgent alerts first."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ops.alerts.actions import AlertList
from ops.errors import OpsError
from ops.overview.figures import NUMBERS, Figures, known, problems_of
from ops.overview.parts import Parts
from ops.sampling.actions import ServiceSampling
from ops.sites import Service, Site
from ops.versions.actions import ServiceVersions
from ops.vocabulary.alerts import Alert

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
class Services:
    """A site's services to show, all alerts by service, and the data of the services shown."""

    site: Site
    shown: Sequence[Service]
    alerts: AlertList | OpsError | None
    by_service: Mapping[str, tuple[Alert, ...]]
    numbers: Mapping[str, Figures] | None
    sampling: Mapping[str, ServiceSampling | OpsError] | OpsError | None

    def is_sampled(self, service: Service) -> bool:
        """Return whether a service's sampling can be set, because we send it or it may ask."""
        return service.is_pushed or self.site.remote is not None


async def read_services(parts: Parts, meant: Sequence[Service], first: int, most: int) -> Services:
    """Choose services by their alerts, and only then read each one's data."""
    alerts = await parts.alerts()
    active = known(alerts)
    by_service = await _shared_out(meant, active.alerts) if active else {}
    whole = first == 0 and most >= len(meant)
    ordered = meant if whole else _urgent_first(meant, active, by_service)
    shown = ordered[first : first + most]
    numbers, sampled = await asyncio.gather(parts.figures(shown), parts.sampling(shown))
    return Services(parts.site, shown, alerts, by_service, numbers, sampled)


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


def line_of(
    service: Service, services: Services, versions: ServiceVersions | None, *, coming: bool
) -> ServiceLine:
    """Put one service's line together; `coming` means that the versions are not there yet."""
    numbers = (services.numbers or {}).get(service.name, Figures())
    several = services.sampling
    sampled = several.get(service.name) if isinstance(several, Mapping) else several
    if not services.is_sampled(service):
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
            "sampling": _sampling_gap(services, service, sampled),
            **{key: _number_gap(service, key, services.numbers, numbers) for key in NUMBERS},
        },
    )


def _versions_gap(service: Service, versions: ServiceVersions | None, *, coming: bool) -> Gap:
    if not service.shows_version or (versions and versions.unset):
        return Gap.NOT_SET_UP
    if coming or (versions and versions.coming):
        return Gap.COMING
    return Gap.EMPTY if versions and versions.empty else Gap.FAILED


def _sampling_gap(services: Services, service: Service, own: object) -> Gap:
    if services.sampling is None and services.is_sampled(service):
        return Gap.COMING
    return Gap.FAILED if isinstance(own, OpsError) else Gap.NOT_SET_UP


def _number_gap(
    service: Service, key: str, all_numbers: Mapping[str, Figures] | None, own: Figures
) -> Gap:
    if not getattr(service, key):
        return Gap.NOT_SET_UP
    if all_numbers is None:
        return Gap.COMING
    return Gap.FAILED if key in own.failed else Gap.EMPTY
