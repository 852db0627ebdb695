"""The bot's posts, and how a reader sees them."""

import json
import re
from dataclasses import dataclass, field
from html import unescape

from .blocks import Json, calls, marked_up, shown

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

    @property
    def shown(self) -> str:
        """The text that a reader sees: that of the blocks, or the plain text without blocks."""
        if not self.blocks:
            return unescape(self.text)
        return "\n".join(shown(block) for block in self.blocks)

    @property
    def live(self) -> list[str]:
        """Everything that Slack would turn into a mention or link because of markup."""
        texts = [self.text, *(text for block in self.blocks for text in marked_up(block))]
        called = [call for block in self.blocks for call in calls(block)]
        return [found for text in texts for found in _LIVE.findall(text)] + called


def content(arguments: Json) -> tuple[str, list[Json]]:
    """Return a message's text and blocks, which a form has as JSON."""
    blocks = arguments.get("blocks") or []
    if isinstance(blocks, str):
        blocks = json.loads(blocks)
    return str(arguments.get("text") or ""), blocks
