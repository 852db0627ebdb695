"""The hash chain: each row's hash covers its text and the hash of the row before.

    hash(n) = SHA-256( hash(n-1) in hex, a line feed, text(n) in UTF-8 ), hash(0) = 64 zeros

Rows are numbered from 1 without gaps. Whoever changes, inserts or removes a row breaks every
hash behind it; a cut tail shows only against a head that was noted elsewhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction

from ops.actor import Actor, request_id
from ops.audit.models import LONGEST_ACTOR, LONGEST_TARGET, AuditEntry, Outcome
from ops.limits import shortened

GENESIS = "0" * 64
LONGEST_DETAIL = 4_000
_LOCK = 0x6F70735F61756469  # any constant: "ops_audi" names our advisory lock


@dataclass(frozen=True, slots=True)
class Fault:
    """The first row that is not as it was written, and why."""

    seq: int
    reason: str


def append(
    actor: Actor,
    action: str,
    target: str,
    outcome: Outcome,
    *,
    parameters: Mapping[str, str] | None = None,
    detail: str = "",
) -> AuditEntry:
    """Write the next row; several processes may do so at once.

    The lock is held until the surrounding transaction ends, which must be soon.
    """
    with transaction.atomic():
        _lock()
        seq, previous = head()
        at = datetime.now(UTC)
        record = {
            "seq": seq + 1,
            "at": at.isoformat(),
            "request_id": request_id(),
            "actor": _storable(actor.name, LONGEST_ACTOR),
            "user_id": actor.user_id,
            "door": actor.door.value,
            "address": actor.address,
            "origin": dict(actor.origin),
            "action": action,
            "target": _storable(target, LONGEST_TARGET),
            "outcome": outcome.value,
            "parameters": dict(parameters or {}),
            "detail": shortened(detail, LONGEST_DETAIL),
        }
        text = json.dumps(record, sort_keys=True, separators=(",", ":"))
        entry = AuditEntry(
            text=text, hash=chained(previous, text), at=at, **{key: record[key] for key in _COPIED}
        )
        AuditEntry.objects.bulk_create([entry])
        return entry


_COPIED = ("seq", "request_id", "actor", "door", "action", "target", "outcome")


def head() -> tuple[int, str]:
    """Return number and hash of the last row, (0, GENESIS) when there is none."""
    last = AuditEntry.objects.order_by("-seq").values_list("seq", "hash").first()
    return last or (0, GENESIS)


def chained(previous: str, text: str) -> str:
    """Return the hash of a row, in hex."""
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def verify() -> Iterator[tuple[int, str] | Fault]:
    """Walk the chain from the first row, in bounded memory.

    Yields (number, hash) for each good row; a Fault for the first bad one, and ends there.
    """
    expected, previous = 1, GENESIS
    for entry in AuditEntry.objects.order_by("seq").iterator(chunk_size=1000):
        if reason := _fault(entry, expected, previous):
            yield Fault(min(entry.seq, expected), reason)
            return
        yield entry.seq, entry.hash
        expected, previous = entry.seq + 1, entry.hash


def _fault(entry: AuditEntry, expected: int, previous: str) -> str:
    if entry.seq != expected:
        return f"row {expected} is missing"
    if entry.hash != chained(previous, entry.text):
        return "its hash does not follow from its text and the row before"
    record = entry.record
    copies = all(getattr(entry, column) == record[column] for column in _COPIED)
    if not copies or entry.at != datetime.fromisoformat(record["at"]):
        return "its columns differ from its hashed text"
    return ""


def _storable(text: str, longest: int) -> str:
    """Escape and cut what PostgreSQL's columns do not take: NUL, lone surrogates, long texts."""
    escaped = text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")
    return escaped[:longest]


def _lock() -> None:
    """Make writers wait for each other.

    SQLite's transactions begin IMMEDIATE (see settings) and need nothing more.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
