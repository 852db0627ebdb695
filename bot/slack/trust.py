"""Which workspaces' members may use the bot.

                              workspace install      organization-wide install
    bot's own workspace       always                 there is none
    workspaces in the setting if of our organization if of our organization
    the organization itself   if the setting has it  if the setting has it

What Slack says about the app (auth.test) and about a user (users.info) decides. An event's own
workspace IDs can only refuse its author: they are never a reason to trust one.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from ops.findings import Finding

SETTING = "OPSPORTAL_SLACK_WORKSPACES"
_SHOWN = 10
_MOST_TEAMS = 1_000  # of one user
_ID = re.compile("[A-Z0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class Membership:
    """What Slack says a user belongs to.

    `team` is the workspace that it names first, `teams` are all. `enterprise` is the organization,
    if it is also the bot's, else "", `name` its display name, and `user_id` the user's ID in all
    its workspaces.
    """

    team: str = ""
    teams: frozenset[str] = frozenset()
    enterprise: str = ""
    user_id: str = ""
    name: str = ""


NO_MEMBER = Membership()


@dataclass(frozen=True, slots=True)
class Trust:
    """Who is trusted: `team` is the bot's own workspace, "" if it has none.

    `enterprise` is the bot's organization, "" outside of Enterprise Grid; `name` is the display
    name of what the app is installed in; `named` are the IDs in the setting.
    """

    team: str
    enterprise: str = ""
    name: str = ""
    named: frozenset[str] = frozenset()

    @property
    def whole_organization(self) -> bool:
        """Whether every workspace of the bot's organization is trusted."""
        return bool(self.enterprise) and self.enterprise in self.named

    @property
    def ids(self) -> frozenset[str]:
        """The IDs that an event of a trusted user may have."""
        return frozenset(filter(None, (self.team, self.enterprise))) | self.named

    def includes(self, member: Membership) -> bool:
        """Return whether a user with this membership belongs to a trusted workspace."""
        if member.team and member.team == self.team:
            return True
        if not member.enterprise:
            return False
        return self.whole_organization or not member.teams.isdisjoint({self.team, *self.named})

    def foreign(self, teams: Iterable[str]) -> str:
        """Return a workspace that no trusted user's event names, "" if there is none.

        With the whole organization trusted, only the user's profile can show it.
        """
        return "" if self.whole_organization else _another(teams, self.ids)

    def contradiction(self, teams: Iterable[str], member: Membership) -> str:
        """Return a workspace that an event names as its author's and that is not theirs, or ""."""
        return _another(teams, self.ids | member.teams)

    @property
    def problem(self) -> str:
        """What is wrong with the setting, a sentence without its full stop, "" if nothing is."""
        organizations = [each for each in sorted(self.named) if each.startswith("E")]
        if unknown := [each for each in organizations if each != self.enterprise]:
            is_in = f"in {self.enterprise}" if self.enterprise else "not in an organization"
            return f"{SETTING} names the organization {unknown[0]}, but the Slack app is {is_in}"
        others = sorted(self.named - {self.team})
        if others and not self.enterprise:
            return (
                f"{SETTING} names {others[0]}, but the Slack app's workspace {self.team} belongs "
                "to no Enterprise Grid organization: unset it, because only workspaces of the same "
                "organization can be trusted"
            )
        if not (self.team or self.named):
            return (
                f"the Slack app is installed for the whole organization {self.enterprise}: set "
                f"{SETTING} to {self.enterprise}, or to the IDs of the workspaces whose members "
                "can use the bot"
            )
        return ""

    def __str__(self) -> str:
        if self.whole_organization:
            return f"all workspaces of the organization {self.enterprise}"
        trusted = sorted({self.team, *self.named} - {""})
        return f"{'workspaces' if len(trusted) > 1 else 'workspace'} {', '.join(trusted)}"


def read_trust(me: Mapping[str, Any] | AsyncSlackResponse, named: Iterable[str]) -> Trust:
    """Read the answer of auth.test; `named` is the setting."""
    team, enterprise = _id(me.get("team_id")), _id(me.get("enterprise_id"))
    if me.get("is_enterprise_install") or team.startswith("E"):
        enterprise, team = enterprise or team, ""
    name = str(me.get("team") or team or enterprise)
    return Trust(team, enterprise, name, frozenset(named))


def read_membership(user: Mapping[str, Any], trust: Trust) -> Membership:
    """Read the `user` object of users.info; what is missing or malformed counts as absent."""
    team, inside = _id(user.get("team_id")), user.get("enterprise_user")
    inside = inside if isinstance(inside, Mapping) else {}
    enterprise, user_id = _id(inside.get("enterprise_id")), _id(inside.get("id"))
    teams = inside.get("teams")
    listed = set(map(_id, teams[:_MOST_TEAMS])) - {""} if isinstance(teams, list) else set()
    # All of it or nothing: a user who is only half described may be somebody else's.
    ours = enterprise and enterprise == trust.enterprise
    if ours and user_id and listed and team in (*listed, enterprise):
        name = str(inside.get("enterprise_name") or enterprise)
        return Membership(team, frozenset(listed), enterprise, user_id, name)
    return Membership(team)


def installed(teams: object, trust: Trust) -> Finding:
    """Check to which workspaces an organization-wide app was added; `teams` lists them."""
    listed = (
        [team for team in teams if isinstance(team, Mapping)] if isinstance(teams, list) else []
    )
    names = {str(team.get("id")): str(team.get("name")) for team in listed}
    page = f"https://app.slack.com/manage/{trust.enterprise}"
    wanted = sorted(team for team in trust.named if team.startswith("T"))
    if missing := [team for team in wanted if team not in names]:
        return Finding(False, f"the app is not added to {', '.join(missing)}: add it, {page}")
    if not names:
        return Finding(False, f"the app is not added to any workspace: add it, {page}")
    shown = [f"{name} ({team})" for team, name in list(names.items())[:_SHOWN]]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return Finding(True, f"the app is added to {', '.join(shown)}{more}")


def _another(teams: Iterable[str], known: frozenset[str]) -> str:
    return next((team for team in teams if team and team not in known), "")


def _id(value: object) -> str:
    """Return one of Slack's IDs, "" for anything else."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""
