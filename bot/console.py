"""Answer lines typed in a terminal, with the same commands and permissions as in Slack."""

from zoneinfo import ZoneInfo

from bot.commands import registry
from bot.registry import Message
from bot.replies import Reply, plain
from bot.text import normalise
from ops.actor import Actor, new_request_id
from ops.language.zones import UTC


async def answer(actor: Actor, line: str, zone: ZoneInfo = UTC) -> Reply:
    """Answer one line of somebody in a time zone; errors become replies too."""
    new_request_id()
    return await registry.answer(Message(actor, normalise(line), zone=zone))


def asks(reply: Reply) -> tuple[str, str] | None:
    """Return the lines for yes and no if a reply is a card that needs one of them, else None."""
    lines = [follow_up.line for follow_up in reply.follow_ups]
    return (lines[0], lines[1]) if reply.card and len(lines) == 2 else None


def shown(reply: Reply) -> str:
    """Return a reply as the console prints it, followed by an empty line."""
    return f"{plain(reply)}\n\n"
