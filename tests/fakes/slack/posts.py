"""The bot's posts, and how a reader sees them."""

import json
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from .blocks import Json, calls, marked_up, shown
from .shared import Refusal

_LIVE = re.compile(r"<(?:[!@#][^>]*|https?:[^>]*)>")


@dataclass
class Post:
    """A message that the bot posted."""

    channel: str
    thread_ts: str
    ts: str
    text: str
    blocks: list[Json]
    earlier: list[str] = field(default_factory=list)
    """What it showed before each replacement."""
    attachments: list[Json] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """The text that a reader sees: that of the blocks, or the plain text without blocks."""
        attached = [
            str(each.get("text") or each.get("fallback") or "") for each in self.attachments
        ]
        attached += [shown(block) for each in self.attachments for block in each.get("blocks", ())]
        whole = [shown(block) for block in self.blocks] or [unescape(self.text)]
        return "\n".join([*whole, *filter(None, attached)])

    @property
    def live(self) -> list[str]:
        """Everything that Slack would turn into a mention or link because of markup."""
        texts = [self.text, *(text for block in self.blocks for text in marked_up(block))]
        called = [call for block in self.blocks for call in calls(block)]
        return [found for text in texts for found in _LIVE.findall(text)] + called


@dataclass(frozen=True)
class Content:
    """What a message is to show."""

    text: str
    blocks: list[Json]
    attachments: list[Json]

    def __bool__(self) -> bool:
        return bool(self.text or self.blocks or self.attachments)


def content(arguments: Json) -> Content:
    """Return what a message is to show."""
    blocks = parsed(arguments, "blocks", "invalid_blocks_format") or []
    attachments = parsed(arguments, "attachments", "invalid_attachments") or []
    if not isinstance(blocks, list):
        raise Refusal("invalid_blocks_format")
    if not isinstance(attachments, list) or not all(isinstance(a, dict) for a in attachments):
        raise Refusal("invalid_attachments")
    return Content(str(arguments.get("text") or ""), blocks, attachments)


def parsed(arguments: Json, name: str, error: str) -> Any:
    """Return an argument with a structure, which a form has as JSON."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise Refusal(error) from None
