"""Answer lines typed in a terminal, with the same commands and permissions as in Slack."""

from zoneinfo import ZoneInfo

from bot.commands import registry
from bot.conversation import answer as answer_in
from bot.follow_ups import About, about
from bot.registry import Message
from bot.replies import Reply, plain
from bot.text import normalise
from ops.actor import Actor, new_request_id
from ops.language.zones import UTC


class Conversation:
    """One person's conversation, who is in a time zone."""

    def __init__(self, actor: Actor, zone: ZoneInfo = UTC) -> None:
        self.actor = actor
        self.zone = zone
        self.about: About | None = None

    async def answer(self, line: str) -> Reply:
        """Answer one line; errors become replies too."""
        new_request_id()
        message = Message(self.actor, normalise(line), zone=self.zone)
        reply = await answer_in(message, registry, self.about)
        self.about = about(reply) or self.about
        return reply


async def answer(actor: Actor, line: str, zone: ZoneInfo = UTC) -> Reply:
    """Answer the only line of a conversation."""
    return await Conversation(actor, zone).answer(line)


def asks(reply: Reply) -> tuple[str, str] | None:
    """Return the lines for yes and no if a reply is a card that needs one of them, else None."""
    lines = [follow_up.line for follow_up in reply.follow_ups]
    return (lines[0], lines[1]) if reply.card and len(lines) == 2 else None


def shown(reply: Reply) -> str:
    """Return a reply as the console prints it, followed by an empty line."""
    return f"{plain(reply)}\n\n"
