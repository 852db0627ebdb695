"""Incidents in the database; call these in ops.database.in_database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Case, Max, QuerySet, Value, When

from ops.actor import Actor
from ops.errors import Conflict, InvalidInput, NotFound
from ops.incidents.facts import (
    MOST_NOTES,
    MOST_OPEN,
    MOST_PINS,
    NO_ORIGIN,
    Entry,
    EntryKind,
    Incident,
    Origin,
    OriginKind,
    Thread,
)
from ops.incidents.models import StoredEntry, StoredIncident
from ops.vocabulary import timerange

_TRIES = 5
_MOST = {EntryKind.NOTE: (MOST_NOTES, "notes"), EntryKind.PINNED: (MOST_PINS, "pinned traces")}


@dataclass(frozen=True, slots=True)
class Draft:
    """An incident that is to be opened."""

    site: str
    title: str
    services: tuple[str, ...]
    begins: int
    origin: Origin = NO_ORIGIN
    thread: Thread | None = None
    pins: tuple[str, ...] = ()


def open_incident(actor: Actor, draft: Draft) -> Incident:
    """Store a new incident; raises Conflict if one is open for its origin or thread."""
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                row = _insert(actor, draft)
            return _read(row, row.entries.all())
        except IntegrityError:
            _check_free(draft.site, draft.origin, draft.thread)
    raise Conflict("several incidents are being opened at the same moment. Try again")


def _insert(actor: Actor, draft: Draft) -> StoredIncident:
    rows = StoredIncident.objects.filter(site=draft.site)
    if rows.filter(closed_at=0).count() >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} incidents of {draft.site} are open. Close some of them first")
    now = timerange.now_ns()
    thread = draft.thread or Thread("", "", "")
    row = rows.create(
        site=draft.site,
        number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
        title=draft.title,
        services=list(draft.services),
        begins=draft.begins or now,
        origin_kind=draft.origin.kind,
        origin=draft.origin.key,
        opened_at=now,
        opener=actor.name[:150],
        door=actor.door.value,
        team=thread.team,
        channel=thread.channel,
        thread=thread.ts,
    )
    for trace_id in draft.pins:
        _add(row, actor, EntryKind.PINNED, trace_id)
    return row


def _check_free(site: str, origin: Origin, thread: Thread | None) -> None:
    """Raise Conflict, with its number, if an open incident has this origin or thread already."""
    rows = StoredIncident.objects.filter(closed_at=0)
    same = rows.filter(site=site, origin_kind=origin.kind, origin=origin.key)
    if origin.key and (other := same.first()):
        raise Conflict(f"incident {other.number} is open for this already: {other.title}")
    if thread and (other := rows.filter(channel=thread.channel, thread=thread.ts).first()):
        raise Conflict(f"this thread belongs to incident {other.number}: {other.title}")


def find(site: str, number: int) -> Incident:
    """Read an incident with its entries, with 0 the newest open one; raises NotFound."""
    row = _row(site, number)
    return _read(row, row.entries.all())


def of_thread(channel: str, thread: str) -> Incident | None:
    """Read the incident of a thread in Slack, an open one before the newest; None for none."""
    rows = StoredIncident.objects.filter(channel=channel, thread=thread)
    row = _open_first(rows).first() if thread else None
    return _read(row, row.entries.all()) if row else None


def several(
    site: str, start: int, end: int, service: str, limit: int
) -> tuple[Sequence[Incident], bool]:
    """Read incidents, without their entries, that were open at any time from start to end.

    0 means any start or end. Returns them, and whether there are more than `limit`.
    """
    rows = StoredIncident.objects.filter(site=site).order_by("-number")
    if end:
        rows = rows.filter(begins__lte=end)
    # The others are not closed_at=0: that says nothing to an index, so that the newest are read.
    closed = rows.filter(closed_at__gte=start) if start else rows.exclude(closed_at=0)
    # JSON columns cannot be searched alike in all databases, and there are few incidents.
    found: list[Incident] = []
    for part in (rows.filter(closed_at=0), closed):
        for row in part.iterator(chunk_size=limit + 1):
            if not service or service in row.services:
                found.append(_read(row, ()))
            if len(found) > limit:
                return found[:limit], True
    return found, False


def add(actor: Actor, site: str, number: int, kind: EntryKind, text: str) -> Incident:
    """Add a note or a pinned trace; a trace that is pinned already stays as it is."""
    with transaction.atomic():
        row = _locked(site, number)
        _add(row, actor, kind, text)
    return _read(row, row.entries.all())


def _add(row: StoredIncident, actor: Actor, kind: EntryKind, text: str) -> None:
    entries = row.entries.filter(kind=kind)
    if kind is EntryKind.PINNED and entries.filter(text=text).exists():
        return
    most, what = _MOST[kind]
    if entries.count() >= most:
        raise InvalidInput(f"incident {row.number} has {most} {what} already, which is the limit")
    _write(row, actor, kind, text)


def _write(row: StoredIncident, actor: Actor, kind: EntryKind, text: str = "") -> int:
    now = timerange.now_ns()
    row.entries.create(at=now, kind=kind, text=text, author=actor.name[:150], door=actor.door.value)
    return now


def close(actor: Actor, site: str, number: int) -> Incident:
    """Close an incident; raises Conflict if it is closed."""
    with transaction.atomic():
        row = _locked(site, number)
        if row.closed_at:
            raise Conflict(f"incident {row.number} was closed by {row.closer} already")
        row.closed_at, row.closer = _write(row, actor, EntryKind.CLOSED), actor.name[:150]
        row.save()
    return _read(row, row.entries.all())


def reopen(actor: Actor, site: str, number: int) -> Incident:
    """Open a closed incident again; raises Conflict if it is open, or its origin has another."""
    try:
        with transaction.atomic():
            row = _locked(site, number)
            if not row.closed_at:
                raise Conflict(f"incident {row.number} is open already")
            _write(row, actor, EntryKind.REOPENED)
            row.closed_at, row.closer, row.offered = 0, "", 0
            row.save()
    except IntegrityError:
        _check_free(site, _origin(row), _thread(row))
        raise
    return _read(row, row.entries.all())


def with_threads() -> list[tuple[Incident, int]]:
    """Read the open incidents that have a thread, and since when it was last offered to close."""
    rows = StoredIncident.objects.filter(closed_at=0).exclude(thread="").order_by("site", "number")
    return [(_read(row, ()), row.offered) for row in rows]


def claim_offer(site: str, number: int, before: int, after: int) -> bool:
    """Record since when it was quiet when closing it is offered; of several processes, one can."""
    rows = StoredIncident.objects.filter(site=site, number=number, closed_at=0, offered=before)
    return rows.update(offered=after) == 1


def _row(site: str, number: int) -> StoredIncident:
    rows = StoredIncident.objects.filter(site=site)
    if number:
        row = rows.filter(number=number).first()
        if row is None:
            raise NotFound(f'site "{site}" has no incident {number}')
        return row
    row = rows.filter(closed_at=0).order_by("-number").first()
    if row is None:
        raise NotFound(f'no incident of site "{site}" is open')
    return row


def _locked(site: str, number: int) -> StoredIncident:
    """Return the row for a change; others who change it wait. SQLite has one writer anyway."""
    return StoredIncident.objects.select_for_update().get(pk=_row(site, number).pk)


def _open_first(rows: "QuerySet[StoredIncident]") -> "QuerySet[StoredIncident]":
    is_open = Case(When(closed_at=0, then=Value(0)), default=Value(1))
    return rows.order_by(is_open, "-number")


def _origin(row: StoredIncident) -> Origin:
    return Origin(OriginKind(row.origin_kind), row.origin)


def _thread(row: StoredIncident) -> Thread | None:
    return Thread(row.team, row.channel, row.thread) if row.thread else None


def _read(row: StoredIncident, entries: Iterable[StoredEntry]) -> Incident:
    return Incident(
        site=row.site,
        number=row.number,
        title=row.title,
        services=tuple(row.services),
        begins=row.begins,
        opened_at=row.opened_at,
        opener=row.opener,
        door=row.door,
        origin=_origin(row),
        closed_at=row.closed_at,
        closer=row.closer,
        thread=_thread(row),
        entries=tuple(
            Entry(each.at, EntryKind(each.kind), each.author, each.door, each.text)
            for each in sorted(entries, key=lambda each: (each.at, each.pk))
        ),
    )
