"""The Slack app: the events that the bot answers, and the fewest scopes that it needs.

Add every new event and call here: the app's manifest and the checks of `manage.py check_slack`
are made from these lists.
"""

from typing import Any

from django.conf import settings

NO_SCOPE = ""  # no scope is needed
EVENTS = {
    "app_home_opened": NO_SCOPE,
    "app_mention": "app_mentions:read",
    "message.im": "im:history",
    "user_change": "users:read",
}
COMMAND = "/ops"
CALLS = {
    "auth.teams.list": NO_SCOPE,
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.open": "im:write",
    "users.info": "users:read",
    "views.publish": NO_SCOPE,
}

THREADS = {"message.channels": "channels:history", "message.groups": "groups:history"}
"""Events that are off by default: follow-ups in threads without a mention."""
UNFURLS = {"link_shared": "links:read"}
"""The event that is off by default: links to our pages."""
UNFURLING = {"chat.unfurl": "links:write", "conversations.members": "channels:read"}
PRIVATE = "groups:read"  # conversations.members in private channels


def scopes() -> dict[str, str]:
    """Return each scope that the settings require, and what it is for."""
    needed = {scope: f"the event {event}" for event, scope in EVENTS.items()}
    for method, scope in CALLS.items():
        needed.setdefault(scope, method)
    needed["commands"] = f"the command {COMMAND}"
    needed.pop(NO_SCOPE)
    if settings.SLACK_MATCH_EMAIL:
        needed["users:read.email"] = "OPSPORTAL_SLACK_MATCH_EMAIL"
    return dict(sorted(needed.items()))


def manifest(*, threads: bool = False, unfurl: str = "") -> dict[str, Any]:
    """Return the manifest from which Slack creates the app.

    `threads` adds the events for follow-ups without a mention, `unfurl` those for links to that
    host, with what they need.
    """
    events = EVENTS | (THREADS if threads else {}) | (UNFURLS if unfurl else {})
    unfurling = {*UNFURLING.values(), PRIVATE} if unfurl else set()
    needed = sorted({*scopes(), *events.values(), *unfurling} - {NO_SCOPE})
    return {
        "display_information": {
            "name": "OpsPortal",
            "description": "Traces, alerts, versions and sampling of your services.",
            "background_color": "#1f2933",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "opsportal", "always_online": True},
            **({"unfurl_domains": [unfurl]} if unfurl else {}),
            "slash_commands": [
                {
                    "command": COMMAND,
                    "description": "Run a command; only you see the answer",
                    "usage_hint": "help",
                    "should_escape": False,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": needed}},
        "settings": {
            "event_subscriptions": {"bot_events": sorted(events)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": any(each.startswith("E") for each in settings.SLACK_WORKSPACES),
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }
