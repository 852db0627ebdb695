"""What subscribed channels show: a group of alerts or a storm, and what is in its thread."""

from bot.answers.times import when
from bot.links import page
from bot.replies import FollowUp, PageLink, Reply, Sentence
from ops.subscriptions.actions import At, Detail, Message, Subscription, Text
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import ALERTNAME


def alert_message(message: Message, subscription: Subscription) -> Reply:
    """Return a group of alerts, or the summary of a storm, as its channel shows it."""
    return Reply(
        _sentence(message.headline),
        notes=tuple(map(_sentence, message.lines)),
        links=_page(message, subscription),
        follow_ups=tuple(FollowUp(each.label, each.line, each.style) for each in message.buttons),
    )


def thread_reply(detail: Detail) -> Reply:
    """Return a reply in the thread of such a message."""
    first, *others = detail.lines
    return Reply(_sentence(first), notes=tuple(map(_sentence, others)))


def _page(message: Message, subscription: Subscription) -> tuple[PageLink, ...]:
    """Return the link to the group's alerts, or to all alerts for a storm."""
    if not message.name:
        return page("all alerts", "alerts", subscription.site, line=subscription.filter)
    matcher = str(Matcher(ALERTNAME, "=", message.name))
    return page("these alerts", "alerts", subscription.site, line=matcher)


def _sentence(text: Text) -> Sentence:
    return Sentence(*(when(part.at) if isinstance(part, At) else part for part in text))
