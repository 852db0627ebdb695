"""Cards in the database: create them, claim them once, find the messages to update."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import F

from bot.models import CardState, ChangeCard
from ops.actor import Actor
from ops.sampling.actions import ServiceSampling
from ops.vocabulary.policies import Policy

LIFE = timedelta(minutes=5)
CLAIM = timedelta(seconds=90)  # longer than the guard lets any change take
AGAIN = timedelta(seconds=30)  # until another process updates a message that was left behind
KEPT = timedelta(days=30)
MOST_SHOWN = 20


def ask(actor: Actor, before: ServiceSampling, policy: Policy, now: datetime) -> ChangeCard:
    """Create a card; the actor must be a user."""
    return ChangeCard.objects.create(
        key=secrets.token_hex(5),
        site=before.site,
        service=before.service,
        previous=str(before.policies),
        strategy=policy.strategy.value,
        rate=policy.rate,
        instances=len(before.instances),
        asked_by=User.objects.get(pk=actor.user_id or 0),
        asker=actor.name,
        asked_at=now,
        expires=now + LIFE,
        tended=now,
    )


def find(key: str) -> ChangeCard | None:
    """Return the card with this key, None if there is none."""
    return ChangeCard.objects.filter(key=key).first()


def find_shown(channel: str, ts: str) -> ChangeCard | None:
    """Return the card that a message shows, None if there is none."""
    return ChangeCard.objects.filter(channel=channel, ts=ts).first() if ts else None


def decide(key: str, state: CardState, who: str, now: datetime) -> bool:
    """Claim an open card to apply or cancel it; of all attempts exactly one returns True.

    None succeeds after the user who asked was deleted, because nobody wants the change now.
    """
    card = ChangeCard.objects.filter(
        key=key, state=CardState.OPEN, expires__gt=now, asked_by__isnull=False
    )
    return card.update(state=state, decided_by=who[:150], decided_at=now, tended=now) == 1


def finish(key: str, state: CardState, result: str, now: datetime) -> None:
    """Record the result of applying a card, even if the card was given up as unknown before."""
    claimed = ChangeCard.objects.filter(key=key, state__in=(CardState.APPLYING, CardState.UNKNOWN))
    claimed.update(state=state, result=result, tended=now)


def expire(now: datetime) -> None:
    """Close the cards that nobody can decide any more or whose process was killed."""
    orphaned = ChangeCard.objects.filter(state=CardState.OPEN, asked_by=None)
    orphaned.update(state=CardState.CANCELLED, decided_at=now)
    late = ChangeCard.objects.filter(state=CardState.OPEN, expires__lte=now)
    late.update(state=CardState.EXPIRED)
    lost = ChangeCard.objects.filter(state=CardState.APPLYING, decided_at__lte=now - CLAIM)
    lost.update(state=CardState.UNKNOWN)


def stale(now: datetime) -> list[ChangeCard]:
    """Return the cards whose messages need an update, each to only one process."""
    ChangeCard.objects.filter(expires__lt=now - KEPT).delete()
    shown: Iterable[ChangeCard] = (
        ChangeCard.objects.filter(tended__lte=now - AGAIN)
        .exclude(ts="")
        .exclude(state__in=(CardState.APPLYING, F("shown")))
        .order_by("expires")[:MOST_SHOWN]
    )
    return [
        card
        for card in shown
        if ChangeCard.objects.filter(key=card.key, tended=card.tended).update(tended=now)
    ]


def posted(key: str, channel: str, ts: str) -> None:
    """Record which message shows a card."""
    ChangeCard.objects.filter(key=key).update(channel=channel, ts=ts)


def seen(key: str, state: str) -> ChangeCard | None:
    """Record which state a card's message shows now; returns the card."""
    ChangeCard.objects.filter(key=key).update(shown=state)
    return find(key)
