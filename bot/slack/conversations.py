"""What each thread is about, in the database, so that every bot process can follow up."""

from datetime import datetime, timedelta

from bot.follow_ups import About, loads
from bot.models import Conversation

KEPT = timedelta(days=1)
# Direct messages have no threads that tell subjects apart: after a pause, they start anew.
PAUSE = timedelta(minutes=30)
MOST = 10_000
LONGEST = 32_000  # characters: a longer one is not remembered


def recall(channel: str, thread: str, now: datetime) -> About | None:
    """Return what a thread is about, None if it is unknown."""
    since = now - (KEPT if thread else PAUSE)
    found = Conversation.objects.filter(channel=channel, thread=thread, updated__gt=since).first()
    return loads(found.about) if found else None


def remember(channel: str, thread: str, about: About, now: datetime) -> None:
    """Record what a thread is about."""
    text = about.dumps()
    if len(text) <= LONGEST:
        Conversation.objects.update_or_create(
            channel=channel, thread=thread, defaults={"about": text, "updated": now}
        )


def forget(now: datetime) -> None:
    """Delete what is old, or too much."""
    Conversation.objects.filter(updated__lt=now - KEPT).delete()
    newest = Conversation.objects.order_by("-updated")
    if surplus := newest.values_list("pk", flat=True)[MOST : 2 * MOST]:
        Conversation.objects.filter(pk__in=list(surplus)).delete()
