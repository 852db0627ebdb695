"""Actions on one's own account: linking Slack accounts, and the password."""

from django.contrib.auth.models import User

from ops.accounts import linking
from ops.accounts.account import SlackAccount
from ops.accounts.code import Code, parse_code
from ops.actor import Actor
from ops.database import in_database
from ops.errors import Conflict, NotPermitted
from ops.guard import ANY_PERSON, SLACK_ACCOUNT, action, record_refusal, write
from ops.limits import Secret

__all__ = [
    "Code",
    "SlackAccount",
    "change_password",
    "find_code",
    "give_code",
    "link",
    "link_same_email",
    "parse_code",
    "reset_password",
    "slack_accounts",
    "unlink",
]


def _target(*, account: SlackAccount | str, **_: object) -> str:
    return f"identity/{account.key if isinstance(account, SlackAccount) else account}"


def _user(*, user: User, **_: object) -> str:
    return f"user/{user.get_username()}"


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


@write("accounts.give_code", permission=SLACK_ACCOUNT, target=_target)
def give_code(actor: Actor, *, account: SlackAccount) -> Code:
    """Return a new code that links the actor's Slack account to whoever enters it.

    It replaces any older one. Only the account's owner may read it. Raises Conflict if they got
    one just now, or are linked.
    """
    return linking.give_code(account)


@write("accounts.link_same_email", permission=ANY_PERSON, target=_target)
def link_same_email(actor: Actor, *, account: SlackAccount) -> None:
    """Link the Slack account to the actor, whose confirmed e-mail address it has.

    Raises Conflict if it is linked already.
    """
    linking.add(account, _person(actor))


@write("accounts.change_password", permission=ANY_PERSON, target=_user)
def change_password(actor: Actor, *, user: User, password: Secret) -> None:
    """Set the actor's own password, after the old one was entered."""
    _set_password(user, password)


@write("accounts.reset_password", permission=ANY_PERSON, target=_user)
def reset_password(actor: Actor, *, user: User, password: Secret) -> None:
    """Set the actor's own password, after a link from a mail was followed."""
    _set_password(user, password)


def _set_password(user: User, password: str) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])


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
