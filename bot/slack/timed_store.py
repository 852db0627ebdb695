"""The messages in Slack that show what ends, in the database."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bot.models import EndingMessage, SilenceMessage, TimedMessage
from bot.replies import Ends, Timed
from ops import leases

LEASE = timedelta(seconds=30)  # until another process takes a message over
KEPT = timedelta(days=30)
MOST = 20
MOST_WAITING = 500
Said = EndingMessage.Said
TABLES: Mapping[Ends, type[EndingMessage]] = {
    Ends.SAMPLING: TimedMessage,
    Ends.SILENCE: SilenceMessage,
}


def remember(timed: Timed, channel: str, thread: str, ts: str, now: datetime) -> None:
    """Record which message shows something that ends, unless one is known to show it."""
    rows = TABLES[timed.kind]._default_manager
    row, made = rows.get_or_create(
        pk=timed.number,
        defaults={
            "channel": channel, "thread": thread, "ts": ts, "due": timed.warn_at, "holder": "",
            "lease_until": now,
        },
    )  # fmt: skip
    if not made and not row.ts:
        rows.filter(pk=row.pk, ts="").update(channel=channel, ts=ts)


def without_message(kind: Ends, numbers: Iterable[int]) -> set[int]:
    """Return those of these numbers that no message shows."""
    wanted = {*numbers}
    shown = TABLES[kind]._default_manager.filter(pk__in=wanted)
    return wanted - {*shown.values_list("pk", flat=True)}


def due(kind: Ends, now: datetime) -> list[EndingMessage]:
    """Return the messages to look at now, and forget the oldest."""
    rows = TABLES[kind]._default_manager
    rows.filter(due__lt=now - KEPT).delete()
    found = rows.filter(due__lte=now).exclude(said=Said.ENDED)
    return list(leases.abandoned(found, now).order_by("due")[:MOST])


def waiting(kind: Ends, now: datetime) -> list[EndingMessage]:
    """Return the messages of what has not come to its end yet, as far as we know."""
    found = TABLES[kind]._default_manager.filter(due__gt=now).exclude(said=Said.ENDED)
    return list(leases.abandoned(found.exclude(ts=""), now).order_by("due")[:MOST_WAITING])


def claim(row: EndingMessage, holder: str, now: datetime) -> bool:
    """Take a message to say something; of several processes, one gets it."""
    return leases.claim(row, holder, now + LEASE, unchanged=("said", "due"))


def note(row: EndingMessage, holder: str, said: str, due: datetime) -> bool:
    """Record what has been said, and when to look again; False if another process has it."""
    mine = type(row)._default_manager.filter(pk=row.pk, holder=holder)
    return mine.update(said=said, due=due) == 1


def release(row: EndingMessage, holder: str, now: datetime) -> None:
    """Give a message back."""
    leases.release(type(row)._default_manager.filter(pk=row.pk), holder, now)
