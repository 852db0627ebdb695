"""Where the instances of a service are that are called to set their sampling.

The site file lists them, names a host that resolves to all of them, or says at which port they
listen on the hosts that Prometheus scrapes.
"""

from ops.backends.clients import clients
from ops.backends.prometheus.numbers import own_series
from ops.backends.samplers import resolve
from ops.errors import BackendUnavailable, OpsError
from ops.sites import Service, Site
from ops.vocabulary.matchers import quoted


async def addresses(site: Site, service: Service) -> tuple[str, ...]:
    """Return every instance's gRPC address, sorted; raises BackendUnavailable."""
    found = await (_targets(site, service) if service.targets_port else resolve(service))
    return tuple(sorted(found))


async def _targets(site: Site, service: Service) -> set[str]:
    """Ask Prometheus; of the copies of a source, the first that answers counts."""
    labels = ", ".join(f"{name}={quoted(value)}" for name, value in service.alerts.items())
    query = service.targets or f"up{{{labels}}}"
    source = site.source(service)
    problems: list[OpsError] = []
    for copy in (source, *site.twins(source)):
        found = (await clients().prometheus(site, copy).queries([query]))[query]
        if not isinstance(found, OpsError):
            series = own_series(service, "targets", found.samples)
            hosts = {each.labels.get("instance", "").rpartition(":")[0] for each in series}
            return {f"{host}:{service.targets_port}" for host in hosts if host}
        problems.append(found)
    raise BackendUnavailable(
        f"the instances of {service.name} cannot be found: {problems[0]}",
        backend=f"instances of {service.name}",
    ) from problems[0]
