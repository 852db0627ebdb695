"""The names of all sites, as far as a user may see them, for the readers in ops.language."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TypeVar

from ops.actor import Actor
from ops.alerts.actions import READ as READ_ALERTS
from ops.alerts.answers import answers_of
from ops.backends.clients import clients
from ops.errors import BackendTimeout
from ops.language.names import Names, SiteNames
from ops.patience import patient
from ops.rights import rights_of
from ops.sites import Site, sites
from ops.traces.actions import READ as READ_TRACES
from ops.versions.actions import READ as READ_VERSIONS
from ops.versions.actions import list_versions

T = TypeVar("T")
PATIENCE = 0.5  # seconds; what has not answered by then is missing
AGE = 30.0  # seconds for which names are not asked for again
MOST_SITES = 8  # whose backends are asked: the user's own, then in the order of the site file
MOST_SEARCHED = 20  # services of a site whose operations are asked for
MOST_OPERATIONS = 2_000  # of one service
MOST_SERVICES = 5_000
MOST_LABELS = 200
MOST_VALUES = 200
_TEMPLATE = "{{"  # starts what a rule fills in for each of its alerts


async def read_names(actor: Actor, site: Site) -> Names:
    """Ask the backends concurrently for what the user may see; the site file is always there."""
    others = [each for each in sites().all.values() if each is not site]
    asked, unasked = [site, *others[: MOST_SITES - 1]], others[MOST_SITES - 1 :]
    may = (await rights_of(actor.user_id)).permissions
    found = await asyncio.gather(*(_live(actor, each, may) for each in asked))
    return Names((*found, *map(_in_file, unasked)))


def _in_file(site: Site) -> SiteNames:
    services = site.services.values()
    return SiteNames(
        site=site.name,
        default_service=site.default_service,
        services=tuple(site.services),
        in_traces={
            each.jaeger_name: each.name
            for each in services
            if each.jaeger_name not in site.services
        },
        instances={each.name: each.instances for each in services if each.instances},
    )


async def _live(actor: Actor, site: Site, may: Collection[str]) -> SiteNames:
    known = _in_file(site)
    services, operations, alerts, versions = await asyncio.gather(
        _part(site, "services", _services, site.jaeger and READ_TRACES in may),
        _part(site, "operations", _operations, site.jaeger and READ_TRACES in may),
        _part(site, "alerts", _alerts, site.prometheus and READ_ALERTS in may),
        _part(site, "versions", lambda site: _versions(actor, site), READ_VERSIONS in may),
    )
    parts = {"services": services, "operations": operations, "alerts": alerts, "versions": versions}
    own = {*known.services, *known.in_traces}
    return replace(
        known,
        others=tuple(name for name in services or () if name not in own),
        operations=operations or {},
        alerts=alerts.names if alerts else (),
        severities=alerts.severities if alerts else (),
        labels=alerts.labels if alerts else {},
        versions=versions.versions if versions else {},
        instances=_joined(known.instances, versions.instances if versions else {}),
        missing=frozenset(name for name, part in parts.items() if part is None),
    )


async def _part(
    site: Site, name: str, read: Callable[[Site], Awaitable[T]], allowed: object
) -> T | None:
    """Return what is known of a part within PATIENCE, None if nothing is or it is not allowed."""
    if not allowed:
        return None
    key = ("names", name, site)
    found = await clients().lasting.answer(key, lambda: read(site), patient(PATIENCE), AGE)
    return found.answer


async def _services(site: Site) -> tuple[str, ...]:
    return (await clients().jaeger(site).services())[:MOST_SERVICES]


async def _operations(site: Site) -> Mapping[str, tuple[str, ...]]:
    """Return the operations of the first services of the site file, by the service's name."""
    jaeger = clients().jaeger(site)
    services = list(islice(site.services.values(), MOST_SEARCHED))
    found = await asyncio.gather(*(jaeger.operations(each.jaeger_name) for each in services))
    return {each.name: names[:MOST_OPERATIONS] for each, names in zip(services, found, strict=True)}


@dataclass(frozen=True, slots=True)
class _AlertNames:
    names: tuple[str, ...]
    severities: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]


async def _alerts(site: Site) -> _AlertNames:
    """Return the names of alerts and of rules that may become alerts, and their labels."""
    found = await answers_of(site, patient(PATIENCE))
    if not found.answers:  # no names would be known for AGE, as if no alert were called anything
        raise BackendTimeout("no source of alerts has answered yet", backend="Prometheus")
    answers = found.answers.values()
    both: list[tuple[str, Mapping[str, str]]] = [
        *((each.name, each.labels) for answer in answers for each in answer.alerts),
        *(
            (each.name, each.labels)
            for answer in answers
            for each in answer.rules or ()
            if not each.recording
        ),
    ]
    labels: dict[str, dict[str, None]] = {}
    for label, value in chain.from_iterable(labels.items() for _, labels in both):
        values = labels.setdefault(label, {}) if len(labels) < MOST_LABELS else labels.get(label)
        if values is not None and _TEMPLATE not in value and len(values) < MOST_VALUES:
            values[value] = None
    return _AlertNames(
        names=_distinct(name for name, _ in both),
        severities=_distinct(labels.get("severity", ())),
        labels={label: tuple(values) for label, values in labels.items()},
    )


@dataclass(frozen=True, slots=True)
class _VersionNames:
    versions: Mapping[str, tuple[str, ...]]
    instances: Mapping[str, tuple[str, ...]]


async def _versions(actor: Actor, site: Site) -> _VersionNames:
    found = await list_versions(actor, site=site.name, patience=patient(PATIENCE))
    return _VersionNames(
        {each.service: tuple(version for version, _ in each.counts) for each in found},
        {each.service: _distinct(one.instance for one in each.instances) for each in found},
    )


def _joined(
    one: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]
) -> Mapping[str, tuple[str, ...]]:
    keys = _distinct((*one, *other))
    return {key: _distinct((*one.get(key, ()), *other.get(key, ()))) for key in keys}


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in names if each))
