"""The app as Slack is told of it: the events the bot answers, and the least it must be allowed.

Whatever the bot comes to listen to or to call gets its line here; the app's manifest, and what
`manage.py check_slack` looks for, are made of it.
"""

from typing import Any

from django.conf import settings

EVENTS = {
    "app_mention": "app_mentions:read",
    "message.im": "im:history",
    "user_change": "users:read",
}
CALLS = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.open": "im:write",
    "users.info": "users:read",
}


def scopes() -> dict[str, str]:
    """Return each scope that the settings make necessary, and what it is for."""
    needed = {scope: f"the event {event}" for event, scope in EVENTS.items()}
    for method, scope in CALLS.items():
        needed.setdefault(scope, method)
    if settings.SLACK_MATCH_EMAIL:
        needed["users:read.email"] = "OPSPORTAL_SLACK_MATCH_EMAIL"
    return dict(sorted(needed.items()))


def manifest() -> dict[str, Any]:
    """Return the manifest from which Slack makes the app."""
    return {
        "display_information": {
            "name": "OpsPortal",
            "description": "Traces, alerts, versions and sampling of your services.",
            "background_color": "#1f2933",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": False,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "opsportal", "always_online": True},
        },
        "oauth_config": {"scopes": {"bot": list(scopes())}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": False},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }
