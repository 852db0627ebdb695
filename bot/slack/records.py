"""The received events in the database: what is written, claimed and cleaned up."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from bot.models import ReceivedEvent, State

LEASE = timedelta(seconds=30)
KEPT = timedelta(days=1)
STUCK = timedelta(minutes=5)
MOST_TAKEOVERS = 3
log = logging.getLogger(__name__)

_BEFORE = {
    State.WORKING: (State.RECORDED, State.POSTING),
    State.POSTING: (State.RECORDED, State.WORKING, State.POSTING),
}


def write(
    events: Sequence[ReceivedEvent], finished: Mapping[UUID, State], now: datetime
) -> set[UUID]:
    """Record a burst of events and how others ended, in one transaction.

    Returns which of the events nobody had recorded before; a second try after a lost answer
    returns the same. The order is everybody's, or two processes could lock each other out.
    """
    events = sorted(events, key=lambda event: event.event_id)
    for event in events:
        event.lease_until = now + LEASE
    with transaction.atomic():
        ReceivedEvent.objects.bulk_create(events, ignore_conflicts=True)
        for state in set(finished.values()):
            ended = [key for key, each in finished.items() if each is state]
            ReceivedEvent.objects.filter(pk__in=ended).update(state=state, finished=now, payload="")
        ours = ReceivedEvent.objects.filter(pk__in=[event.pk for event in events])
        return set(ours.values_list("pk", flat=True))


def unanswered(threads: Collection[str], now: datetime) -> list[ReceivedEvent]:
    """Return the events of these threads that somebody still has to answer.

    One that is stuck does not hold up its thread for ever: it is not among them.
    """
    recent = _open().filter(thread__in=threads, received__gt=now - STUCK)
    return list(recent.only("channel", "thread", "ts"))


def advance(key: UUID, holder: str, state: State) -> bool:
    """Go on to a state; False when the event is not at this holder's any more."""
    event = ReceivedEvent.objects.filter(pk=key, holder=holder, state__in=_BEFORE[state])
    return event.update(state=state) == 1


def hold_place(key: UUID, ts: str) -> None:
    """Note the message that an answer will replace, for whoever gives it."""
    ReceivedEvent.objects.filter(pk=key).update(placeholder=ts)


def renew(holder: str, now: datetime) -> None:
    """Keep what a holder has to answer, and clean up."""
    _open().filter(holder=holder).update(lease_until=now + LEASE)
    ReceivedEvent.objects.filter(received__lt=now - KEPT).delete()


def take_over(holder: str, now: datetime, most: int) -> list[ReceivedEvent]:
    """Take over what others have abandoned: at most so many, oldest first.

    What process after process was gone with is not tried again: it may be what ends them.
    """
    left = _open().filter(lease_until__lte=now)
    lost = left.filter(state=State.POSTING).update(state=State.UNKNOWN, finished=now, payload="")
    if lost:
        log.warning("whether %s answers of a lost process were posted is not known", lost)
    abandoned = left.exclude(state=State.POSTING)
    deadly = abandoned.filter(takeovers__gte=MOST_TAKEOVERS)
    for event_id in deadly.values_list("event_id", flat=True):
        log.error("%s is not answered: each bot that tried was gone before it could", event_id)
    deadly.update(state=State.FAILED, finished=now, payload="")
    oldest = abandoned.order_by("received")[:most]
    return [event for event in oldest if _claimed(event, holder, now)]


def release(holder: str, now: datetime) -> None:
    """Let other processes have what a holder, which stops, has not begun to post."""
    unposted = _open().filter(holder=holder).exclude(state=State.POSTING)
    unposted.update(holder="", lease_until=now)


def _open() -> QuerySet[ReceivedEvent]:
    return ReceivedEvent.objects.filter(state__in=_BEFORE[State.POSTING])


def _claimed(event: ReceivedEvent, holder: str, now: datetime) -> bool:
    """Compare and set: of several processes that try, one succeeds."""
    unchanged = ReceivedEvent.objects.filter(
        pk=event.pk, holder=event.holder, state=event.state, lease_until=event.lease_until
    )
    claimed = unchanged.update(
        holder=holder,
        lease_until=now + LEASE,
        state=State.RECORDED,
        takeovers=F("takeovers") + (1 if event.holder else 0),
    )
    return claimed == 1
