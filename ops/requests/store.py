"""Requests in the database: make them, claim them once, close those that are over."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Unpack

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from ops import leases
from ops.actor import Actor, request_id
from ops.errors import OpsError
from ops.requests import results
from ops.requests.models import ChangeRequest, State
from ops.sampling.actions import APPROVE, CHANGE, SamplingChange
from ops.sampling.ceiling import MINUTES, Over
from ops.sampling.effect import effect
from ops.sampling.terms import PERMANENT, Term, Wish
from ops.vocabulary.policies import Policy
from ops.vocabulary.spreads import Spread

LIFE = timedelta(minutes=5)
APPROVAL_LIFE = timedelta(minutes=MINUTES)
LEASE = timedelta(seconds=90)  # longer than the guard lets any change take
KEPT = timedelta(days=30)
Result = SamplingChange | OpsError | None


@dataclass(frozen=True, slots=True)
class RequestedChange:
    """A sampling change that was asked for, and its result.

    `instances` is how many get it. Its term counts from when it is applied; `then` is what is said
    to follow it. With `over` it needs somebody else's approval. `decided_by` is "" while nobody has
    decided, and if it was withdrawn because the user who asked was deleted; `why_not` is what was
    said when it was refused or cancelled. `result` is the change if it was made, the error if it
    failed or if that is unknown, else None; `request_id` finds it in the audit log.
    """

    key: str
    state: State
    site: str
    service: str
    previous: Spread
    policy: Policy
    instances: int
    asked_by: int | None
    asker: str
    door: str
    asked_at: datetime
    expires: datetime
    decided_by: str = ""
    decided_at: datetime | None = None
    request_id: str = ""
    result: Result = None
    term: Term = PERMANENT
    reason: str = ""
    then: Policy | None = None
    over: Over | None = None
    why_not: str = ""

    def is_by(self, actor: Actor) -> bool:
        """Return whether the actor asked for it."""
        return self.asked_by is not None and self.asked_by == actor.user_id

    def needs(self, actor: Actor) -> str:
        """Return the permission that the actor needs to decide on it.

        With any permission, nobody may approve what they asked for themselves.
        """
        return CHANGE if self.is_by(actor) else APPROVE

    @property
    def effect(self) -> str:
        """A sentence on what it would change."""
        return effect(self.service, self.previous, self.policy)


def make(
    actor: Actor,
    *,
    site: str,
    service: str,
    previous: Spread,
    instances: int,
    over: Over | None = None,
    **wish: Unpack[Wish],
) -> RequestedChange:
    """Store an open request; the actor must be a user."""
    now = timezone.now()
    policy, term, then = wish["policy"], wish.get("term", PERMANENT), wish.get("then")
    return _read(
        ChangeRequest.objects.create(
            key=secrets.token_hex(5),
            site=site,
            service=service,
            previous=previous.text,
            before=previous.parts,
            strategy=policy.strategy.value,
            rate=policy.rate,
            operations=dict(policy.operations) or None,
            duration=term.duration,
            ends=term.end,
            then_strategy=then.strategy.value if then else "",
            then_rate=then.rate if then else 0,
            reason=wish.get("reason", ""),
            instances=instances,
            ceiling=over.ceiling if over else None,
            traces=over.traces if over else None,
            asked_by=User.objects.get(pk=actor.user_id or 0),
            asker=actor.name,
            door=actor.door.value,
            asked_at=now,
            expires=now + (APPROVAL_LIFE if over else LIFE),
            holder="",
            lease_until=now,
        )
    )


def several(keys: Collection[str]) -> dict[str, RequestedChange]:
    """Read the requests with these keys, those that exist."""
    return {each.key: _read(each) for each in ChangeRequest.objects.filter(key__in=keys)}


def find(key: str) -> RequestedChange | None:
    """Read one request."""
    return several([key]).get(key)


def open_of(site: str, service: str) -> tuple[RequestedChange, ...]:
    """Read the open requests of a site, or of one service unless "", newest first."""
    found = ChangeRequest.objects.filter(
        site=site, state=State.OPEN, expires__gt=timezone.now(), asked_by__isnull=False
    )
    if service:
        found = found.filter(service=service)
    return tuple(map(_read, found.order_by("-asked_at")))


def for_approval(
    site: str, service: str, start: datetime, end: datetime, most: int
) -> tuple[RequestedChange, ...]:
    """Read the requests of a time that needed somebody else's approval, the newest of them."""
    found = ChangeRequest.objects.filter(
        site=site, service=service, ceiling__isnull=False, asked_at__gte=start, asked_at__lte=end
    )
    return tuple(map(_read, found.order_by("-asked_at")[:most]))


def decide(key: str, state: State, actor: Actor, why_not: str = "") -> bool:
    """Claim an open request with a decision; of all attempts exactly one returns True.

    None succeeds after the user who asked was deleted, because nobody wants the change now.
    """
    now = timezone.now()
    found = ChangeRequest.objects.filter(
        key=key, state=State.OPEN, expires__gt=now, asked_by__isnull=False
    ).first()
    return found is not None and leases.claim(
        found,
        request_id(),
        now + LEASE,
        unchanged=("state", "asked_by_id"),
        state=state,
        decided_by=actor.name[:150],
        decided_at=now,
        why_not=why_not,
    )


def finish(key: str, state: State, result: Result) -> RequestedChange:
    """Record what came of applying, even if the request was given up as unknown meanwhile."""
    claimed = ChangeRequest.objects.filter(
        key=key, holder=request_id(), state__in=(State.APPLYING, State.UNKNOWN)
    )
    claimed.update(
        state=state,
        result=results.written(result) if isinstance(result, SamplingChange) else None,
        problem=str(result) if isinstance(result, OpsError) else "",
        problem_kind=results.kind_of(result) if isinstance(result, OpsError) else "",
    )
    return several([key])[key]


def unanswered() -> list[RequestedChange]:
    """Read the requests that need approval, and that nobody can approve any more."""
    rows = ChangeRequest.objects.filter(state=State.OPEN, ceiling__isnull=False)
    over = rows.filter(Q(asked_by=None) | Q(expires__lte=timezone.now()))
    return list(map(_read, over.order_by("expires")))


def expire(key: str) -> bool:
    """Close a request that nobody can decide any more; returns False if it is closed."""
    return _expire(ChangeRequest.objects.filter(key=key)) == 1


def _expire(of: QuerySet[ChangeRequest]) -> int:
    now = timezone.now()
    orphaned = of.filter(state=State.OPEN, asked_by=None)
    closed = orphaned.update(state=State.CANCELLED, decided_at=now)
    late = of.filter(state=State.OPEN, expires__lte=now)
    return closed + late.update(state=State.EXPIRED)


def close() -> None:
    """Close the other requests that nobody can decide, and those whose process is gone."""
    now = timezone.now()
    _expire(ChangeRequest.objects.filter(ceiling=None))
    applying = ChangeRequest.objects.filter(state=State.APPLYING)
    leases.abandoned(applying, now).update(state=State.UNKNOWN)
    ChangeRequest.objects.filter(expires__lt=now - KEPT).delete()


def _read(row: ChangeRequest) -> RequestedChange:
    return RequestedChange(
        key=row.key,
        state=_state(row),
        site=row.site,
        service=row.service,
        previous=Spread.read(row.previous, row.before),
        policy=row.policy,
        instances=row.instances,
        asked_by=row.asked_by_id,
        asker=row.asker,
        door=row.door,
        asked_at=row.asked_at,
        expires=row.expires,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        request_id=row.holder,
        result=_result(row),
        term=Term(row.duration, row.ends),
        reason=row.reason,
        then=row.then,
        over=row.over,
        why_not=row.why_not,
    )


def _state(row: ChangeRequest) -> State:
    """Return the state; a request whose time is over is not open, even before `close`."""
    is_late = row.state == State.OPEN and row.expires <= timezone.now()
    return State.EXPIRED if is_late else State(row.state)


def _result(row: ChangeRequest) -> Result:
    if row.result:
        return results.read(row.result)
    return results.problem(row.problem_kind, row.problem) if row.problem else None


def askers(request_ids: Collection[str]) -> Mapping[str, set[tuple[str, str]]]:
    """Read who asked for changes, and at which door, by the request ID of each change."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in ChangeRequest.objects.filter(holder__in=request_ids):
        found.setdefault(row.holder, set()).add((row.asker, row.door))
    return found
