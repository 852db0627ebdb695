"""The console's line: the same registry, handlers and permissions as in Slack."""

from bot.commands import registry
from bot.registry import Message
from bot.replies import Reply, plain
from bot.text import normalise
from ops.actor import Actor, new_request_id


async def answer(actor: Actor, line: str) -> Reply:
    """Answer one line; what goes wrong becomes a reply too."""
    new_request_id()
    return await registry.answer(Message(actor, normalise(line)))


def shown(reply: Reply) -> str:
    """Return a reply as the console prints it, an empty line behind it."""
    return f"{plain(reply)}\n\n"
