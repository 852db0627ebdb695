"""Links and codes in the database: which Slack account belongs to which user."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from ops.accounts.account import SlackAccount
from ops.accounts.code import Code, new_code
from ops.accounts.models import NAME, Identity, LinkAttempt, LinkCode
from ops.errors import Conflict, NotFound

LIFE = timedelta(minutes=10)
PAUSE = timedelta(minutes=1)
GUESSES = 5

_NO_SUCH_CODE = (
    'this code is wrong, expired or already used; send "link" to the bot in Slack for a new one'
)


def add(account: SlackAccount, user_id: int) -> None:
    """Link a Slack account to a user; raises Conflict if it is linked already."""
    _, added = Identity.objects.get_or_create(
        **_key(account), defaults={**_columns(account), "user_id": user_id}
    )
    if not added:
        raise Conflict("your Slack account is already linked")


def give_code(account: SlackAccount) -> Code:
    """Return a new code for a Slack user, replacing any older one.

    Only that user may read the code. Raises Conflict if they got one just now, or are linked.
    """
    code, now = new_code(), timezone.now()
    LinkCode.objects.filter(made__lte=now - LIFE).delete()
    LinkCode.objects.filter(made__lte=now - PAUSE, **_key(account)).delete()
    _, given = LinkCode.objects.get_or_create(
        **_key(account), defaults={**_columns(account), "digest": code.digest, "made": now}
    )
    if not given:
        raise Conflict(
            "you got a code by direct message less than a minute ago, and it is still valid"
        )
    if Identity.objects.filter(**_key(account)).exists():
        raise Conflict("your Slack account is already linked")
    return code


def count_guess(user_id: int) -> int | None:
    """Count an attempt to enter a code; return its ID, or None after too many attempts.

    It is counted before anything is looked up, so that concurrent guesses count like sequential
    ones.
    """
    now = timezone.now()
    guesses = LinkAttempt.objects.filter(user_id=user_id)
    guesses.filter(at__lte=now - LIFE).delete()
    guess = LinkAttempt.objects.create(user_id=user_id, at=now)
    if guesses.count() > GUESSES:
        guess.delete()  # otherwise each attempt would restart the wait
        return None
    return guess.pk


def read_code(code: Code, guess: int) -> SlackAccount:
    """Return the code's Slack account, and delete the counted attempt; raises NotFound."""
    account = _good(code).account
    LinkAttempt.objects.filter(pk=guess).delete()
    return account


def use_code(code: Code, guess: int, account: str, user_id: int) -> SlackAccount:
    """Link the Slack account with this key, which the user has seen; the code is used up.

    Raises NotFound if the code is not that account's, Conflict if another user already has the
    account.
    """
    found = _good(code)
    if found.account.key != account:
        raise NotFound(_NO_SUCH_CODE)
    with transaction.atomic():
        used, _ = LinkCode.objects.filter(pk=found.pk).delete()
        if not used:
            raise NotFound(_NO_SUCH_CODE)
        identity, _ = Identity.objects.get_or_create(
            **_key(found.account), defaults={**_columns(found.account), "user_id": user_id}
        )
        if identity.user_id != user_id:
            raise Conflict(
                f"{found.account} is already linked to another user; an admin can remove that link"
            )
        LinkAttempt.objects.filter(pk=guess).delete()
    return found.account


def remove(account: str, user_id: int) -> SlackAccount:
    """Unlink a user's Slack account by its key; raises NotFound if it is not theirs."""
    team_id, _, slack_user_id = account.partition("/")
    identity = Identity.objects.filter(
        slack_team_id=team_id, slack_user_id=slack_user_id, user_id=user_id
    ).first()
    if identity is None:
        raise NotFound("this Slack account is not linked to you")
    identity.delete()
    return identity.account


def accounts_of(user_id: int) -> tuple[SlackAccount, ...]:
    """Return the Slack accounts of a user, oldest link first."""
    identities = Identity.objects.filter(user_id=user_id).order_by("pk")
    return tuple(identity.account for identity in identities)


def target(account: str) -> str:
    """Return the audit log's name for a link, from the account's key."""
    return f"identity/{account}"


def _good(code: Code) -> LinkCode:
    found = LinkCode.objects.filter(digest=code.digest, made__gt=timezone.now() - LIFE).first()
    if found is None:
        raise NotFound(_NO_SUCH_CODE)
    return found


def _key(account: SlackAccount) -> dict[str, str]:
    return {"slack_team_id": account.team_id, "slack_user_id": account.user_id}


def _columns(account: SlackAccount) -> dict[str, str]:
    names = {"name": account.name[:NAME], "workspace": account.workspace[:NAME]}
    return {**_key(account), **names}
