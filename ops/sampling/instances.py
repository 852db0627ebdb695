"""The known instances in the database: what each was sent last, and what it said to that."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from ops.sampling.facts import InstanceSampling
from ops.sampling.models import Instance, Revision
from ops.sampling.proof import Proof, Way
from ops.sampling.revisions import InForce
from ops.vocabulary.policies import Policy

# An instance that asks, or reports by itself, does so each minute unless its service says
# otherwise, and its row says so at most once a minute.
GONE = timedelta(minutes=4)
SEEN = timedelta(minutes=1)  # how seldom a row only says that its instance has been heard
KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an instance said to a policy: `reason` is "" if it confirmed, else why it did not."""

    proof: Proof
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What an instance was sent, and what it said to that."""

    what: InForce
    answer: Answer


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
    rows = rows.filter(Q(way=Way.PUSH) | asks).order_by("way", "key")
    sent = Revision.objects.in_bulk({row.sent_revision for row in rows if row.sent_revision})
    for row in rows:
        if row.way == Way.PUSH:
            found[row.service][row.address] = _read(row, sent)
        else:
            asking[row.service].append(_read(row, sent))
    return {
        service: (
            *(found[service].get(to) or InstanceSampling(to) for to in pushed),
            *asking[service],
        )
        for service, pushed in addresses.items()
    }


def tell(revision: Revision, addresses: Iterable[str], reason: str) -> None:
    """Record that a revision is about to be sent; `reason` is what is known if no answer comes."""
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
                sent_strategy=revision.strategy,
                sent_rate=revision.rate,
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


def pushed(site: str) -> dict[tuple[str, str], Instance]:
    """Read the instances of a site to which we push, by service and address."""
    rows = Instance.objects.filter(site=site, way=Way.PUSH)
    return {(row.service, row.address): row for row in rows}


def write(
    site: str,
    told: Mapping[tuple[str, str], Told],
    known: Mapping[tuple[str, str], Instance],
    at: datetime,
) -> int:
    """Write what instances were sent and said, if that is new; return the number of changes.

    `known` are their rows. Rows of instances that have not been heard of for days are deleted.
    """
    rows = [_row(site, place, each, known.get(place), at) for place, each in told.items()]
    changed = [row for row in rows if _differs(row, known.get((row.service, row.address)))]
    Instance.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["site", "service", "way", "key"],
        update_fields=[
            "heard", "sent_revision", "sent_strategy", "sent_rate", "sent_at", "proof",
            "proven_revision", "proven_at", "reason",
        ],
    )  # fmt: skip
    Instance.objects.filter(site=site, heard__lt=at - KEPT).delete()
    return len(changed)


def _row(
    site: str, place: tuple[str, str], told: Told, before: Instance | None, at: datetime
) -> Instance:
    service, address = place
    what, answer = told.what, told.answer
    confirmed = answer.proof is Proof.CONFIRMED
    again = before is not None and before.has(what)
    return Instance(
        site=site,
        service=service,
        way=Way.PUSH,
        key=address,
        address=address,
        first_heard=before.first_heard if before else at,
        heard=before.heard if before and not confirmed else at,
        sent_revision=what.revision,
        sent_strategy=what.policy.strategy.value,
        sent_rate=what.policy.rate,
        sent_at=before.sent_at if before and again else at,
        proof=answer.proof,
        reason=answer.reason,
        **_proven(what, confirmed, before, at),
    )


def _proven(
    what: InForce, confirmed: bool, before: Instance | None, at: datetime
) -> dict[str, Any]:
    if confirmed or before is None:
        return {"proven_revision": what.revision, "proven_at": at} if confirmed else {}
    return {"proven_revision": before.proven_revision, "proven_at": before.proven_at}


def _differs(row: Instance, before: Instance | None) -> bool:
    return (
        before is None
        or row.heard - before.heard >= SEEN
        or any(
            getattr(row, name) != getattr(before, name)
            for name in ("sent_revision", "sent", "proof", "reason")
        )
    )


def _about(row: Instance) -> int | None:
    """Return the revision that an instance's proof is about.

    One that asks may refuse a revision that it is not sent for that reason.
    """
    is_sent = row.way == Way.PUSH or row.proof in (Proof.TOLD, Proof.FETCHED)
    return row.sent_revision if is_sent else row.proven_revision


def _sent(row: Instance, revisions: Mapping[int, Revision]) -> Policy | None:
    """Return what an instance was sent, with the rates of single operations."""
    revision = revisions.get(row.sent_revision or 0)
    policies = (revision.policy, revision.then) if revision else ()
    return next((each for each in policies if each and each.base == row.sent), row.sent)


def _read(row: Instance, revisions: Mapping[int, Revision]) -> InstanceSampling:
    proof = Proof(row.proof) if row.proof else None
    return InstanceSampling(
        address=row.key,
        policy=_sent(row, revisions),
        told_at=row.sent_at,
        confirmed=proof is Proof.CONFIRMED,
        reason=row.reason,
        way=Way(row.way),
        proof=proof,
        heard=row.heard,
        client=row.client,
        said=row.said,
        revision=_about(row) or 0,
        unauthenticated=row.unauthenticated,
        one_rate=row.one_rate,
        host=_host(row),
    )


def _host(row: Instance) -> str:
    """Return where an instance is; only what we push to has a port."""
    return row.address.rpartition(":")[0].strip("[]") if row.way == Way.PUSH else row.address
