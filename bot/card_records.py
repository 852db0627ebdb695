"""The cards in the database: asked, claimed once, and what is to be shown of them."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import F

from bot.models import CardState, ChangeCard
from ops.actor import Actor
from ops.sampling.actions import ServiceSampling
from ops.sampling.policy import Policy

LIFE = timedelta(minutes=5)
CLAIM = timedelta(seconds=90)  # the guard lets no change take as long
AGAIN = timedelta(seconds=30)  # until somebody else shows what the one who decided has not
KEPT = timedelta(days=30)
MOST_SHOWN = 20


def ask(actor: Actor, before: ServiceSampling, policy: Policy, now: datetime) -> ChangeCard:
    """Write a card; who asks is somebody we know."""
    return ChangeCard.objects.create(
        key=secrets.token_hex(5),
        site=before.site,
        service=before.service,
        previous=before.summary[:255],
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
    """Read the card of that key."""
    return ChangeCard.objects.filter(key=key).first()


def find_shown(channel: str, ts: str) -> ChangeCard | None:
    """Read the card that a message shows."""
    return ChangeCard.objects.filter(channel=channel, ts=ts).first() if ts else None


def decide(key: str, state: CardState, who: str, now: datetime) -> bool:
    """Claim an open card for applying or cancelling it; of all who try one succeeds.

    Nobody does once who asked is deleted: what they wanted is no longer anybody's wish.
    """
    card = ChangeCard.objects.filter(
        key=key, state=CardState.OPEN, expires__gt=now, asked_by__isnull=False
    )
    return card.update(state=state, decided_by=who[:150], decided_at=now, tended=now) == 1


def finish(key: str, state: CardState, result: str, now: datetime) -> None:
    """Write down what applying led to; who comes late knows more than who gave it up."""
    claimed = ChangeCard.objects.filter(key=key, state__in=(CardState.APPLYING, CardState.UNKNOWN))
    claimed.update(state=state, result=result, tended=now)


def expire(now: datetime) -> None:
    """End what nobody can decide any more, and what was claimed by a process that is gone."""
    orphaned = ChangeCard.objects.filter(state=CardState.OPEN, asked_by=None)
    orphaned.update(state=CardState.CANCELLED, decided_at=now)
    late = ChangeCard.objects.filter(state=CardState.OPEN, expires__lte=now)
    late.update(state=CardState.EXPIRED)
    lost = ChangeCard.objects.filter(state=CardState.APPLYING, decided_at__lte=now - CLAIM)
    lost.update(state=CardState.UNKNOWN)


def stale(now: datetime) -> list[ChangeCard]:
    """Return the cards whose messages are to be brought up to date, each to one process."""
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
    """Note the message that shows a card."""
    ChangeCard.objects.filter(key=key).update(channel=channel, ts=ts)


def seen(key: str, state: str) -> ChangeCard | None:
    """Note what a card's message shows now; returns the card."""
    ChangeCard.objects.filter(key=key).update(shown=state)
    return find(key)
