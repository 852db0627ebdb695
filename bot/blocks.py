"""A reply in Slack's blocks, within Slack's limits.

A reply that names its columns is a table where that fits; everything else is rich text. Both
are shown letter by letter: no `<!channel>` in a log line calls anybody, no asterisk makes
anything bold. Only the plain `text`, which notifications and screen readers use, is markup to
Slack, and there `& < >` are escaped.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.buttons import Block, buttons
from bot.replies import Link, Reply, Row, When, plain, shortened, table_lines, visible

# Slack refuses a message whose blocks are too long in all, at a limit it does not publish:
# 9,597 characters in 15,561 of JSON passed, 11,341 in 17,694 did not.
MOST_TEXT = 8_000
MOST_JSON = 13_000
MOST_MESSAGES = 3
MOST_FALLBACK = 3_000
MOST_ROWS = 100  # of a table, with its heading
MOST_COLUMNS = 20
_LONGEST_LINE = 400
_LONGEST_SENTENCE = 600
_DATE = "{ago} ({date_short_pretty} {time_secs})"


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """The arguments of one chat.postMessage besides channel and thread.

    `fallback` are the blocks to try when Slack refuses the table in `blocks`.
    """

    text: str
    blocks: tuple[Block, ...]
    fallback: tuple[Block, ...] = ()


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
        text = plain(reply) if first else "\n".join(piece.lines).strip() or visible(reply.summary)
        block = {"type": "rich_text", "elements": elements}
        messages.append(SlackMessage(escaped(shortened(text, MOST_FALLBACK)), (block,)))
    if len(messages) == 1 and (table := _with_table(reply)):
        messages = [replace(messages[0], blocks=table, fallback=messages[0].blocks)]
    return [*messages[:-1], _with_buttons(messages[-1], buttons(reply.follow_ups))]


def _with_buttons(message: SlackMessage, block: tuple[Block, ...]) -> SlackMessage:
    fallback = (*message.fallback, *block) if message.fallback else ()
    return replace(message, blocks=(*message.blocks, *block), fallback=fallback)


def escaped(text: str) -> str:
    """Return the text so that Slack's markup means it literally."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _with_table(reply: Reply) -> tuple[Block, ...]:
    """The reply with a real table, () where it has none or where it does not fit."""
    if not (reply.columns and reply.rows) or len(reply.rows) >= MOST_ROWS:
        return ()
    table, characters = _table(reply.rows, reply.columns)
    closing = _closing(reply, 0)
    blocks: list[Block] = [
        {"type": "rich_text", "elements": [_section(reply.summary, bold=True)]},
        table,
        *([{"type": "rich_text", "elements": closing}] if closing else ()),
    ]
    characters += sum(map(len, (reply.summary, *reply.notes)))
    fits = characters <= MOST_TEXT and len(json.dumps(blocks)) <= MOST_JSON
    return tuple(blocks) if fits and 0 < len(table["rows"][0]) <= MOST_COLUMNS else ()


def _table(rows: Sequence[Row], columns: Sequence[str]) -> tuple[Block, int]:
    """A table whose last column is what stands below the rows, and how many characters it has."""
    width = max(len(row.cells) for row in rows)
    below = any(row.below for row in rows)
    lines = [columns, *(_cells(row, width, below) for row in rows)]
    wide = width + below
    padded = [(*line[:wide], *[""] * (wide - len(line))) for line in lines]
    wrapped = [{"is_wrapped": True}] * min(wide, MOST_COLUMNS)
    return (
        {
            "type": "table",
            "column_settings": wrapped,
            "rows": [list(map(_cell, line)) for line in padded],
        },
        sum(len(visible(cell)) + 1 for line in padded for cell in line),
    )


def _cells(row: Row, width: int, below: bool) -> Sequence[str]:
    beside = (*row.cells, *[""] * (width - len(row.cells)))
    return (*beside, " \N{MIDDLE DOT} ".join(row.below)) if below else beside


def _cell(text: str) -> Block:
    """A cell that Slack takes: it wants none empty."""
    if not isinstance(text, When):
        return {"type": "raw_text", "text": visible(text).strip() or "-"}
    shown = visible(text).strip() or "-"
    date = {"type": "date", "timestamp": text.seconds, "format": _DATE, "fallback": shown}
    section = {"type": "rich_text_section", "elements": [date]}
    return {"type": "rich_text", "elements": [section]}


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
