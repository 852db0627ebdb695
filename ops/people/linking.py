"""Identities and codes in the database: who in Slack is who here.

A door may ask who somebody is before there is anybody to ask permission for; changes that a
person makes are in `ops.people.actions`.
"""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from ops.actor import Actor
from ops.audit import chain
from ops.audit.models import Outcome
from ops.errors import Conflict, NotFound
from ops.people.account import SlackAccount
from ops.people.code import Code, new_code
from ops.people.models import NAME, Identity, LinkAttempt, LinkCode

LIFE = timedelta(minutes=10)
PAUSE = timedelta(minutes=1)
GUESSES = 5

_NO_SUCH_CODE = (
    "nobody was given this code in the last ten minutes, or it is used up; "
    'write "link" to the bot in Slack for a new one'
)


def user_of(account: SlackAccount) -> User | None:
    """Return the person who the Slack user is, active or not."""
    found = Identity.objects.select_related("user").filter(**_key(account)).first()
    return found.user if found else None


def link_same_email(account: SlackAccount, email: str, actor: Actor) -> User | None:
    """Link the Slack user to the one active person with that address, and audit it.

    `actor` is the Slack user. Returns None where the address is nobody's or that of several.
    """
    same = list(User.objects.filter(email__iexact=email, is_active=True)[:2])
    if not email or len(same) != 1:
        return None
    [user] = same
    try:
        with transaction.atomic():
            Identity.objects.create(user=user, **_columns(account))
            chain.append(
                Actor(user.pk, user.get_username(), actor.door, origin=actor.origin),
                "people.link_same_email",
                target(account.key),
                Outcome.OK,
                detail="Slack and OpsPortal have the same e-mail address",
            )
    except IntegrityError:
        return user_of(account)  # another message of theirs was quicker
    return user


def give_code(account: SlackAccount, actor: Actor) -> Code:
    """Return a new code for a Slack user, instead of any older one, and audit that.

    Nobody but that user may read it. Raises Conflict for who was given one just now, or is
    linked.
    """
    code, now = new_code(), timezone.now()
    with transaction.atomic():
        LinkCode.objects.filter(made__lte=now - LIFE).delete()
        LinkCode.objects.filter(made__lte=now - PAUSE, **_key(account)).delete()
        _, given = LinkCode.objects.get_or_create(
            **_key(account), defaults={**_columns(account), "digest": code.digest, "made": now}
        )
        if not given:
            raise Conflict(
                "you got a code by direct message less than a minute ago, and it is still good"
            )
        if Identity.objects.filter(**_key(account)).exists():
            raise Conflict("your Slack account is linked already")
        chain.append(actor, "people.give_code", target(account.key), Outcome.OK)
    return code


def count_guess(user_id: int) -> int | None:
    """Count that a person enters a code; returns the guess, None where they guessed too often.

    It is counted before anything is looked up: many guesses at once are not more than many
    guesses one by one.
    """
    now = timezone.now()
    guesses = LinkAttempt.objects.filter(user_id=user_id)
    guesses.filter(at__lte=now - LIFE).delete()
    guess = LinkAttempt.objects.create(user_id=user_id, at=now)
    if guesses.count() > GUESSES:
        guess.delete()  # or the wait would begin anew with each try
        return None
    return guess.pk


def read_code(code: Code, guess: int) -> SlackAccount:
    """Return whose code it is, and forget the guess; raises NotFound."""
    account = _good(code).account
    LinkAttempt.objects.filter(pk=guess).delete()
    return account


def use_code(code: Code, guess: int, account: str, user_id: int) -> SlackAccount:
    """Link the Slack account, whose key was shown, to a person; the code is used up.

    Raises NotFound for a code that is not of that account, Conflict where somebody else is
    behind it already.
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
                f"{found.account} is linked to somebody else here; whoever manages people can "
                "remove that in admin"
            )
        LinkAttempt.objects.filter(pk=guess).delete()
    return found.account


def remove(account: str, user_id: int) -> SlackAccount:
    """Unlink a person's Slack account by its key; raises NotFound where it is not theirs."""
    team_id, _, slack_user_id = account.partition("/")
    identity = Identity.objects.filter(
        slack_team_id=team_id, slack_user_id=slack_user_id, user_id=user_id
    ).first()
    if identity is None:
        raise NotFound("this Slack account is not linked to you")
    identity.delete()
    return identity.account


def accounts_of(user_id: int) -> tuple[SlackAccount, ...]:
    """Return the Slack accounts of a person, oldest link first."""
    identities = Identity.objects.filter(user_id=user_id).order_by("pk")
    return tuple(identity.account for identity in identities)


def target(account: str) -> str:
    """What the audit log calls a link, by the account's key."""
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
