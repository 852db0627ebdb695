"""Users, channels and the workspace."""

from .app import ALICE, BOT_USER, CHANNEL, DIRECT, TEAM, bot_user, person
from .blocks import Json
from .paging import page
from .shared import Refusal, Shared


class People(Shared):
    """Who is in the workspace, and where they talk."""

    def __init__(self) -> None:
        super().__init__()
        self.scopes: set[str] = set()
        self.users: dict[str, Json] = {ALICE: person(ALICE, "alice"), BOT_USER: bot_user()}
        self.teams: list[Json] = [{"id": TEAM, "name": "Acme"}]
        """The workspaces that the app is added to."""
        self.channels = {CHANNEL, DIRECT}
        self.members: dict[str, list[str]] = {CHANNEL: [ALICE, BOT_USER]}
        """The members of channels; direct messages have their own, others at least the bot."""
        self.archived: set[str] = set()

    def _team_info(self, _arguments: Json) -> Json:
        found = {"id": TEAM, "name": "Acme", "domain": "acme", "email_domain": "example.com"}
        if self.enterprise:
            found |= {"enterprise_id": self.enterprise, "enterprise_name": "Acme Corp"}
        return {"ok": True, "team": found}

    def _teams_list(self, arguments: Json) -> Json:
        return page("teams", self.teams, arguments)

    def _users_info(self, arguments: Json) -> Json:
        user = self.users.get(str(arguments.get("user", "")))
        if user is None:
            raise Refusal("user_not_found")
        return {"ok": True, "user": self._seen(user)}

    def _users_list(self, arguments: Json) -> Json:
        return page("members", [self._seen(user) for user in self.users.values()], arguments)

    def _users_by_email(self, arguments: Json) -> Json:
        email = str(arguments.get("email", "")).lower()
        for user in self.users.values():
            if user["profile"].get("email", "").lower() == email and email and not user["deleted"]:
                return {"ok": True, "user": user}
        raise Refusal("users_not_found")

    def _seen(self, user: Json) -> Json:
        """Return a user as the app sees them, without the address if it lacks the scope."""
        if "users:read.email" in self.scopes:
            return user
        profile = {key: value for key, value in user["profile"].items() if key != "email"}
        return {**user, "profile": profile}

    def _open(self, arguments: Json) -> Json:
        """Open the direct messages with one user, or a group with several."""
        names = str(arguments.get("users") or "").replace(" ", "")
        if not names and arguments.get("channel"):
            return {"ok": True, "channel": {"id": self._channel(arguments)}}
        if not names:
            raise Refusal("users_list_not_supplied")
        users = [self.users.get(name) for name in names.split(",")]
        for user in users:
            if user is None:
                raise Refusal("user_not_found")
            if user["is_bot"] or user["deleted"]:
                raise Refusal("cannot_dm_bot" if user["is_bot"] else "user_disabled")
        if len(users) == 1:
            return {"ok": True, "channel": {"id": self._direct(names)}}
        group = f"G{''.join(sorted(name[1:] for name in names.split(',')))}"
        self.channels.add(group)
        self.members[group] = [*names.split(","), BOT_USER]
        return {"ok": True, "channel": {"id": group}}

    def _direct(self, user: str) -> str:
        """Return the channel of a user's direct messages with the bot, and create it if needed."""
        channel = f"D{user[1:]}"
        self.channels.add(channel)
        return channel

    def _channel(self, arguments: Json) -> str:
        """Return the channel that the arguments name, which must exist."""
        channel = str(arguments.get("channel") or "")
        if channel not in self.channels:
            raise Refusal("channel_not_found")
        return channel

    def _members_of(self, channel: str) -> list[str]:
        if channel.startswith("D"):
            there = [user for user in self.users if user[1:] == channel[1:]]
            return [*there, BOT_USER]
        return self.members.get(channel, [BOT_USER])

    def _describe(self, channel: str) -> Json:
        direct, group = channel.startswith("D"), channel.startswith("G")
        members = self._members_of(channel)
        found: Json = {
            "id": channel, "created": 1_760_000_000, "is_im": direct,
            "is_archived": channel in self.archived,
            "is_channel": not (direct or group), "is_group": False, "is_mpim": group,
            "is_private": direct or group, "is_member": BOT_USER in members,
            "is_ext_shared": False, "is_org_shared": False, "context_team_id": TEAM,
        }  # fmt: skip
        if direct:
            return found | {"user": members[0]}
        name = "ops" if channel == CHANNEL else channel.lower()
        return found | {"name": name, "name_normalized": name, "num_members": len(members)}

    def _conversations_info(self, arguments: Json) -> Json:
        found = self._describe(self._channel(arguments))
        if str(arguments.get("include_num_members", "")).lower() not in ("1", "true"):
            found.pop("num_members", None)
        return {"ok": True, "channel": found}

    def _conversations_list(self, arguments: Json) -> Json:
        types = str(arguments.get("types") or "public_channel").replace(" ", "").split(",")
        kinds = {"public_channel": "is_channel", "im": "is_im", "mpim": "is_mpim"}
        if unknown := set(types) - {*kinds, "private_channel"}:
            raise Refusal("invalid_types", needed=sorted(unknown))
        wanted = [kinds[each] for each in types if each in kinds]
        found = [self._describe(channel) for channel in sorted(self.channels)]
        return page("channels", [one for one in found if any(map(one.get, wanted))], arguments)

    def _conversations_members(self, arguments: Json) -> Json:
        return page("members", self._members_of(self._channel(arguments)), arguments)
