"""Find the OpsPortal user of a Slack user."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User

from bot.replies import visible
from bot.slack.trust import NO_MEMBER, Membership, Trust, read_membership
from ops.accounts.account import SlackAccount
from ops.accounts.actions import link_same_email
from ops.accounts.identity import same_email, users_of
from ops.actor import Actor, Door
from ops.errors import Conflict
from ops.language.zones import UTC, zone_named
from ops.vocabulary.texts import shortened

MOST = 80  # characters of a name
BOT = "you are a bot"
ELSEWHERE = "you are from another Slack workspace"
_TWO_USERS = (
    "your Slack accounts in this organization are linked to different OpsPortal users, so an "
    "administrator must remove one of these links"
)


@dataclass(frozen=True, slots=True)
class Profile:
    """A Slack user's profile. `outsider` is the reason why they cannot use the bot, else "".

    `team_id` is the workspace that Slack names for the user, `workspace` the display name of ours.
    `email` is "" if Slack hides it or it is not confirmed. `everywhere`: the account is linked
    for all workspaces of the organization at once. `zone` is the time zone that
    they set, else UTC.
    """

    user_id: str
    team_id: str
    name: str
    email: str
    outsider: str
    workspace: str = ""
    member: Membership = NO_MEMBER
    everywhere: bool = False
    zone: ZoneInfo = UTC

    @property
    def account(self) -> SlackAccount:
        """What is stored when the account is linked; the names are short and printable."""
        member, name = self.member, shortened(visible(self.name), MOST)
        if self.everywhere:
            place = shortened(visible(member.name), MOST)
            return SlackAccount(member.enterprise, member.user_id, name, place)
        place = shortened(visible(self.workspace), MOST)
        return SlackAccount(self.team_id, self.user_id, name, place)

    @property
    def accounts(self) -> tuple[SlackAccount, ...]:
        """The accounts under which the user may be linked: one person in all workspaces."""
        member = self.member
        places = sorted({*member.teams, member.enterprise} - {""})
        own = SlackAccount(self.team_id, self.user_id)
        return (own, *(SlackAccount(place, member.user_id) for place in places))


@dataclass(frozen=True, slots=True)
class Author:
    """The author of a message to the bot.

    `stranger` is the reason why the author is not an OpsPortal user, "" if they are one;
    `newcomer` is the Slack account of a stranger who may link it, else None.
    """

    actor: Actor
    stranger: str = ""
    newcomer: SlackAccount | None = None


def outsider(user_id: str, team_id: str, reason: str) -> Profile:
    """Return the profile of a user who cannot use the bot, for the given reason."""
    return Profile(user_id, team_id, user_id, "", reason)


def read_profile(user: Mapping[str, Any], trust: Trust) -> Profile:
    """Read the `user` object of Slack's users.info, as the bot sees it."""
    profile = user.get("profile")
    profile = profile if isinstance(profile, Mapping) else {}
    confirmed = user.get("is_email_confirmed", True)
    member = read_membership(user, trust)
    return Profile(
        user_id=str(user.get("id", "")),
        team_id=member.team or trust.team,
        name=str(profile.get("display_name") or user.get("name") or user.get("id", "")),
        email=str(profile.get("email") or "") if confirmed else "",
        outsider=_outsider(user, member, trust),
        workspace=trust.name,
        member=member,
        everywhere=bool(member.enterprise and trust.named),
        zone=zone_named(str(user.get("tz", ""))),
    )


def _outsider(user: Mapping[str, Any], member: Membership, trust: Trust) -> str:
    if user.get("is_bot") or user.get("is_workflow_bot") or user.get("id") == "USLACKBOT":
        return BOT
    if user.get("deleted"):
        return "your Slack account is deactivated"
    if user.get("is_stranger") or not trust.includes(member):
        return ELSEWHERE
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return "you are a guest in this Slack workspace"
    # Slack omits these fields in the limited profiles that it shows of some users.
    if user.get("is_restricted") is None or user.get("is_ultra_restricted") is None:
        return "Slack does not say whether you are a guest"
    return ""


def find_author(profile: Profile, origin: Mapping[str, str]) -> Author:
    """Return the author for a Slack profile.

    A stored link counts first, whichever workspace of the organization it was made in. Without
    one, and if the setting allows it, the one active user with the same e-mail address is linked.
    """
    account = profile.account
    stranger = Actor(None, f"{account.name} ({account.user_id})", Door.SLACK, origin=origin)
    if profile.outsider:
        return Author(stranger, profile.outsider)
    linked = users_of(profile.accounts)
    if len(linked) > 1:
        return Author(stranger, _TWO_USERS)
    user = linked[0] if linked else None
    if user is None and settings.SLACK_MATCH_EMAIL:
        user = _linked_by_email(account, profile.email, origin)
    if user is None:
        return Author(stranger, _not_linked(profile), account)
    if not user.is_active:
        return Author(stranger, "your account here is deactivated")
    return Author(_actor(user, origin))


def linked_actor(profile: Profile, origin: Mapping[str, str]) -> Actor | None:
    """Return who a Slack profile is linked to and may use the bot, else None; links nobody."""
    linked = [] if profile.outsider else users_of(profile.accounts)
    return _actor(linked[0], origin) if len(linked) == 1 and linked[0].is_active else None


def _linked_by_email(account: SlackAccount, email: str, origin: Mapping[str, str]) -> User | None:
    if user := same_email(email):
        with suppress(Conflict):  # another message of theirs was faster
            link_same_email(_actor(user, origin), account=account)
    return user


def _actor(user: User, origin: Mapping[str, str]) -> Actor:
    return Actor(user.pk, user.get_username(), Door.SLACK, origin=origin)


def _not_linked(profile: Profile) -> str:
    hidden = settings.SLACK_MATCH_EMAIL and not profile.email
    because = ", and Slack does not show me your e-mail address" if hidden else ""
    return f"your Slack account is not linked to an OpsPortal user{because}"
