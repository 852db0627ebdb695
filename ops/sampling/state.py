"""The known state of sampling: the last policy sent to each instance, and past changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import Max, QuerySet

from ops.actor import Actor, request_id
from ops.sampling.effect import effect
from ops.sampling.models import Change, Delivery
from ops.vocabulary.policies import Policy, Spread

_LOOK_BACK = 50  # changes to search for the policy to go back to


@dataclass(frozen=True, slots=True)
class InstanceSampling:
    """The last policy sent to an instance; `policy` and `told_at` are None if none was sent.

    `confirmed` means that the instance acknowledged it; otherwise `reason` says why not.
    """

    address: str
    policy: Policy | None = None
    told_at: datetime | None = None
    confirmed: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceSampling:
    """The sampling of one service as far as OpsPortal knows.

    `coming` is True while its instances are still being looked up; there are none until then.
    """

    site: str
    service: str
    instances: tuple[InstanceSampling, ...]
    coming: bool = False

    @property
    def confirmed(self) -> int:
        return sum(instance.confirmed for instance in self.instances)

    @property
    def known_at(self) -> datetime | None:
        """When the first of the instances confirmed; they are not checked after that."""
        times = (instance.told_at for instance in self.instances if instance.confirmed)
        return min((told_at for told_at in times if told_at), default=None)

    @property
    def policies(self) -> Spread:
        """What the instances confirmed; one that did not confirm may have any policy."""
        return Spread.of(each.policy if each.confirmed else None for each in self.instances)

    def effect_of(self, policy: Policy) -> str:
        """Return a sentence on what sending a policy would change."""
        return effect(self.service, self.policies, policy)


@dataclass(frozen=True, slots=True)
class SamplingChange:
    """A change: the actor, the door, the policies before, the new one, the result.

    `request_id` is the same in the audit log. `back` is the policy that undoing it sets; it is
    set only on the change that was just made, and None on past ones.
    """

    site: str
    service: str
    previous: Spread
    policy: Policy
    actor: str
    door: str
    at: datetime
    request_id: str
    instances: tuple[InstanceSampling, ...]
    back: Policy | None = None

    @property
    def confirmed(self) -> int:
        return sum(instance.confirmed for instance in self.instances)

    def __str__(self) -> str:
        return (
            f"{self.previous} -> {self.policy}, {self.confirmed} of {len(self.instances)} confirmed"
        )


def last_told(site: str, service: str, addresses: Iterable[str]) -> ServiceSampling:
    """Read the last policy sent to each of these instances."""
    told = _last_told(Delivery.objects.filter(change__site=site, change__service=service))
    return _sampling(site, service, addresses, told)


def last_told_of_several(
    site: str, addresses: Mapping[str, Iterable[str]]
) -> tuple[ServiceSampling, ...]:
    """Read the same for several services, given their addresses by name."""
    of_these = Delivery.objects.filter(change__site=site, change__service__in=list(addresses))
    told = _last_told(of_these)
    return tuple(_sampling(site, service, to, told) for service, to in addresses.items())


def _last_told(deliveries: QuerySet[Delivery]) -> dict[tuple[str, str], InstanceSampling]:
    """Return the newest delivery for each service and address."""
    newest = (
        deliveries.values("change__service", "address").annotate(newest=Max("id")).values("newest")
    )
    found = Delivery.objects.filter(id__in=newest).select_related("change")
    return {(each.change.service, each.address): _instance(each) for each in found}


def _sampling(
    site: str,
    service: str,
    addresses: Iterable[str],
    told: Mapping[tuple[str, str], InstanceSampling],
) -> ServiceSampling:
    instances = tuple(told.get((service, to), InstanceSampling(to)) for to in addresses)
    return ServiceSampling(site, service, instances)


def begin(
    actor: Actor, before: ServiceSampling, policy: Policy, addresses: Iterable[str]
) -> Change:
    """Record what is about to be sent; until `finish`, every answer counts as lost."""
    with transaction.atomic():
        change = Change.objects.create(
            site=before.site,
            service=before.service,
            previous=str(before.policies),
            strategy=policy.strategy.value,
            rate=policy.rate,
            actor=actor.name,
            door=actor.door.value,
            request_id=request_id(),
        )
        Delivery.objects.bulk_create(
            Delivery(change=change, address=address, confirmed=False, reason="its answer was lost")
            for address in addresses
        )
    return change


def finish(change: Change, reasons: Mapping[str, str]) -> SamplingChange:
    """Record each address's answer: "" if it confirmed, else why not."""
    deliveries = list(change.deliveries.all())
    for delivery in deliveries:
        delivery.reason = reasons[delivery.address]
        delivery.confirmed = not delivery.reason
    Delivery.objects.bulk_update(deliveries, ["reason", "confirmed"])
    return replace(_change(change), back=way_back(change.site, change.service))


def way_back(site: str, service: str) -> Policy | None:
    """Read the policy that undoing a service's last change sets, None if there is none.

    This is the last different policy that was in force: of the earlier changes, newest first, the
    first to another policy that at least half of its instances confirmed. A change that most
    instances did not confirm was never in force, and sending the same policy again is not undone.
    """
    newest, *earlier = past_changes(site, service, _LOOK_BACK) or (None,)
    if newest is None:
        return None
    return next(
        (
            change.policy
            for change in earlier
            if change.policy != newest.policy and 2 * change.confirmed >= len(change.instances)
        ),
        None,
    )


def past_changes(site: str, service: str, limit: int) -> tuple[SamplingChange, ...]:
    """Read the last changes of a site, or of one service unless "", newest first."""
    changes = Change.objects.filter(site=site).order_by("-id").prefetch_related("deliveries")
    if service:
        changes = changes.filter(service=service)
    return tuple(_change(change) for change in changes[:limit])


def in_force(site: str, service: str, at: datetime) -> SamplingChange | None:
    """Read a service's last change at or before a moment, None if there was none."""
    changes = Change.objects.filter(site=site, service=service, at__lte=at).order_by("-id")
    found = changes.prefetch_related("deliveries").first()
    return _change(found) if found else None


def _change(change: Change) -> SamplingChange:
    return SamplingChange(
        site=change.site,
        service=change.service,
        previous=Spread.read(change.previous),
        policy=change.policy,
        actor=change.actor,
        door=change.door,
        at=change.at,
        request_id=change.request_id,
        instances=tuple(_instance(delivery) for delivery in change.deliveries.all()),
    )


def _instance(delivery: Delivery) -> InstanceSampling:
    return InstanceSampling(
        address=delivery.address,
        policy=delivery.change.policy,
        told_at=delivery.told_at,
        confirmed=delivery.confirmed,
        reason=delivery.reason,
    )
