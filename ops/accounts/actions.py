"""Actions on one's own account: linking Slack accounts."""

from ops.accounts import linking
from ops.accounts.account import SlackAccount
from ops.accounts.code import Code, parse_code
from ops.actor import Actor
from ops.database import in_database
from ops.errors import Conflict, NotPermitted
from ops.guard import ANY_PERSON, action, record_refusal

__all__ = ["Code", "SlackAccount", "find_code", "link", "parse_code", "slack_accounts", "unlink"]


def _target(*, account: str, **_: object) -> str:
    return linking.target(account)


@action("accounts.slack_accounts", permission=ANY_PERSON)
async def slack_accounts(actor: Actor) -> tuple[SlackAccount, ...]:
    """Return the Slack accounts linked to the actor."""
    return await in_database(linking.accounts_of, _person(actor))


@action("accounts.find_code", permission=ANY_PERSON)
async def find_code(actor: Actor, *, code: Code) -> SlackAccount:
    """Return the Slack account that the bot gave the code to.

    Raises NotFound if the code is wrong or expired, Conflict after too many wrong codes.
    """
    return await in_database(linking.read_code, code, await _guess(actor, "accounts.find_code"))


@action("accounts.link", permission=ANY_PERSON, audit=True, target=_target)
async def link(actor: Actor, *, code: Code, account: str) -> SlackAccount:
    """Link the Slack account with this key, which must be the code's, to the actor.

    The code is used up. Raises as `find_code` does, and Conflict if another user has the account.
    """
    guess = await _guess(actor, "accounts.link")
    return await in_database(linking.use_code, code, guess, account, _person(actor))


@action("accounts.unlink", permission=ANY_PERSON, audit=True, target=_target)
async def unlink(actor: Actor, *, account: str) -> SlackAccount:
    """Unlink one of the actor's Slack accounts; raises NotFound."""
    return await in_database(linking.remove, account, _person(actor))


async def _guess(actor: Actor, name: str) -> int:
    guess = await in_database(linking.count_guess, _person(actor))
    if guess is None:
        reason = f"{linking.GUESSES} codes were wrong. Wait ten minutes before you try another"
        await record_refusal(actor, name, reason)
        raise Conflict(reason)
    return guess


def _person(actor: Actor) -> int:
    if actor.user_id is None:
        raise NotPermitted("only users can have Slack accounts")
    return actor.user_id
