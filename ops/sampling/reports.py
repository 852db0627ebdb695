"""Write down what agents report: instances that ask, or report by themselves."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from ops.sampling.models import Instance
from ops.sampling.proof import Proof, Way
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy

DECIDED = (Proof.CONFIRMED, Proof.REFUSED, Proof.CONTRADICTED)
FORGOTTEN = timedelta(days=1)  # each restart of an agent is another instance
_FIXED = {"id", "site", "service", "way", "key", "first_heard"}


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of one instance; times are Unix nanoseconds. See `models.Instance`."""

    service: str
    way: Way
    key: str
    address: str
    client: str
    unauthenticated: bool
    first_heard: int
    heard: int
    sent_revision: int | None
    sent: Policy | None
    sent_at: int | None
    proof: Proof
    proven_revision: int | None
    proven_at: int | None
    said: Policy | None
    reason: str
    one_rate: bool = False


@dataclass(frozen=True, slots=True)
class Proven:
    """What an instance made of a revision, whichever of our processes heard it, and when."""

    service: str
    way: Way
    key: str
    revision: int
    policy: Policy
    proof: Proof
    at: int
    reason: str


def proven(site: str, since: int) -> list[Proven]:
    """Read what instances that ask have decided since a moment (Unix nanoseconds)."""
    rows = Instance.objects.filter(
        site=site, proven_at__gt=timerange.to_datetime(since), proof__in=DECIDED
    ).exclude(way=Way.PUSH)
    return [
        Proven(
            service=row.service,
            way=Way(row.way),
            key=row.key,
            revision=row.proven_revision,
            policy=row.sent,
            proof=Proof(row.proof),
            at=timerange.from_datetime(row.proven_at),
            reason=row.reason,
        )
        for row in rows
        if row.sent and row.proven_at and row.proven_revision
        if row.proven_revision == row.sent_revision
    ]


def write(site: str, reports: Collection[Report]) -> None:
    """Write reports in one go; of several about one instance, the last counts.

    One that is gone from here, but was heard by another process of ours since, is not gone.
    """
    last = {(each.service, each.way, each.key): each for each in reports}
    gone = [each for each in last.values() if each.proof is Proof.GONE]
    for row in Instance.objects.filter(site=site, key__in=[each.key for each in gone]):
        report = last.get((row.service, Way(row.way), row.key))
        if report in gone and row.heard > timerange.to_datetime(report.heard):
            del last[row.service, Way(row.way), row.key]
    fields = [each.name for each in Instance._meta.concrete_fields if each.name not in _FIXED]
    Instance.objects.bulk_create(
        # In the same order in every process, so that two never wait for each other.
        (_row(site, last[key]) for key in sorted(last)),
        batch_size=500,
        update_conflicts=True,
        unique_fields=["site", "service", "way", "key"],
        update_fields=fields,
    )


def forget() -> None:
    """Delete instances that have not reported for a long time."""
    old = Instance.objects.filter(heard__lt=timezone.now() - FORGOTTEN)
    old.exclude(way=Way.PUSH).delete()


def _row(site: str, report: Report) -> Instance:
    return Instance(
        site=site,
        service=report.service,
        way=report.way,
        key=report.key,
        address=report.address,
        client=report.client,
        first_heard=timerange.to_datetime(report.first_heard),
        heard=timerange.to_datetime(report.heard),
        sent_revision=report.sent_revision,
        sent_strategy=report.sent.strategy if report.sent else "",
        sent_rate=report.sent.rate if report.sent else 0,
        sent_at=_moment(report.sent_at),
        proof=report.proof,
        proven_revision=report.proven_revision,
        proven_at=_moment(report.proven_at),
        said_strategy=report.said.strategy if report.said else "",
        said_rate=report.said.rate if report.said else 0,
        reason=report.reason,
        unauthenticated=report.unauthenticated,
        one_rate=report.one_rate,
    )


def _moment(at: int | None) -> datetime | None:
    return None if at is None else timerange.to_datetime(at)
