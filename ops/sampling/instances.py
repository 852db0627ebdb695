"""The known instances in the database: what each was sent last, and what it said to that."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from ops.sampling.facts import InstanceSampling
from ops.sampling.models import Instance, Revision
from ops.sampling.proof import Proof, Way
from ops.vocabulary.policies import Policy

# An instance that asks, or reports by itself, does so each minute unless its service says
# otherwise, and its row says so at most once a minute.
GONE = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an instance said to a policy: `reason` is "" if it confirmed, else why it did not."""

    proof: Proof
    reason: str = ""


def known(
    site: str, addresses: Mapping[str, Collection[str]]
) -> dict[str, tuple[InstanceSampling, ...]]:
    """Read the instances of some services: those at these addresses, and those that ask.

    Those that asked once and are gone do not count any more.
    """
    asks = ~Q(way=Way.PUSH) & ~Q(proof=Proof.GONE) & Q(heard__gt=timezone.now() - GONE)
    found: dict[str, dict[str, InstanceSampling]] = {name: {} for name in addresses}
    asking: dict[str, list[InstanceSampling]] = {name: [] for name in addresses}
    rows = Instance.objects.filter(site=site, service__in=list(addresses))
    for row in rows.filter(Q(way=Way.PUSH) | asks).order_by("way", "key"):
        if row.way == Way.PUSH:
            found[row.service][row.address] = _read(row)
        else:
            asking[row.service].append(_read(row))
    return {
        service: (
            *(found[service].get(to) or InstanceSampling(to) for to in pushed),
            *asking[service],
        )
        for service, pushed in addresses.items()
    }


def tell(revision: Revision, policy: Policy, addresses: Iterable[str], reason: str) -> None:
    """Record that a policy is about to be sent; `reason` is what is known if no answer comes."""
    now = timezone.now()
    Instance.objects.bulk_create(
        (
            Instance(
                site=revision.site,
                service=revision.service,
                way=Way.PUSH,
                key=address,
                address=address,
                first_heard=now,
                heard=now,
                sent_revision=revision.id,
                sent_strategy=policy.strategy.value,
                sent_rate=policy.rate,
                sent_at=now,
                proof=Proof.TOLD,
                reason=reason,
            )
            for address in addresses
        ),
        update_conflicts=True,
        unique_fields=["site", "service", "way", "key"],
        update_fields=[
            "sent_revision", "sent_strategy", "sent_rate", "sent_at", "proof", "reason",
        ],
    )  # fmt: skip


def heard(revision: Revision, answers: Mapping[str, Answer]) -> None:
    """Record the answers of instances, but not of those that were sent something newer."""
    now = timezone.now()
    mine = Instance.objects.filter(
        site=revision.site, service=revision.service, way=Way.PUSH, sent_revision=revision.id
    )
    confirmed = [address for address, each in answers.items() if each.proof is Proof.CONFIRMED]
    mine.filter(key__in=confirmed).update(
        proof=Proof.CONFIRMED, reason="", proven_revision=revision.id, proven_at=now, heard=now
    )
    for address in answers.keys() - confirmed:
        answer = answers[address]
        mine.filter(key=address).update(proof=answer.proof, reason=answer.reason)


def _read(row: Instance) -> InstanceSampling:
    proof = Proof(row.proof) if row.proof else None
    return InstanceSampling(
        address=row.key,
        policy=row.sent,
        told_at=row.sent_at,
        confirmed=proof is Proof.CONFIRMED,
        reason=row.reason,
        way=Way(row.way),
        proof=proof,
        client=row.client,
    )
