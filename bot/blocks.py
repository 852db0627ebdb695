"""A reply in Slack's blocks, within Slack's limits.

Everything is rich text, which Slack shows letter by letter: no `<!channel>` in a log line
calls anybody, no asterisk makes anything bold. Only the plain `text`, which notifications
and screen readers use, is markup to Slack, and there `& < >` are escaped.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bot.replies import Link, Reply, plain, shortened, table_lines, visible

# Slack refuses a message whose blocks are too long in all, at a limit it does not publish:
# 9,597 characters in 15,561 of JSON passed, 11,341 in 17,694 did not.
MOST_TEXT = 8_000
MOST_JSON = 13_000
MOST_MESSAGES = 3
MOST_FALLBACK = 3_000
_LONGEST_LINE = 400
_LONGEST_SENTENCE = 600

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """The arguments of one chat.postMessage besides channel and thread."""

    text: str
    blocks: tuple[Block, ...]


def slack_messages(reply: Reply) -> list[SlackMessage]:
    """Return the few messages that show the reply; how much does not fit is said in the last."""
    pieces = list(_pieces(reply)) or [_Piece([], 0)]
    shown, left = pieces[:MOST_MESSAGES], sum(piece.rows for piece in pieces[MOST_MESSAGES:])
    messages = []
    for piece in shown:
        first, last = piece is shown[0], piece is shown[-1]
        elements = [
            *([_section(reply.summary, bold=True)] if first else ()),
            *([_preformatted(piece.lines)] if piece.lines else ()),
            *(_closing(reply, left) if last else ()),
        ]
        text = plain(reply) if first else "\n".join(piece.lines)
        block = {"type": "rich_text", "elements": elements}
        messages.append(SlackMessage(escaped(shortened(text, MOST_FALLBACK)), (block,)))
    return messages


def escaped(text: str) -> str:
    """Return the text so that Slack's markup means it literally."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(slots=True)
class _Piece:
    """The table's lines of one message, and how many rows end in it."""

    lines: list[str]
    rows: int


def _pieces(reply: Reply) -> Iterator[_Piece]:
    """Cut the table into pieces that fit, between rows where possible, else between lines."""
    around = sum(map(_share, (reply.summary, *reply.notes))) + 0.02 * len(reply.links)
    piece, filled = _Piece([], 0), around
    for row in table_lines(reply.rows):
        lines = [shortened(line, _LONGEST_LINE) for line in row]
        together = sum(map(_share, lines))
        for line in lines:
            if piece.lines and filled + max(together, _share(line)) > 1:
                yield piece
                piece, filled = _Piece([], 0), around
            piece.lines.append(line)
            filled += _share(line)
            together = 0
        piece.rows += 1
    if piece.lines:
        yield piece


def _share(text: str) -> float:
    """How much of a message the text takes, 1 being all of it."""
    return max((len(text) + 1) / MOST_TEXT, len(json.dumps(text)) / MOST_JSON)


def _section(text: str, *, bold: bool = False) -> Block:
    element: Block = {"type": "text", "text": shortened(visible(text), _LONGEST_SENTENCE) or " "}
    if bold:
        element["style"] = {"bold": True}
    return {"type": "rich_text_section", "elements": [element]}


def _preformatted(lines: Iterable[str]) -> Block:
    element = {"type": "text", "text": "\n".join(lines) or " "}
    return {"type": "rich_text_preformatted", "elements": [element]}


def _closing(reply: Reply, left: int) -> list[Block]:
    notes = list(reply.notes)
    if left:
        where = f"see {reply.links[0].label}" if reply.links else "ask for less at once"
        notes.insert(0, f"{left:,} more do not fit here: {where}.")
    return [*map(_section, notes), *([_links(reply.links)] if reply.links else [])]


def _links(links: Iterable[Link]) -> Block:
    elements: list[Block] = []
    for link in links:
        if elements:
            elements.append({"type": "text", "text": " \N{MIDDLE DOT} "})
        elements.append({"type": "link", "url": link.url, "text": link.label})
    return {"type": "rich_text_section", "elements": elements}
