"""Read rows of the audit log, newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from ops.audit.models import SERVICE, AuditEntry
from ops.vocabulary import timerange


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """A filter for rows; "" and 0 mean any.

    `actor` and `action` match prefixes. `target` matches a prefix, or a service of any site.
    `door`, `outcome` and `request_id` match exactly. `start` and `end` are Unix nanoseconds,
    both inclusive.
    """

    actor: str = ""
    door: str = ""
    action: str = ""
    target: str = ""
    outcome: str = ""
    request_id: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row: the actor, the action, its target, the door, and the outcome.

    A change has two rows with the same `request_id`: "started", and its outcome. `address` is the
    actor's network address, `origin` what else the door knew. `hash` is the row's hash in hex.
    """

    seq: int
    at: datetime
    request_id: str
    actor: str
    door: str
    action: str
    target: str
    outcome: str
    parameters: Mapping[str, str]
    detail: str
    address: str
    origin: Mapping[str, str]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows, newest first; `older` is the number before which more rows match, 0 if none do."""

    rows: tuple[AuditRow, ...]
    older: int


def read(filter: AuditFilter, before: int, limit: int) -> AuditPage:
    """Read up to `limit` rows with a number below `before`; 0 starts from the newest."""
    found = _selected(filter)
    if before:
        found = found.filter(seq__lt=before)
    # First by their numbers: rows are long, and a database may have to sort all that match.
    numbers = list(found.order_by("-seq").values_list("seq", flat=True)[: limit + 1])
    shown = AuditEntry.objects.filter(seq__in=numbers[:limit]).order_by("-seq")
    return AuditPage(tuple(map(_row, shown)), numbers[limit - 1] if len(numbers) > limit else 0)


def _selected(filter: AuditFilter) -> QuerySet[AuditEntry]:
    found = AuditEntry.objects.all()
    for column in ("door", "outcome", "request_id"):
        if value := getattr(filter, column):
            found = found.filter(**{column: value})
    for column in ("actor", "action"):
        if value := getattr(filter, column):
            found = found.filter(**{f"{column}__startswith": value})
    if filter.target:
        of_any_site = Q(service=filter.target)
        found = found.alias(service=SERVICE)
        found = found.filter(Q(target__startswith=filter.target) | of_any_site)
    if filter.start:
        found = found.filter(at__gte=timerange.to_datetime(filter.start))
    if filter.end:
        found = found.filter(at__lte=timerange.to_datetime(filter.end))
    return found


def _row(entry: AuditEntry) -> AuditRow:
    record = entry.record
    return AuditRow(
        seq=entry.seq,
        at=entry.at,
        request_id=entry.request_id,
        actor=entry.actor,
        door=entry.door,
        action=entry.action,
        target=entry.target,
        outcome=entry.outcome,
        parameters=record["parameters"],
        detail=record["detail"],
        address=record["address"],
        origin=record["origin"],
        hash=entry.hash,
    )
