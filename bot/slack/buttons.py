"""The buttons below an answer, within Slack's limits."""

import json
from collections.abc import Iterable
from typing import Any

from bot.replies import FollowUp, visible
from ops.vocabulary.texts import shortened

MOST = 5
MOST_JSON = 2_000  # in addition to what bot.slack.blocks allows for the rest of the message
_LONGEST_LABEL = 75
_LONGEST_LINE = 2_000

Block = dict[str, Any]


def buttons(follow_ups: Iterable[FollowUp]) -> tuple[Block, ...]:
    """Return one block with the first follow-ups, or () if there are none.

    A follow-up whose line is too long for Slack or for the message is left out.
    """
    elements: list[Block] = []
    for follow_up in follow_ups:
        button = _button(follow_up, len(elements))
        fits = len(json.dumps([*elements, button])) <= MOST_JSON
        if len(elements) < MOST and 0 < len(follow_up.line) <= _LONGEST_LINE and fits:
            elements.append(button)
    return ({"type": "actions", "elements": elements},) if elements else ()


def _button(follow_up: FollowUp, number: int) -> Block:
    label = shortened(visible(follow_up.label).strip(), _LONGEST_LABEL) or "…"
    button: Block = {
        "type": "button",
        "action_id": f"line_{number}",
        "text": {"type": "plain_text", "text": label, "emoji": False},
        "value": follow_up.line,
    }
    if follow_up.style:
        button["style"] = follow_up.style
    return button
