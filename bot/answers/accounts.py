"""The code that links a Slack account."""

from bot.links import link_account
from bot.replies import Reply
from ops.accounts.code import Code


def link_code(code: Code) -> Reply:
    """Return the code that links a Slack account to a user; only the account's owner sees it."""
    return Reply(
        f"Your code is {code.shown}",
        notes=(
            "Log in to the dashboard, open Account, Slack, and enter the code within ten minutes. "
            "It links this Slack account to the user you are logged in as, and works once.",
            "Do not share it, and do not enter a code that someone else gave you.",
        ),
        links=link_account(code),
        private=True,
    )
