"""The hash chain: each row's hash covers its text and the previous row's hash.

    hash(n) = SHA-256( hash(n-1) in hex, a line feed, text(n) in UTF-8 ), hash(0) = 64 zeros

Rows are numbered from 1 without gaps. Changing, inserting or removing a row breaks every hash
after it. Rows cut off at the end show only by comparison with a head that was noted elsewhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models import QuerySet

from ops.actor import Actor, request_id
from ops.audit.models import LONGEST_ACTOR, LONGEST_TARGET, AuditEntry, Outcome
from ops.limits import shortened

GENESIS = "0" * 64
LONGEST_DETAIL = 4_000
_AT_ONCE = (1000, 30, 1)  # rows read together; fewer on a retry, to get close to a damaged one
_LONGEST_REASON = 200
_LOCK = 0x6F70735F61756469  # any constant works: "ops_audi" identifies our advisory lock


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
    """Write the next row; safe while several processes do the same.

    The lock is held until the surrounding transaction ends, so that must be soon.
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


def head(using: str = DEFAULT_DB_ALIAS) -> tuple[int, str]:
    """Return number and hash of the last row, or (0, GENESIS) if there is none."""
    last = AuditEntry.objects.using(using).order_by("-seq").values_list("seq", "hash").first()
    return last or (0, GENESIS)


def chained(previous: str, text: str) -> str:
    """Return the hash of a row, in hex."""
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def verify(using: str = DEFAULT_DB_ALIAS) -> Iterator[tuple[int, str] | Fault]:
    """Walk the chain from the first row, in bounded memory.

    Yields (number, hash) for each intact row, or a Fault for the first bad one and then stops.
    Raises DatabaseError if the log as a whole cannot be read.
    """
    log = AuditEntry.objects.using(using)
    unnumbered = log.filter(seq__lt=1).values_list("seq", flat=True).first()
    if unnumbered is not None:
        yield Fault(unnumbered, "rows are numbered from 1")
        return
    expected, previous = 1, GENESIS
    while rows := _rows_after(log, expected - 1):
        for row in rows:
            if isinstance(row, str):
                yield Fault(expected, row)
                return
            if reason := _fault(row, expected, previous):
                yield Fault(expected, reason)
                return
            yield row.seq, row.hash
            expected, previous = row.seq + 1, row.hash


def _rows_after(log: QuerySet[AuditEntry], seq: int) -> Sequence[AuditEntry | str]:
    """Return the next rows, or the reason why the first of them cannot be read at all."""
    following = log.filter(seq__gt=seq).order_by("seq")
    for size in _AT_ONCE:
        try:
            return list(following[:size])
        except Exception as error:  # noqa: BLE001 - a damaged value can raise anything
            reason = f"a value in it cannot be read ({error})"
    # If not even its number can be read, the fault is not in this row: let that raise.
    following.values_list("seq").first()
    return [reason[:_LONGEST_REASON]]


def _fault(entry: AuditEntry, expected: int, previous: str) -> str:
    if not isinstance(entry.seq, int):
        return f"its number is {str(entry.seq)[:_LONGEST_REASON]!r}"
    if entry.seq != expected:
        return f"row {expected} is missing"
    if not isinstance(entry.text, str) or entry.hash != chained(previous, entry.text):
        return "its hash does not match its text and the previous row"
    try:
        record = json.loads(entry.text)
        copies = [(getattr(entry, column), record[column]) for column in _COPIED]
        copies.append((entry.at, datetime.fromisoformat(record["at"])))
    except (ValueError, LookupError, TypeError, RecursionError):
        return "its text is not a record of an action, though the hash is right"
    if any(column != written for column, written in copies):
        return "its columns differ from its hashed text"
    return ""


def _storable(text: str, longest: int) -> str:
    """Escape or cut what PostgreSQL's columns reject: NUL, lone surrogates, long strings."""
    escaped = text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")
    return escaped[:longest]


def _lock() -> None:
    """Make writers wait for each other.

    SQLite's transactions are IMMEDIATE (see settings) and need nothing more.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
