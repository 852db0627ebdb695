"""Revisions in the database: make them, and read past ones and what is in force."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from ops.actor import Actor, request_id
from ops.sampling import instances
from ops.sampling.facts import InstanceSampling, SamplingChange, ServiceSampling
from ops.sampling.models import Revision, RootsSeen
from ops.sampling.proof import Proof
from ops.sampling.revisions import FILE, InForce, Setting, in_force
from ops.sampling.roots import Verdict, with_roots
from ops.sampling.undo import LOOK_BACK, undo_policy
from ops.sites import Service, Site
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy
from ops.vocabulary.spreads import Spread

LOST = "its answer was lost"
BY_FILE = "site file"
_LATE = 20  # transactions that may be under way together


def current(site: str, addresses: Mapping[str, Collection[str]]) -> dict[str, ServiceSampling]:
    """Read the sampling of some services, given the addresses to which we push, by name."""
    known = instances.known(site, addresses)
    past = settings(site=site, service__in=list(addresses), held=True)
    now = timerange.now_ns()
    in_force_of = {name: in_force(past.get((site, name), ()), now) for name in addresses}
    numbers = [each.revision for each in in_force_of.values() if each]
    made = {row.id: _change(row) for row in Revision.objects.filter(id__in=numbers)}
    seen = _roots(site, in_force_of)
    return {
        name: ServiceSampling(
            site,
            name,
            with_roots(known[name], seen.get(name, {})),
            in_force=found,
            change=made[found.revision] if found else None,
        )
        for name, found in in_force_of.items()
    }


def _roots(site: str, wanted: Mapping[str, InForce | None]) -> dict[str, dict[str, Verdict]]:
    """Read what new traces prove of what is in force, by service and instance."""
    rows = RootsSeen.objects.filter(site=site, service__in=list(wanted), until__gt=timezone.now())
    return {
        row.service: {
            key: Verdict(Proof(proof), carried) for key, (proof, carried) in row.verdicts.items()
        }
        for row in rows
        if (what := wanted[row.service]) and row.is_of(what)
    }


def in_force_now(site: str, service: str) -> InForce | None:
    """Read what is in force for a service now and is upheld."""
    past = settings(site=site, service=service, held=True).get((site, service), ())
    return in_force(past, timerange.now_ns())


def begin(
    actor: Actor,
    site: str,
    service: str,
    made: Setting,
    previous: Spread,
    addresses: Collection[str] = (),
    reason: str = "",
) -> Revision:
    """Record a change before it is sent; until `finish`, every answer counts as lost.

    `made` gets its number and its time now, whatever it has.
    """
    with transaction.atomic():
        revision = Revision.objects.create(
            at=timezone.now(),
            site=site,
            service=service,
            strategy=made.policy.strategy.value,
            rate=made.policy.rate,
            operations=dict(made.policy.operations),
            until=None if made.until is None else timerange.to_datetime(made.until),
            then_strategy=made.then.strategy.value if made.then else "",
            then_rate=made.then.rate if made.then else 0,
            then_operations=dict(made.then.operations) or None if made.then else None,
            previous=previous.text,
            before=previous.parts,
            actor=BY_FILE if made.from_file else actor.name,
            door=FILE if made.from_file else actor.door.value,
            reason=reason,
            request_id=request_id(),
            answers=dict.fromkeys(addresses, LOST),
            asking=len(instances.known(site, {service: ()})[service]),
        )
        if addresses:
            instances.tell(revision, addresses, LOST)
    return revision


def finish(revision: Revision, answers: Mapping[str, instances.Answer]) -> SamplingChange:
    """Record each address's answer."""
    revision.answers = {address: answer.reason for address, answer in answers.items()}
    with transaction.atomic():
        revision.save(update_fields=["answers"])
        instances.heard(revision, answers)
    made = _change(revision)
    return replace(made, undo=undo_policy(past_changes(made.site, made.service, LOOK_BACK)))


def past_changes(
    site: str,
    service: str,
    limit: int,
    before: int = 0,
    during: tuple[datetime, ...] | None = None,
) -> tuple[SamplingChange, ...]:
    """Read the last changes of a site, or of one service unless "", newest first.

    `before` is the revision that they are older than, 0 for any; `during` is from when to when.
    """
    found = Revision.objects.filter(site=site).order_by("-id")
    if service:
        found = found.filter(service=service)
    if before:
        found = found.filter(id__lt=before)
    if during:
        found = found.filter(at__range=during)
    return tuple(map(_change, found[:limit]))


def with_successors(
    revisions: Collection[int],
) -> list[tuple[SamplingChange, SamplingChange | None]]:
    """Read timed changes, each with the change that ended it before its time, None for none."""
    return [
        (_change(row), _successor(row))
        for row in Revision.objects.filter(id__in=revisions, until__isnull=False)
    ]


def timed_now(site: str) -> tuple[SamplingChange, ...]:
    """Read the timed changes of a site that are in force, the one that ends first first."""
    rows = Revision.objects.filter(site=site, until__gt=timezone.now(), held=True)
    return tuple(_change(row) for row in rows.order_by("until") if _successor(row) is None)


def superseded(revisions: Collection[int]) -> frozenset[int]:
    """Return which of these timed changes another change ended before its time."""
    ending = _ending(*map(OuterRef, ("site", "service", "id", "until")))
    timed = Revision.objects.filter(Exists(ending), id__in=revisions, until__isnull=False)
    return frozenset(timed.values_list("id", flat=True))


def _successor(timed: Revision) -> SamplingChange | None:
    found = _ending(timed.site, timed.service, timed.id, timed.until).order_by("id").first()
    return _change(found) if found else None


def _ending(site: Any, service: Any, id: Any, until: Any) -> QuerySet[Revision]:
    """Return the changes that end a timed one before its time; the site file ends none."""
    found = Revision.objects.filter(site=site, service=service, id__gt=id, at__lt=until, held=True)
    return found.exclude(door=FILE)


def in_force_at(site: str, service: str, at: datetime) -> SamplingChange | None:
    """Read the change in force at a moment, None if there was none; its policy is that in force."""
    past = settings(site=site, service=service, at__lte=at).get((site, service), ())
    found = in_force(past, timerange.from_datetime(at))
    if found is None:
        return None
    return replace(_change(Revision.objects.get(id=found.revision)), policy=found.policy)


def settings(**of: object) -> dict[tuple[str, str], list[Setting]]:
    """Read the newest settings of each kind, which are enough, by site and service."""
    permanent = Q(until=None)
    newest = (
        Revision.objects.filter(**of)
        .values("site", "service")
        .annotate(
            permanent=Max("id", filter=permanent),
            by_person=Max("id", filter=permanent & ~Q(door=FILE)),
            timed=Max("id", filter=~permanent),
        )
    )
    numbers = {each[kind] for each in newest for kind in ("permanent", "by_person", "timed")}
    found: dict[tuple[str, str], list[Setting]] = {}
    for row in Revision.objects.filter(id__in=numbers - {None}):
        found.setdefault((row.site, row.service), []).append(_setting(row))
    return found


def newest() -> tuple[int, ...]:
    """Return what tells whether there is anything new.

    Several numbers, because a transaction may commit after one that began later.
    """
    return tuple(Revision.objects.order_by("-id").values_list("id", flat=True)[:_LATE])


def to_adopt(site: Site, services: Iterable[Service]) -> list[Service]:
    """Return the services of which the site file does not say what it said last."""
    said = [each for each in services if each.sampling]
    rows = Revision.objects.filter(site=site.name, service__in=[each.name for each in said])
    newest = rows.filter(door=FILE).values("service").annotate(newest=Max("id")).values("newest")
    last = {row.service: row.policy for row in Revision.objects.filter(id__in=newest)}
    return [each for each in said if last.get(each.name) != each.sampling]


def adopt(actor: Actor, site: str, service: str, policy: Policy) -> None:
    """Make what the site file says a revision; the watcher sends it."""
    now = in_force_now(site, service)
    made = Setting(0, 0, policy, from_file=True)
    begin(actor, site, service, made, Spread.of([now.policy if now else None]))


def _setting(row: Revision) -> Setting:
    return Setting(
        number=row.id,
        at=timerange.from_datetime(row.at),
        policy=row.policy,
        until=None if row.until is None else timerange.from_datetime(row.until),
        then=row.then,
        from_file=row.door == FILE,
    )


def _change(row: Revision) -> SamplingChange:
    return SamplingChange(
        site=row.site,
        service=row.service,
        previous=Spread.read(row.previous, row.before),
        policy=row.policy,
        actor=row.actor,
        door=row.door,
        at=row.at,
        request_id=row.request_id,
        instances=tuple(
            InstanceSampling(address, row.policy, row.at, not reason, reason)
            for address, reason in sorted(row.answers.items())
        ),
        revision=row.id,
        until=row.until,
        then=row.then,
        reason=row.reason,
        asking=row.asking,
    )
