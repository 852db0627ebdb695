"""The messages about alerts in subscribed channels, in the database.

                    begin              posted
    (no row) ──────────────> POSTING ──────────> POSTED ──(edit: somebody deleted it)──> DELETED
       ^                     │  │  ^                                                        │
       └──── take_back ──────┘  │  └──────────────────────── begin, once ───────────────────┘
                                └──(no answer, or killed: its lease is over)──> LOST

What is LOST may be in Slack, so it is not posted again as it was: only if the state of its alerts
changes, because nobody would notice that otherwise; see bot.slack.alert_work.

What is to be posted depends on what was: eleven new groups become one summary. So each new message
of a subscription gets the number after the last one that was known when it was wanted. If two
processes want to post at the same moment, only one gets the number, and the other looks again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from bot.channel_messages import Again, ChannelMessage
from bot.models import AlertMessage, ClosedChannel
from bot.slack.alert_work import Rows, Step, Work
from ops import leases
from ops.subscriptions.actions import AllPosted, Posted
from ops.vocabulary import timerange

LEASE = timedelta(seconds=20)  # longer than a call to Slack takes, except if it hardly answers
KEPT, LONGEST_KEPT = timedelta(days=30), timedelta(days=90)
CLOSED = timedelta(minutes=10)  # until a channel that takes no messages is tried again


@dataclass(frozen=True, slots=True)
class Known:
    """What was posted and is not final, and the number of each subscription's last message."""

    posted: AllPosted
    numbers: dict[int, int]


def known(now: datetime) -> Known:
    """Return what was posted, or is about to be; what a killed process was posting is lost."""
    left = AlertMessage.objects.filter(step=Step.POSTING)
    leases.abandoned(left, now).update(step=Step.LOST)
    # The numbers first: a message that comes in between makes `begin` fail, not a second message.
    last = numbers()
    posted = defaultdict(list)
    for row in AlertMessage.objects.filter(final=False).exclude(number=None):
        posted[row.subscription].append(Posted(row.key, tuple(row.groups), row.at))
    return Known({each: tuple(rows) for each, rows in posted.items()}, last)


def numbers(subscriptions: Collection[int] | None = None) -> dict[int, int]:
    """Return the number of the last message of each of these subscriptions, None for all."""
    rows = AlertMessage.objects.exclude(number=None).order_by()
    if subscriptions is not None:
        rows = rows.filter(subscription__in=subscriptions)
    return dict(rows.values_list("subscription").annotate(Max("number")))


def rows(wanted: Collection[ChannelMessage]) -> Rows:
    """Return what is known of these messages."""
    found = AlertMessage.objects.filter(
        subscription__in={each.subscription for each in wanted},
        key__in={each.key for each in wanted},
    )
    return {(row.subscription, row.key): row for row in found}


def settle(
    wanted: Iterable[ChannelMessage], asked: AllPosted, subscriptions: Iterable[int], now: datetime
) -> None:
    """Leave as it is what is no longer wanted of what was asked for, and what shows its end.

    What has been left so for long is forgotten, and what nobody has asked for since.
    """
    left = Q(final=True, changed__lt=now - KEPT) | Q(changed__lt=now - LONGEST_KEPT)
    AlertMessage.objects.filter(left).delete()
    tops = {(each.subscription, each.key): each for each in wanted}
    for subscription in subscriptions:
        keys = [each.key for each in asked.get(subscription, ())]
        theirs = AlertMessage.objects.filter(subscription=subscription)
        found = theirs.filter(key__in=keys)
        over = [row.key for row in found if _is_over(row, tops.get((subscription, row.key)))]
        if over:
            theirs.filter(Q(key__in=over) | Q(parent__in=over)).update(final=True)


def _is_over(row: AlertMessage, wanted: ChannelMessage | None) -> bool:
    if wanted is None:
        return True
    shows = wanted.shows(Again(row.again))
    return wanted.final and (row.step != Step.POSTED or row.shown == shows)


def begin(work: Work, number: int, holder: str, now: datetime) -> AlertMessage | None:
    """Take a message to post it; None if another process has taken it, or its number."""
    wanted, until = work.wanted, now + LEASE
    told = {
        "step": Step.POSTING, "ts": "", "again": work.again, "shown": wanted.shows(work.again),
        "state": wanted.state, "groups": list(wanted.groups), "changed": now,
    }  # fmt: skip
    if work.row is not None:
        unchanged = ("step", "again", "state")
        mine = leases.claim(work.row, holder, until, unchanged, **told)
        return AlertMessage.objects.get(pk=work.row.pk) if mine else None
    new = AlertMessage(
        subscription=wanted.subscription, key=wanted.key, parent=wanted.parent,
        number=None if wanted.parent else number, channel=wanted.channel,
        at=timerange.from_datetime(now), holder=holder, lease_until=until, **told,
    )  # fmt: skip
    try:
        with transaction.atomic():
            new.save(force_insert=True)
    except IntegrityError:
        return None
    return new


def take_back(row: AlertMessage, before: AlertMessage | None, now: datetime) -> None:
    """Record that Slack did not take a message, so that it is as it was before."""
    mine = AlertMessage.objects.filter(pk=row.pk, holder=row.holder, step=Step.POSTING)
    if before is None:
        mine.delete()
    else:
        kept = ("step", "again", "state", "shown", "groups")
        was = {name: getattr(before, name) for name in kept}
        mine.update(**was, holder="", lease_until=now)


def posted(row: AlertMessage, ts: str, now: datetime) -> None:
    """Record that a message is in Slack, even if that took so long that it counted as lost."""
    ours = AlertMessage.objects.filter(pk=row.pk, holder=row.holder, ts="")
    ours.update(step=Step.POSTED, ts=ts, changed=now, holder="", lease_until=now)


def lost(row: AlertMessage, now: datetime) -> None:
    """Record that a message may be in Slack or not."""
    ours = AlertMessage.objects.filter(pk=row.pk, holder=row.holder, step=Step.POSTING)
    ours.update(step=Step.LOST, changed=now, lease_until=now)


def claim_edit(row: AlertMessage, holder: str, now: datetime) -> bool:
    """Take a message to edit it; of several processes, one gets it."""
    return leases.claim(row, holder, now + LEASE, unchanged=("step", "shown"))


def edited(row: AlertMessage, wanted: ChannelMessage, holder: str, now: datetime) -> None:
    """Record that a message shows what is wanted, and give it back."""
    mine = AlertMessage.objects.filter(pk=row.pk, holder=holder)
    shown = {"shown": wanted.shows(Again(row.again)), "state": wanted.state}
    groups = list(wanted.groups)
    mine.update(**shown, groups=groups, changed=now, holder="", lease_until=now)


def give_back(row: AlertMessage, holder: str, now: datetime) -> None:
    """Give a message back as it was."""
    leases.release(AlertMessage.objects.filter(pk=row.pk), holder, now)


def deleted(row: AlertMessage, holder: str, now: datetime) -> None:
    """Record that a message was deleted; after the second time it is given up."""
    step = Step.GIVEN_UP if row.again == Again.DELETED else Step.DELETED
    mine = AlertMessage.objects.filter(pk=row.pk, holder=holder)
    mine.update(step=step, ts="", changed=now, holder="", lease_until=now)


def close(channel: str, error: str, now: datetime) -> None:
    """Record that a channel takes no messages; it is left alone for a while."""
    closed, new = ClosedChannel.objects.get_or_create(
        channel=channel, defaults={"error": error[:64], "since": now, "again": now + CLOSED}
    )
    if not new:
        changed = {} if closed.error == error[:64] else {"error": error[:64], "since": now}
        ClosedChannel.objects.filter(pk=channel).update(**changed, again=now + CLOSED)


def open_again(channel: str) -> None:
    """Record that a channel takes messages."""
    ClosedChannel.objects.filter(pk=channel).delete()


def closed(now: datetime) -> set[str]:
    """Return the channels that are to be left alone now."""
    return set(ClosedChannel.objects.filter(again__gt=now).values_list("channel", flat=True))
