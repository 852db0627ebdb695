"""What is to be done in subscribed channels so that they show what they should: the next step.

Nothing is queued: after each wait for a place, the next step is chosen anew from what should be
shown by then and what is in Slack, so what could not be posted in time is merged.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.channel_messages import Again, ChannelMessage
from bot.models import AlertMessage

Step = AlertMessage.Step
Rows = Mapping[tuple[int, str], AlertMessage]
"""What is known of messages, by subscription and key."""


@dataclass(frozen=True, slots=True)
class Work:
    """A message to post, or to edit, and what is known of it.

    `again` is why it is or was posted again; `thread` is the ts of the thread that it goes to, ""
    for none.
    """

    wanted: ChannelMessage
    row: AlertMessage | None
    again: Again
    thread: str = ""


def next_post(wanted: Iterable[ChannelMessage], rows: Rows) -> Work | None:
    """Return what to post next in a channel, None if nothing is missing."""
    posts = [work for each in wanted if (work := _post(each, rows))]
    return min(posts, key=_post_order, default=None)


def next_edit(wanted: Iterable[ChannelMessage], rows: Rows, now: datetime) -> Work | None:
    """Return what to edit next, in any channel, None if everything is up to date."""
    edits = [work for each in wanted if (work := _edit(each, rows, now))]
    return min(edits, key=_edit_order, default=None)


def _post(wanted: ChannelMessage, rows: Rows) -> Work | None:
    thread = ""
    if wanted.parent:
        above = rows.get((wanted.subscription, wanted.parent))
        thread = above.ts if above else ""
        if not thread:
            return None
    row = rows.get((wanted.subscription, wanted.key))
    if row is None:
        return Work(wanted, None, Again.NO, thread) if wanted.new else None
    if row.step == Step.DELETED and not (wanted.final or wanted.parent):
        return Work(wanted, row, Again.DELETED, thread)
    if row.step == Step.LOST and _is_needed(wanted, row):
        return Work(wanted, row, Again.LOST, thread)
    return None


def _is_needed(wanted: ChannelMessage, row: AlertMessage) -> bool:
    """Return whether a message that may be missing is posted again.

    It is if its alerts have come to another state. A storm's is in any case, once: without it,
    nobody would notice many groups.
    """
    return row.state != wanted.state or (wanted.is_storm and row.again != Again.LOST)


def _edit(wanted: ChannelMessage, rows: Rows, now: datetime) -> Work | None:
    row = rows.get((wanted.subscription, wanted.key))
    if row is None or row.step != Step.POSTED or row.lease_until > now:
        return None
    again = Again(row.again)
    return Work(wanted, row, again) if wanted.shows(again) != row.shown else None


def _post_order(work: Work) -> tuple[bool, int]:
    """Order by urgency, what is in threads last; what is equal stays as it was wanted."""
    return (bool(work.thread), work.wanted.urgency)


def _edit_order(work: Work) -> tuple[bool, int, datetime]:
    """Order by changes of state, the urgent first; then by what has waited longest.

    So a message that changes all the time, such as a storm's summary, does not keep others, such
    as the groups in its thread, from being edited.
    """
    if work.row is None or work.row.state != work.wanted.state:
        return (False, work.wanted.urgency, datetime.min.replace(tzinfo=UTC))
    return (True, 0, work.row.changed)
