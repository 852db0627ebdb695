"""A subscribed channel as a terminal shows it: the messages that Slack would have, as text.

#console  QueueDeep is firing (page)
    Orders wait longer than 30 s
    [1 Silence 1 h] [2 Traces]
  > in its thread: job="petstore", instance="petstore-1:8080"
"""

from bot.channel_messages import Again, ChannelMessage, channel_messages
from bot.replies import FollowUp, Reply, visible
from ops.actor import OPSPORTAL, Actor
from ops.subscriptions import actions as subscriptions
from ops.subscriptions.actions import Feeds, Posted
from ops.vocabulary.timerange import now_ns

NOTHING = (
    'This terminal is not subscribed to alerts. "alerts subscribe" subscribes it like a channel '
    "in Slack."
)
QUIET = "Nothing is firing that this terminal is subscribed to."


class ChannelView:
    """What one terminal has shown of the channel, and the lines that its buttons run."""

    def __init__(self) -> None:
        self.buttons: dict[str, str] = {}
        self._posted: dict[int, dict[str, Posted]] = {}
        self._shown: dict[tuple[int, str], str] = {}
        self._messages: list[ChannelMessage] = []
        self._subscribed = False

    async def news(self, actor: Actor) -> str:
        """Return the messages that are new or have changed since the last call, as text."""
        await self._look(actor)
        texts = []
        for each in self._messages:
            key, shows = (each.subscription, each.key), each.shows(Again.NO)
            before = self._shown.get(key)
            if before != shows and (before or each.new):
                self._shown[key] = shows
                texts.append(self._drawn(each, edited=before is not None))
        return "\n".join(texts)

    async def whole(self, actor: Actor) -> str:
        """Return everything that the channel shows now, as text."""
        await self._look(actor)
        for each in self._messages:
            self._shown[each.subscription, each.key] = each.shows(Again.NO)
        if not self._messages:
            return QUIET if self._subscribed else NOTHING
        return "\n".join(self._drawn(each) for each in self._messages)

    async def _look(self, actor: Actor) -> None:
        await subscriptions.list_subscriptions(actor)  # nobody sees more here than they may
        posted = {id: tuple(known.values()) for id, known in self._posted.items()}
        feeds = await subscriptions.wanted(OPSPORTAL, posted=posted, console=True)
        self._subscribed = bool(feeds.feeds)
        self._messages = channel_messages(feeds)
        self._posted = _posted(feeds, self._posted)

    def _drawn(self, message: ChannelMessage, *, edited: bool = False) -> str:
        reply = message.reply
        first, *others = _lines(reply)
        if message.parent:
            return "\n".join((f"  > in its thread: {first}", *(f"    {each}" for each in others)))
        changed = "edited: " if edited else ""
        lines = [f"#console  {changed}{first}", *(f"    {each}" for each in others)]
        if reply.follow_ups:
            lines.append(f"    {self.numbered(reply)}")
        return "\n".join(lines)

    def numbered(self, reply: Reply) -> str:
        """Return the buttons of a reply with the numbers that press them, "" for none."""
        return " ".join(map(self._button, reply.follow_ups))

    def _button(self, button: FollowUp) -> str:
        number = str(len(self.buttons) + 1)
        self.buttons[number] = button.line
        return f"[{number} {visible(button.label)}]"


def _lines(reply: Reply) -> list[str]:
    return [visible(reply.summary), *map(visible, reply.notes)]


def _posted(feeds: Feeds, before: dict[int, dict[str, Posted]]) -> dict[int, dict[str, Posted]]:
    """Return what counts as posted now, and is not over."""
    now, found = now_ns(), {}
    for feed in feeds.feeds:
        known = before.get(feed.subscription.id, {})
        found[feed.subscription.id] = {
            each.key: Posted(
                each.key, each.groups, known[each.key].at if each.key in known else now
            )
            for each in (*feed.new, *feed.shown)
            if not each.final
        }
    return found
