"""Which version runs where, per Prometheus."""

from dataclasses import dataclass

from ops.actor import Actor
from ops.guard import action

READ = "versions.view_versions"


@dataclass(frozen=True, slots=True)
class InstanceVersion:
    """One instance; `version` is "" when it is down or does not say."""

    instance: str
    version: str


@dataclass(frozen=True, slots=True)
class ServiceVersions:
    """The versions of a service. `problem` is one sentence when nothing is known, else "".

    `total` counts the instances that should be there: it is more than `len(instances)` when
    the site file or `up` knows of more than say their version.
    """

    site: str
    service: str
    instances: tuple[InstanceVersion, ...]
    total: int
    warnings: tuple[str, ...] = ()
    problem: str = ""

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """Versions with how many instances run each, most first, unknown left out."""
        raise NotImplementedError

    @property
    def summary(self) -> str:
        """`1.2.0 on 3 of 3`, or `1.3.0 on 1 of 3, 1.2.0 on 2 of 3`, or `1.2.0, 2 of 3 known`."""
        raise NotImplementedError


@action("versions.show_versions", permission=READ)
async def show_versions(actor: Actor, *, service: str = "", site: str = "") -> ServiceVersions:
    """Return one service's versions.

    Raises NotFound, with the query, when the metric is missing.
    """
    raise NotImplementedError


@action("versions.list_versions", permission=READ)
async def list_versions(actor: Actor, *, site: str = "") -> tuple[ServiceVersions, ...]:
    """Return the versions of every service of a site; a failure is that line's `problem`."""
    raise NotImplementedError
