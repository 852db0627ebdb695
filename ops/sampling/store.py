"""Sampling in the database: the last policy sent to each instance, and past changes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import Max, QuerySet

from ops.actor import Actor, request_id
from ops.sampling.facts import InstanceSampling, SamplingChange, ServiceSampling
from ops.sampling.models import Change, Delivery
from ops.sampling.undo import LOOK_BACK, undo_policy
from ops.vocabulary.policies import Policy, Spread


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
    made = _change(change)
    return replace(made, undo=undo_policy(past_changes(change.site, change.service, LOOK_BACK)))


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
