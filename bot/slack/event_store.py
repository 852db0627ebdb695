"""The received events in the database: record, claim, take over and clean up.

The life of an event, whose `holder` is the process that answers it:

                     Slack did nothing: the claim is taken back
                            +-----------------+
                            v                 |
    Slack --> RECORDED --> WORKING --> POSTING --> ANSWERED | FAILED | UNKNOWN | ASKED
                 ^            |           |
                 +------------+           +------> UNKNOWN
              the holder's lease       the holder's lease expired:
              expired: another         part of the answer may be in
              process takes over       Slack, so nobody posts it again

A holder renews the lease of its events every ten seconds. After MOST_TAKEOVERS, an event is FAILED
instead of taken over: it may be what kills the processes. All transitions by a holder and every
take-over are one UPDATE with a condition (compare and set): if several processes try, the
database lets exactly one succeed, without a lock that a killed process could leave behind.
A process that stops normally releases its events, so that others need not wait for the lease.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from bot.models import ReceivedEvent, State
from ops import leases

LEASE = timedelta(seconds=30)  # three renewals, so that one or two may be late
KEPT = timedelta(days=1)
STUCK = timedelta(minutes=5)  # nobody still expects the answers of a thread in order
MOST_TAKEOVERS = 3
log = logging.getLogger(__name__)

# The states from which a holder may move an event to WORKING (back from POSTING if Slack did
# nothing) or POSTING; the other states are final. POSTING to POSTING repeats a lost answer of
# the database.
_BEFORE = {
    State.WORKING: (State.RECORDED, State.POSTING),
    State.POSTING: (State.RECORDED, State.WORKING, State.POSTING),
}


def write(
    events: Sequence[ReceivedEvent], finished: Mapping[UUID, State], now: datetime
) -> set[UUID]:
    """Record a burst of events, and how others ended, in one transaction.

    Returns the events that no other process recorded first; a repeated call after a lost answer
    returns the same. All processes write in the same order, so that they cannot deadlock.
    """
    events = sorted(events, key=lambda event: event.event_id)
    for event in events:
        # From the time of writing: they may have waited in memory while the database was away.
        event.lease_until = now + LEASE
    with transaction.atomic():
        # The unique keys decide between processes that received the same message: a row that
        # another one inserted first stays, and ours is missing from the result below.
        ReceivedEvent.objects.bulk_create(events, ignore_conflicts=True)
        for state in set(finished.values()):
            ended = [key for key, each in finished.items() if each is state]
            ReceivedEvent.objects.filter(pk__in=ended).update(state=state, finished=now, payload="")
        ours = ReceivedEvent.objects.filter(pk__in=[event.pk for event in events])
        return set(ours.values_list("pk", flat=True))


def unanswered(threads: Collection[str], now: datetime) -> list[ReceivedEvent]:
    """Return the events of these threads that are still unanswered.

    Events that are stuck are left out, so that they do not block their thread for ever.
    """
    recent = _open().filter(thread__in=threads, received__gt=now - STUCK)
    return list(recent.only("channel", "thread", "ts"))


def advance(key: UUID, holder: str, state: State) -> bool:
    """Move an event to a state; returns False if this holder no longer has it."""
    event = ReceivedEvent.objects.filter(pk=key, holder=holder, state__in=_BEFORE[state])
    return event.update(state=state) == 1


def hold_place(key: UUID, ts: str) -> None:
    """Record the message that the answer will replace, whichever process posts it."""
    ReceivedEvent.objects.filter(pk=key).update(placeholder=ts)


def renew(holder: str, now: datetime) -> None:
    """Renew the leases of a holder's events, and delete old events."""
    leases.renew(_open(), holder, now + LEASE)
    ReceivedEvent.objects.filter(received__lt=now - KEPT).delete()


def take_over(holder: str, now: datetime, most: int) -> list[ReceivedEvent]:
    """Take over at most `most` events that other processes abandoned, oldest first.

    An event whose processes were gone again and again is given up: it may be what kills them.
    """
    left = leases.abandoned(_open(), now)
    # Before the others, so that none of these is taken over: see the drawing above.
    lost = left.filter(state=State.POSTING).update(state=State.UNKNOWN, finished=now, payload="")
    if lost:
        log.warning("%s answers of a lost process may or may not have been posted", lost)
    abandoned = left.exclude(state=State.POSTING)
    deadly = abandoned.filter(takeovers__gte=MOST_TAKEOVERS)
    for event_id in deadly.values_list("event_id", flat=True):
        log.error("%s will not be answered: every bot that tried was gone before it did", event_id)
    deadly.update(state=State.FAILED, finished=now, payload="")
    oldest = abandoned.order_by("received")[:most]
    return [event for event in oldest if _claimed(event, holder, now)]


def release(holder: str, now: datetime) -> None:
    """Release the events that a stopping holder has not started to post."""
    leases.release(_open().exclude(state=State.POSTING), holder, now)


def _open() -> QuerySet[ReceivedEvent]:
    return ReceivedEvent.objects.filter(state__in=_BEFORE[State.POSTING])


def _claimed(event: ReceivedEvent, holder: str, now: datetime) -> bool:
    """Take an event over; if several processes try, one succeeds."""
    return leases.claim(
        event,
        holder,
        now + LEASE,
        unchanged=("state",),  # a holder that came back may have advanced it
        state=State.RECORDED,
        # A released event has no holder: it cannot be what ended the process.
        takeovers=F("takeovers") + (1 if event.holder else 0),
    )
