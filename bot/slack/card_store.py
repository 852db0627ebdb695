"""The messages in Slack that show requests for a change, in the database."""

from datetime import datetime, timedelta

from bot.models import Card
from ops import leases
from ops.requests.actions import RequestedChange, State

LEASE = timedelta(seconds=30)  # until another process updates a message that was left behind
KEPT = timedelta(days=30)
MOST = 20
# What can still change: a request that was given up as unknown may get its result later.
UNSETTLED = (State.OPEN, State.APPLYING, State.UNKNOWN)


def posted(key: str, place: tuple[str, str, str], now: datetime) -> Card:
    """Record which message shows a request: channel, thread and ts; as posted, it is open."""
    channel, thread, ts = place
    card, _ = Card.objects.update_or_create(
        key=key,
        defaults={
            "channel": channel, "thread": thread, "ts": ts, "shown": State.OPEN, "holder": "",
            "lease_until": now,
        },
    )  # fmt: skip
    return card


def find(key: str) -> Card | None:
    """Return the card of a request, None if no message shows it."""
    return Card.objects.filter(key=key).first()


def find_shown(channel: str, ts: str) -> Card | None:
    """Return the card that is this message, None if it is none."""
    return Card.objects.filter(channel=channel, ts=ts).first() if ts else None


def unsettled(now: datetime) -> list[Card]:
    """Return the cards whose requests may have changed since, and forget the oldest."""
    Card.objects.filter(lease_until__lt=now - KEPT).delete()
    open = Card.objects.filter(shown__in=UNSETTLED)
    return list(leases.abandoned(open, now).order_by("lease_until")[:MOST])


def claim(card: Card, holder: str, now: datetime) -> bool:
    """Take a card to update its message; of several processes, one gets it."""
    return leases.claim(card, holder, now + LEASE, unchanged=("shown",))


def seen(request: RequestedChange) -> None:
    """Record that the card's message shows the request as it is."""
    Card.objects.filter(key=request.key).update(shown=request.state)
