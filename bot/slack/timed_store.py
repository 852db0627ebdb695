"""The messages in Slack that show timed changes, in the database."""

from datetime import datetime, timedelta

from bot.models import TimedMessage
from bot.replies import Timed
from ops import leases

LEASE = timedelta(seconds=30)  # until another process takes a message over
KEPT = timedelta(days=30)
MOST = 20
MOST_WAITING = 500
Said = TimedMessage.Said


def remember(timed: Timed, channel: str, thread: str, ts: str, now: datetime) -> None:
    """Record which message shows a timed change, unless one is known to show it."""
    row, made = TimedMessage.objects.get_or_create(
        revision=timed.revision,
        defaults={
            "channel": channel, "thread": thread, "ts": ts, "due": timed.warn_at, "holder": "",
            "lease_until": now,
        },
    )  # fmt: skip
    if not made and not row.ts:
        TimedMessage.objects.filter(pk=row.pk, ts="").update(channel=channel, ts=ts)


def due(now: datetime) -> list[TimedMessage]:
    """Return the messages to look at now, and forget the oldest."""
    TimedMessage.objects.filter(due__lt=now - KEPT).delete()
    found = TimedMessage.objects.filter(due__lte=now).exclude(said=Said.ENDED)
    return list(leases.abandoned(found, now).order_by("due")[:MOST])


def waiting(now: datetime) -> list[TimedMessage]:
    """Return the messages whose change has not come to its end yet, as far as we know."""
    found = TimedMessage.objects.filter(due__gt=now).exclude(said=Said.ENDED).exclude(ts="")
    return list(leases.abandoned(found, now).order_by("due")[:MOST_WAITING])


def claim(row: TimedMessage, holder: str, now: datetime) -> bool:
    """Take a message to say something; of several processes, one gets it."""
    return leases.claim(row, holder, now + LEASE, unchanged=("said", "due"))


def note(row: TimedMessage, holder: str, said: str, due: datetime) -> bool:
    """Record what has been said, and when to look again; False if another process has it."""
    mine = TimedMessage.objects.filter(pk=row.pk, holder=holder)
    return mine.update(said=said, due=due) == 1


def release(row: TimedMessage, holder: str, now: datetime) -> None:
    """Give a message back."""
    leases.release(TimedMessage.objects.filter(pk=row.pk), holder, now)
