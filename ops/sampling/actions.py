"""What people do about sampling."""

from dataclasses import dataclass
from datetime import datetime

from ops.actor import Actor
from ops.guard import action
from ops.sampling.policy import Policy

READ = "sampling.view_sampling"
CHANGE = "sampling.change_policy"


@dataclass(frozen=True, slots=True)
class InstanceSampling:
    """What an instance was last told; `policy` and `told_at` are None where we never did.

    `confirmed` says that it acknowledged, `reason` why not ("" when it did).
    """

    address: str
    policy: Policy | None = None
    told_at: datetime | None = None
    confirmed: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceSampling:
    """The sampling of one service as far as we know it."""

    site: str
    service: str
    instances: tuple[InstanceSampling, ...]

    @property
    def confirmed(self) -> int:
        return sum(instance.confirmed for instance in self.instances)

    @property
    def summary(self) -> str:
        """`10 %`, `unknown`, or `10 % on 2, unknown on 1`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class SamplingChange:
    """A change: who made it through which door, from what (a summary) to what, with which result.

    `request_id` joins it with the audit log.
    """

    site: str
    service: str
    previous: str
    policy: Policy
    actor: str
    door: str
    at: datetime
    request_id: str
    instances: tuple[InstanceSampling, ...]

    @property
    def confirmed(self) -> int:
        return sum(instance.confirmed for instance in self.instances)


@action("sampling.current", permission=READ)
async def current(actor: Actor, *, service: str = "", site: str = "") -> ServiceSampling:
    """Return what each instance of the service was last told, when, and with what result."""
    raise NotImplementedError


@action("sampling.changes", permission=READ)
async def changes(
    actor: Actor, *, service: str = "", site: str = "", limit: int = 10
) -> tuple[SamplingChange, ...]:
    """Return the last changes of a site, or of one of its services, newest first."""
    raise NotImplementedError


@action("sampling.change_policy", permission=CHANGE, audit=True)
async def change_policy(
    actor: Actor, *, policy: Policy, service: str = "", site: str = ""
) -> SamplingChange:
    """Tell every instance of the service at once.

    Raises NotConfirmed, with the SamplingChange as its result, when not all confirmed.
    """
    raise NotImplementedError
