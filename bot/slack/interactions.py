"""Clicks on buttons, /ops commands and openings of the Home tab.

Each becomes an event like a message, so that it is recorded, answered once and taken over in
the same way. A button's value is a command line, run as if the person who clicked had typed it.
"""

from collections.abc import Mapping
from typing import Any

from bot.slack.jobs import Event

PRESS = "block_actions"
SLASH = "slash_command"
HOME = "app_home_opened"
HOME_LINE = "overview"
_LONGEST = 64  # characters of a key; trigger IDs differ at their end


def as_event(envelope: Mapping[str, Any]) -> Event | None:
    """Return the payload of such an envelope in the form of an event, None for all others.

    `once` is unique among the events of a channel. `response_url` is set if only the user sees
    the answer, `thread_ts` if it belongs to a thread.
    """
    payload = envelope.get("payload")
    if not isinstance(payload, Mapping):
        return None
    match envelope.get("type"):
        case "interactive" if payload.get("type") == PRESS:
            return _press(payload, str(envelope.get("envelope_id")))
        case "slash_commands":
            return _slash(payload, str(envelope.get("envelope_id")))
        case "events_api" if _at(payload, "event", "type") == HOME:
            return _home(payload)
    return None


def _press(payload: Mapping[str, Any], envelope_id: str) -> Event | None:
    """Return the event of a click, None for a link button, which has no value to run."""
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    user, line = _at(payload, "user", "id"), _at(action, "value")
    if not (user and line):
        return None
    channel, ts = _at(payload, "channel", "id") or user, _at(payload, "container", "message_ts")
    thread = _at(payload, "container", "thread_ts") or _at(payload, "message", "thread_ts")
    alone = _at(payload, "container", "is_ephemeral") == "True"
    # As a rich text block, so that bot.text reads the line literally: a button's value is not
    # escaped, unlike the text of a message.
    text = {"type": "text", "text": line}
    section = {"type": "rich_text_section", "elements": [text]}
    return {
        "event_id": (_at(payload, "trigger_id") or envelope_id)[-_LONGEST:],
        "team_id": _at(payload, "team", "id") or _at(payload, "user", "team_id"),
        "event": {
            "type": PRESS,
            "user": user,
            "team": _at(payload, "user", "team_id"),
            # The Home tab has no channel; Slack delivers what is posted to the user.
            "channel": channel,
            "ts": ts,
            "thread_ts": thread or ("" if channel.startswith("D") else ts),
            "blocks": [{"type": "rich_text", "elements": [section]}],
            "once": f"{_at(action, 'action_ts')}/{ts}/{user}",
            "response_url": _at(payload, "response_url") if alone else "",
        },
    }


def _slash(payload: Mapping[str, Any], envelope_id: str) -> Event | None:
    user, channel = _at(payload, "user_id"), _at(payload, "channel_id")
    once = (_at(payload, "trigger_id") or envelope_id)[-_LONGEST:]
    if not (user and channel):
        return None
    return {
        "event_id": once,
        "team_id": _at(payload, "team_id"),
        "event": {
            "type": SLASH,
            "user": user,
            "channel": channel,
            "ts": "",
            "text": _at(payload, "text"),
            "once": once,
            "response_url": _at(payload, "response_url"),
        },
    }


def _home(payload: Mapping[str, Any]) -> Event | None:
    event = payload["event"]
    user = _at(event, "user")
    if not user or _at(event, "tab") == "messages":
        return None
    return {
        **payload,
        "event": {
            "type": HOME,
            "user": user,
            "channel": _at(event, "channel") or user,
            "ts": "",
            "text": HOME_LINE,
            "once": f"{user}/{_at(event, 'event_ts')}",
        },
    }


def _at(tree: Any, *path: str) -> str:
    """Return the text at a path, "" if there is none."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return str(tree) if isinstance(tree, str | bool | int | float) else ""
