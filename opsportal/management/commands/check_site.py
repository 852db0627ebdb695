"""Checks every backend in the site file and prints a line for each, with what to fix."""

import asyncio
from argparse import ArgumentParser
from collections.abc import Awaitable, Iterable, Sequence, Sized
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ops.alerts.truth import is_broken
from ops.backends.addresses import addresses
from ops.backends.clients import clients, close_clients
from ops.backends.prometheus import Sample, Vector
from ops.backends.samplers import Sampler, server_name
from ops.errors import BackendUnavailable, NotFound, OpsError, did_you_mean
from ops.findings import Finding
from ops.sites import AlertmanagerSource, PrometheusSource, Service, Site, SiteFileError, load
from ops.versions.readers import Index, usual_queries, usual_reader
from opsportal.management.findings import show

QUERIES = ("version", "expected", "targets", "requests", "failing", "p95")


class Command(BaseCommand):
    """`manage.py check_site [SITE]`."""

    help = "Check every backend in the site file; report what is reachable and what to fix."
    requires_system_checks = ()  # they would stop at the site file's problems, reported here

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("site", nargs="?", default="", help="only this site (default: all)")

    def handle(self, *args: Any, site: str, **options: Any) -> None:
        show(self, check(Path(settings.SITES_FILE), site))


def check(path: Path, name: str = "") -> list[Finding]:
    """Check the file, then every backend in it; with a name only that site's."""
    try:
        sites = load(path)
        chosen = [sites.site(name)] if name else list(sites.all.values())
    except SiteFileError as error:
        return [Finding(False, f"{path}: {problem}") for problem in error.problems]
    except NotFound as error:
        return [Finding(False, str(error))]
    return asyncio.run(check_sites(chosen))


async def check_sites(sites: Iterable[Site]) -> list[Finding]:
    """Check all backends of these sites concurrently; equal findings are reported once."""
    checks = [each for site in sites for each in _checks(site)]
    try:
        findings = await asyncio.gather(*checks)
    finally:
        await close_clients()
    return list(dict.fromkeys(finding for found in findings for finding in found))


def _checks(site: Site) -> list[Awaitable[list[Finding]]]:
    """Return the checks of a site, in the order in which they are printed."""
    checks: list[Awaitable[list[Finding]]] = [_jaeger(site)] if site.jaeger else []
    checks += [_prometheus(site, source) for source in site.prometheus]
    checks += [_alertmanager(site, source) for source in site.alertmanager]
    for service in site.services.values():
        queries = [key for key in QUERIES if getattr(service, key)]
        checks += [_instances(site, service), *(_query(site, service, key) for key in queries)]
        checks += [_usual_version(site, service)] if service.conventions else []
    return checks


async def _jaeger(site: Site) -> list[Finding]:
    jaeger = clients().jaeger(site)
    try:
        known = await jaeger.services()
    except OpsError as error:
        return [Finding(False, str(error))]
    reachable = Finding(True, f"{jaeger.peer.place} is reachable: {_count(known, 'service')}")
    missing = [each for each in site.services.values() if each.jaeger_name not in known]
    return [reachable, *(_not_in_jaeger(site, service, known) for service in missing)]


def _not_in_jaeger(site: Site, service: Service, known: Sequence[str]) -> Finding:
    hint = did_you_mean(service.jaeger_name, known) or (
        f"; it knows {_some(known)}" if known else "; no service has sent it a trace yet"
    )
    return Finding(
        False,
        f'Jaeger of {site.name} has no service "{service.jaeger_name}"{hint} '
        f"(jaeger_name in {service.table})",
    )


async def _prometheus(site: Site, source: PrometheusSource) -> list[Finding]:
    prometheus = clients().prometheus(site, source)
    try:
        rules = await prometheus.rules()
    except OpsError as error:
        return [Finding(False, str(error))]
    facts = [_count(rules.alerts, "active alert"), *rules.warnings]
    if broken := [rule for rule in rules.rules or () if is_broken(rule)]:
        facts.append(f"{_count(broken, 'rule')} cannot be evaluated")
    return [Finding(True, f"{prometheus.place} is reachable: {', '.join(facts)}")]


async def _alertmanager(site: Site, source: AlertmanagerSource) -> list[Finding]:
    alertmanager = clients().alertmanager(site, source)
    try:
        found = await alertmanager.routing()
    except OpsError as error:
        return [Finding(False, str(error))]
    facts = f"{_count(found.notifications, 'alert')}, {_count(found.silences, 'silence')}"
    return [Finding(True, f"{alertmanager.place} is reachable: {facts}")]


async def _instances(site: Site, service: Service) -> list[Finding]:
    try:
        found = await addresses(site, service)
    except OpsError as error:
        key = "targets_port" if service.targets_port else "dns"
        return [Finding(False, f"{error}; check {key} in {service.table}")]
    return await asyncio.gather(*(_instance(service, address) for address in found))


async def _instance(service: Service, address: str) -> Finding:
    try:
        sampler = Sampler(address, service.tls, server_name(service), service.table)
        await sampler.check()
    except OpsError as error:
        return Finding(False, f"{service.name}: {error}")
    return Finding(True, f"{service.name}: the instance at {address} offers ChangeSampler")


async def _query(site: Site, service: Service, key: str) -> list[Finding]:
    """Try one query of a service; a source that does not answer has its own line."""
    promql = getattr(service, key)
    where = f"{key} of {service.table}"
    try:
        prometheus = clients().prometheus(site, site.source(service))
        found = (await prometheus.query(promql)).samples
    except BackendUnavailable as error:
        return [Finding(False, str(error))]
    except OpsError as error:
        return [Finding(False, f"{where}: {error}")]
    labels = service.alerts.items() if key in service.shared else ()
    samples = [sample for sample in found if set(labels) <= sample.labels.items()]
    if not samples:
        return [Finding(False, f"{where}: {prometheus.name} returns nothing for {promql}")]
    match key:
        case "version":
            return [_version(service, where, samples)]
        case "targets":
            return [_targets(service, samples)]
        case "expected" if len(samples) > 1:
            said = f"{where}: returns {len(samples)} series; it must return one number"
            return [Finding(False, said)]
    return [Finding(True, f"{service.name}: {key} is {samples[0].value:.6g}")]


def _targets(service: Service, samples: Sequence[Sample]) -> Finding:
    down = sum(1 for sample in samples if sample.value == 0)
    return Finding(
        True, f"{service.name}: targets finds {_count(samples, 'instance')}, {down} of them down"
    )


async def _usual_version(site: Site, service: Service) -> list[Finding]:
    """Say in which of the usual metrics a service without a query has its version."""
    try:
        prometheus = clients().prometheus(site, site.source(service))
    except OpsError as error:
        return [Finding(False, f"{service.table}: {error}")]
    queries = usual_queries([service])
    answers = await prometheus.queries(queries)
    if any(isinstance(answer, OpsError) for answer in answers.values()):
        return []  # the source has its own line
    found = (answer.samples for answer in answers.values() if isinstance(answer, Vector))
    index = Index(sample for samples in found for sample in samples)
    reader = usual_reader(service, queries, index)
    if reader is None:
        nothing = f"no usual metric has its version (version in {service.table} sets a query)"
        return [Finding(True, f"{service.name}: {nothing}")]
    instances = [each for _, each in reader.read(index)]
    versions = ", ".join(sorted({each.version for each in instances} - {""}))
    number = _count(instances, "instance")
    return [Finding(True, f"{service.name}: version {versions} on {number}, from {reader.metric}")]


def _version(service: Service, where: str, samples: Sequence[Sample]) -> Finding:
    for key in ("version_label", "instance_label"):
        label = getattr(service, key)
        if not any(sample.labels.get(label) for sample in samples):
            there = sorted({name for sample in samples for name in sample.labels})
            return Finding(
                False,
                f'{where}: its series have no label "{label}"'
                f"{did_you_mean(label, there) or '; they have ' + (_some(there) or 'none')} "
                f"({key} sets which one to use)",
            )
    versions = sorted({sample.labels.get(service.version_label, "") for sample in samples} - {""})
    return Finding(
        True, f"{service.name}: version {', '.join(versions)} on {_count(samples, 'instance')}"
    )


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    """Return ten names at most."""
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
