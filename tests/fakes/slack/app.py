"""The installed app with its names, tokens and scopes, and the workspace's users."""

from typing import Any

from .blocks import Json

APP_TOKEN = "xapp-1-A0OPSPRT1-secret"
BOT_TOKEN = "xoxb-secret"
CONFIG_TOKEN = "xoxe.xoxp-1-secret"
APP, TEAM, BOT_USER, BOT_ID = "A0OPSPRT1", "T0ACME001", "U0OPSBOT1", "B0OPSBOT1"
ORGANIZATION, SIBLING = "E0ACME001", "T0LABS001"
ALICE, CHANNEL, DIRECT = "U0ALICE01", "C0OPS0001", "D0ALICE01"
BOB = "U0BOB0001"  # whom a test adds to `users`
SCOPES = frozenset(
    {"app_mentions:read", "chat:write", "commands", "im:history", "im:write", "users:read"}
)

EVENTS = frozenset({"app_home_opened", "app_mention", "message.im", "user_change"})


def person(user_id: str, name: str, **differently: Any) -> Json:
    """Return a `user` object of users.info."""
    return {
        "id": user_id, "team_id": TEAM, "name": name, "deleted": False, "real_name": name.title(),
        "tz": "Europe/Paris", "is_admin": False, "is_restricted": False,
        "is_ultra_restricted": False, "is_bot": False, "is_app_user": False,
        "is_email_confirmed": True, "updated": 1_760_000_000,
        "profile": {"display_name": name, "real_name": name, "email": f"{name}@example.com"},
        **differently,
    }  # fmt: skip


def member(user_id: str, name: str, *teams: str, **differently: Any) -> Json:
    """Return the `user` object of a person in some workspaces of the organization."""
    inside = {
        "id": user_id, "enterprise_id": ORGANIZATION, "enterprise_name": "Acme Corp",
        "is_admin": False, "is_owner": False, "teams": list(teams),
    }  # fmt: skip
    return person(user_id, name, team_id=teams[0], enterprise_user=inside) | differently


def bot_user() -> Json:
    """Return the app's own `user` object of users.info."""
    profile = {"display_name": "opsportal", "real_name": "OpsPortal", "api_app_id": APP}
    return person(BOT_USER, "opsportal", is_bot=True, profile={**profile, "bot_id": BOT_ID})
