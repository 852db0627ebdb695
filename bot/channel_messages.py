"""The messages about alerts that subscribed channels should show, for Slack and the console."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from bot.answers.channels import alert_message, thread_reply
from bot.models import AlertMessage
from bot.replies import Reply, When, parts
from ops.subscriptions.actions import Feed, Feeds

Again = AlertMessage.Again
_AGAIN = {
    Again.DELETED: "Somebody deleted the message about this, so it was posted again, once.",
    Again.LOST: "Slack did not confirm an earlier message about this. It may be above.",
}


@dataclass(frozen=True)
class ChannelMessage:
    """A message that a channel should show now, `key` within its subscription.

    It is edited in place. If there is a `parent`, it is in the thread of the message of that key.
    What is not `new` is not posted, unless it was before. Those with less `urgency` go first.
    `is_storm` is for the summary of a storm and for the groups in its thread.
    """

    subscription: int
    channel: str
    key: str
    reply: Reply
    parent: str = ""
    state: str = ""
    groups: tuple[str, ...] = ()
    urgency: int = 0
    new: bool = False
    final: bool = False
    is_storm: bool = False

    def reply_when(self, again: Again) -> Reply:
        """Return what to show, which says why it is posted again."""
        if again is Again.NO:
            return self.reply
        return replace(self.reply, notes=(*self.reply.notes, _AGAIN[again]))

    def shows(self, again: Again) -> str:
        """Return a digest of what is shown, which differs if that does."""
        return f"{self._shows}{again[:1]}"

    @cached_property
    def _shows(self) -> str:
        # A moment is written with its date from the next day on, which must edit nothing.
        lines = [
            [part.seconds if isinstance(part, When) else part for part in parts(text)]
            for text in (self.reply.summary, *self.reply.notes)
        ]
        shown = repr((lines, self.reply.links, self.reply.follow_ups))
        return hashlib.sha256(shown.encode(errors="surrogatepass")).hexdigest()[:30]


def channel_messages(feeds: Feeds) -> list[ChannelMessage]:
    """Return the messages of all subscriptions, each before what is in its thread."""
    return [message for feed in feeds.feeds for message in _of_feed(feed)]


def _of_feed(feed: Feed) -> Iterable[ChannelMessage]:
    place = feed.subscription.id, feed.subscription.channel
    told_now = [*((each, True) for each in feed.new), *((each, False) for each in feed.shown)]
    for message, new in told_now:
        yield ChannelMessage(
            *place,
            message.key,
            alert_message(message, feed.subscription),
            state=message.state,
            groups=message.groups,
            urgency=message.urgency,
            new=new,
            final=message.final,
            is_storm=message.is_storm,
        )
        for detail in message.details:
            yield ChannelMessage(
                *place,
                f"{message.key} {detail.key}"[:128],
                thread_reply(detail),
                parent=message.key,
                urgency=message.urgency,
                new=not feed.quiet_until,
                is_storm=message.is_storm,
            )
