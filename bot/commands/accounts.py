"""The command that links a Slack account to a user."""

from bot.answers.accounts import link_code
from bot.commands.reads import nothing_more
from bot.intents import Intent
from bot.registry import Message, command
from bot.replies import Reply
from ops.accounts.actions import give_code
from ops.database import in_database


@command(
    r"link(?: +(?:me|my +account))?",
    "link",
    read=nothing_more,
    intent=Intent(
        surely="link, link me, link account, connect account, unlinked", perhaps="connect, account"
    ),
    summary="get a code that links your Slack account to your OpsPortal user",
    examples=("link", "link my account"),
    details=(
        "The code comes by direct message. Enter it in the dashboard under Account, Slack, "
        "within ten minutes.",
    ),
    newcomers=True,
)
async def link(message: Message, rest: str) -> Reply:
    """Give a link code to a Slack user who has no OpsPortal user yet."""
    if message.newcomer is None:
        return Reply(f"You already act as {message.actor.name} here; there is nothing to link")
    code = await in_database(give_code, message.actor, account=message.newcomer)
    return link_code(code)
