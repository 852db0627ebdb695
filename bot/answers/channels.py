"""What subscribed channels show: a group of alerts or a storm, and what is in its thread."""

from bot.answers.times import when
from bot.links import page
from bot.replies import FollowUp, Reply, Sentence
from ops.subscriptions.actions import At, Detail, Message, Subscription, Text


def alert_message(message: Message, subscription: Subscription) -> Reply:
    """Return a group of alerts, or the summary of a storm, as its channel shows it."""
    return Reply(
        _sentence(message.headline),
        notes=tuple(map(_sentence, message.lines)),
        links=page("OpsPortal", "alerts", subscription.site, line=subscription.filter),
        follow_ups=tuple(FollowUp(each.label, each.line, each.style) for each in message.buttons),
    )


def thread_reply(detail: Detail) -> Reply:
    """Return a reply in the thread of such a message."""
    first, *others = detail.lines
    return Reply(_sentence(first), notes=tuple(map(_sentence, others)))


def _sentence(text: Text) -> Sentence:
    return Sentence(*(when(part.at) if isinstance(part, At) else part for part in text))
