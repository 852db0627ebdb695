"""Answers to a command or a click: at its response_url, or in the acknowledgement."""

import json
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from .blocks import Json, refused_blocks
from .messages import Messages
from .posts import Post, content
from .shared import Refusal

MOST_RESPONSES = 5
RESPONSE_SECONDS = 1_800
GONE = ("expired_url", "used_url", "no_service")


@dataclass
class Respond:
    """A response_url, whose answers are seen in `channel` or only by `user`.

    `original` is the message that an answer may replace or delete: the one whose button was
    clicked, or the first answer to a command.
    """

    channel: str
    user: str
    original: Post | None = None
    made: float = field(default_factory=time.monotonic)
    used: int = 0

    def refusal(self, body: Json, lacks: Collection[str] = ()) -> str:
        """Return Slack's error for one more message there, "" if it accepts it."""
        if time.monotonic() - self.made > RESPONSE_SECONDS:
            return "expired_url"
        if self.used >= MOST_RESPONSES:
            return "used_url"
        try:
            found = content(body)
        except Refusal as refusal:
            return refusal.code
        if body.get("delete_original"):
            return ""
        return refused_blocks(found.blocks, lacks) if found else "no_text"


class Responses(Messages):
    """The addresses at which commands and clicks are answered."""

    def __init__(self) -> None:
        super().__init__()
        self._responds: dict[str, Respond] = {}

    def _respond_url(self, channel: str, user: str, original: Post | None = None) -> str:
        key = secrets.token_hex(12)
        self._responds[key] = Respond(channel, user, original)
        return f"http://{self.host}/respond/{key}"

    def _answer_at(self, key: str, text: str) -> str:
        """Show an answer that was sent to a response_url; returns Slack's error, "" for none."""
        respond = self._responds.get(key)
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            return "invalid_payload"
        if respond is None:
            return "no_service"
        if not isinstance(body, dict):
            return "invalid_payload"
        problem = respond.refusal(body, self.lacks)
        if not problem:
            respond.used += 1
            self._show_answer(respond, body)
        return problem

    def _show_answer(self, respond: Respond, body: Json) -> None:
        """Show an answer: a new message, or the original replaced or deleted."""
        original, found = respond.original, content(body)
        if body.get("delete_original") and original:
            (self.posts if original in self.posts else self.whispers).remove(original)
            self.deleted.append(original)
        elif body.get("replace_original") and original:
            self._replace(original, found)
        elif found:
            alone = body.get("response_type", "ephemeral") != "in_channel"
            thread = respond.user if alone else str(body.get("thread_ts") or "")
            said = Post(respond.channel, thread, self._ts(), found.text, found.blocks)
            said.attachments = found.attachments
            (self.whispers if alone else self.posts).append(said)
            respond.original = respond.original or said
