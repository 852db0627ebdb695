"""Which person here a Slack user is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from bot.models import Identity
from bot.replies import shortened, visible
from ops.actor import Actor, Door
from ops.audit import chain
from ops.audit.models import Outcome


@dataclass(frozen=True, slots=True)
class Profile:
    """What Slack says of a user. `outsider` is why they can be nobody here, "" if they can.

    `team_id` is the workspace they are of, `workspace` what people call ours. `email` is ""
    where Slack hides it or nobody has confirmed it.
    """

    user_id: str
    team_id: str
    name: str
    email: str
    outsider: str
    workspace: str = ""


def outsider(user_id: str, team_id: str, reason: str) -> Profile:
    """Return the profile of somebody whom Slack does not show, and who is therefore nobody."""
    return Profile(user_id, team_id, user_id, "", reason)


def read_profile(user: Mapping[str, Any], team_id: str, workspace: str = "") -> Profile:
    """Read the `user` of Slack's users.info, asked by the bot of that workspace."""
    profile = user.get("profile") or {}
    confirmed = user.get("is_email_confirmed", True)
    return Profile(
        user_id=str(user.get("id", "")),
        team_id=str(user.get("team_id") or team_id),
        name=str(profile.get("display_name") or user.get("name") or user.get("id", "")),
        email=str(profile.get("email") or "") if confirmed else "",
        outsider=_outsider(user, team_id),
        workspace=workspace,
    )


def _outsider(user: Mapping[str, Any], team_id: str) -> str:
    if user.get("is_bot") or user.get("is_workflow_bot") or user.get("id") == "USLACKBOT":
        return "you are a bot"
    if user.get("deleted"):
        return "your Slack account is deactivated"
    if user.get("is_stranger") or user.get("team_id") != team_id:
        return "you are from another Slack workspace"
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return "you are a guest in this Slack workspace"
    return ""


def find_actor(profile: Profile, origin: Mapping[str, str]) -> tuple[Actor, str]:
    """Return who this is and "", or a stranger and why they are one.

    A link that somebody set in admin counts first; else, where the setting allows it, the
    one active person with the same e-mail address, who is then linked for good.
    """
    reason = profile.outsider
    if not reason:
        user = _linked(profile) or _matched(profile, origin)
        if user is not None and user.is_active:
            return Actor(user.pk, user.get_username(), Door.SLACK, origin=origin), ""
        reason = "your account here is deactivated" if user else _not_linked(profile)
    name = f"{shortened(visible(profile.name), 80)} ({profile.user_id})"
    return Actor(None, name, Door.SLACK, origin=origin), reason


def _linked(profile: Profile) -> User | None:
    identity = (
        Identity.objects.select_related("user")
        .filter(slack_team_id=profile.team_id, slack_user_id=profile.user_id)
        .first()
    )
    return identity.user if identity else None


def _matched(profile: Profile, origin: Mapping[str, str]) -> User | None:
    if not settings.SLACK_MATCH_EMAIL or not profile.email:
        return None
    same = list(User.objects.filter(email__iexact=profile.email, is_active=True)[:2])
    if len(same) != 1:
        return None
    try:
        _link(profile, same[0], origin)
    except IntegrityError:
        return _linked(profile)  # another message of theirs was quicker
    return same[0]


def _link(profile: Profile, user: User, origin: Mapping[str, str]) -> None:
    with transaction.atomic():
        identity = Identity.objects.create(
            slack_team_id=profile.team_id, slack_user_id=profile.user_id, user=user
        )
        chain.append(
            Actor(user.pk, user.get_username(), Door.SLACK, origin=origin),
            "bot.link_identity",
            f"identity/{identity}",
            Outcome.OK,
            detail="Slack and OpsPortal have the same e-mail address",
        )


def _not_linked(profile: Profile) -> str:
    hidden = settings.SLACK_MATCH_EMAIL and not profile.email
    return (
        "nobody here is linked to you"
        + (" and Slack does not tell me your e-mail address" if hidden else "")
        + "; ask whoever manages people to add a Slack identity in admin with user id "
        f"{profile.user_id} and workspace id {profile.team_id}"
    )
