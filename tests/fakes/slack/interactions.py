"""Interactions: buttons, the slash command and the Home tab, and the answers to them."""

import itertools
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from .blocks import Json, refused_blocks

COMMAND = "/ops"
MOST_RESPONSES = 5
RESPONSE_SECONDS = 1_800
MOST_HOME_BLOCKS = 100
GONE = ("expired_url", "used_url", "no_service")
_NOT_AT_HOME = ("table", "markdown")
_triggers = itertools.count(1)


@dataclass
class Respond:
    """A response_url, whose answers are seen in `channel` or only by `user`."""

    channel: str
    user: str
    made: float = field(default_factory=time.monotonic)
    used: int = 0

    def refusal(self, body: Json, lacks: Collection[str] = ()) -> str:
        """Return Slack's error for one more message there, "" if it accepts it."""
        if time.monotonic() - self.made > RESPONSE_SECONDS:
            return "expired_url"
        if self.used >= MOST_RESPONSES:
            return "used_url"
        if not body.get("text") and not body.get("blocks"):
            return "no_text"
        return refused_blocks(body.get("blocks") or [], lacks)


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


def trigger() -> str:
    """Return a trigger_id in Slack's form."""
    return f"{1_232_142_342_300 + next(_triggers)}.333649436676.{secrets.token_hex(16)}"


def refused_view(view: Json) -> str:
    """Return Slack's error for a Home tab that it does not accept, "" for a good one."""
    blocks = view.get("blocks")
    if view.get("type") != "home" or not isinstance(blocks, list):
        return "invalid_arguments"
    if len(blocks) > MOST_HOME_BLOCKS or any(block.get("type") in _NOT_AT_HOME for block in blocks):
        return "invalid_blocks"
    # A view may be longer in total than a message.
    wrong = [refused_blocks([block]) for block in blocks]
    return next(filter(None, wrong), "")
