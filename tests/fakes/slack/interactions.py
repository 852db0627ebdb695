"""The payloads of clicks, of the slash command and of modals."""

import itertools
import secrets
from typing import Any

from .blocks import Json

COMMAND = "/ops"
_triggers = itertools.count(1)


def find_button(blocks: list[Json], label: str) -> Json:
    """Return the button with that label; raises LookupError that lists the existing ones."""
    buttons: list[Json] = [
        each for block in blocks if block["type"] == "actions" for each in block["elements"]
    ]
    labels = [each["text"]["text"] for each in buttons]
    if label not in labels:
        raise LookupError(f"no button {label!r} among {labels}")
    return buttons[labels.index(label)]


def press(user: str, name: str, team: str, button: Json, **container: Any) -> Json:
    """Return the block_actions payload of a click on a button, without its channel."""
    pressed = {key: value for key, value in button.items() if key != "confirm"}
    return {
        "type": "block_actions",
        "user": {"id": user, "username": name, "name": name, "team_id": team},
        "token": "vt",
        "container": container,
        "trigger_id": trigger(),
        "team": {"id": team, "domain": "acme"},
        "enterprise": None,
        "is_enterprise_install": False,
        "state": {"values": {}},
        "actions": [
            {"block_id": "b1", **pressed, "action_ts": f"{1_760_100_000 + next(_triggers)}.000100"}
        ],
    }


def slash(user: str, name: str, team: str, channel: str, text: str) -> Json:
    """Return the slash_commands payload of a typed command, without its response_url."""
    return {
        "token": "vt",
        "team_id": team,
        "team_domain": "acme",
        "channel_id": channel,
        "channel_name": "ops",
        "user_id": user,
        "user_name": name,
        "command": COMMAND,
        "text": text,
        "is_enterprise_install": "false",
        "trigger_id": trigger(),
    }


def submission(user: str, name: str, team: str, view: Json, values: Json) -> Json:
    """Return the view_submission payload of a modal whose fields have these values."""
    return {
        "type": "view_submission",
        "team": {"id": team, "domain": "acme"},
        "user": {"id": user, "username": name, "name": name, "team_id": team},
        "token": "vt",
        "trigger_id": trigger(),
        "view": {**view, "state": {"values": values}},
        "response_urls": [],
    }


def trigger() -> str:
    """Return a trigger_id in Slack's form."""
    return f"{1_232_142_342_300 + next(_triggers)}.333649436676.{secrets.token_hex(16)}"
