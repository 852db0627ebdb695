"""A reply in Slack's blocks, within Slack's limits.

A reply that names its columns is a table where that fits; everything else is rich text. Both
are shown letter by letter: no `<!channel>` in a log line calls anybody, no asterisk makes
anything bold. Only the plain `text`, which notifications and screen readers use, is markup to
Slack, and there `& < >` are escaped.
"""

import json
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from bot.replies import Link, Reply, Row, When, parts, plain, shortened, table_lines, visible
from bot.slack.buttons import Block, buttons

# Slack refuses a message whose blocks are too long in all, at a limit it does not publish:
# 9,597 characters in 15,561 of JSON passed, 11,341 in 17,694 did not. A `text` that is longer
# than LONGEST_ESCAPED it posts in pieces, and does not take in place of another.
MOST_TEXT = 8_000
MOST_JSON = 13_000
MOST_MESSAGES = 3
MOST_FALLBACK = 3_000
LONGEST_ESCAPED = 4_000
LONGEST_URL = 3_000
MOST_ROWS = 100  # of a table, with its heading
MOST_COLUMNS = 20
_MOST_SEEN = 1_000  # rows in the few messages, however short
_MOST_NOTES = 0.4  # of a message
_LONGEST_LINE = 400
_LONGEST_SENTENCE = 600
_JSON_PER_LETTER = 6  # twelve is the most
_EXACT = "{date_short_pretty} {time_secs}"
_AGO = f"{{ago}} ({_EXACT})"


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """The arguments of one chat.postMessage besides channel and thread.

    `fallback` are the blocks to try when Slack refuses the table in `blocks`.
    """

    text: str
    blocks: tuple[Block, ...]
    fallback: tuple[Block, ...] = ()


@dataclass(slots=True)
class _Piece:
    """The table's lines of one message, and how many rows end in it."""

    lines: list[str]
    rows: int


def slack_messages(reply: Reply) -> list[SlackMessage]:
    """Return the few messages that show the reply; how much does not fit is said in the last.

    A card is one, as what becomes of it replaces it.
    """
    seen = replace(
        reply,
        rows=reply.rows[:_MOST_SEEN],
        notes=_kept(reply.notes),
        links=tuple(link for link in reply.links if len(link.url) <= LONGEST_URL),
    )
    pieces = list(_pieces(seen)) or [_Piece([], 0)]
    shown = pieces[: 1 if reply.card else MOST_MESSAGES]
    left = len(reply.rows) - sum(piece.rows for piece in shown)
    messages = [
        SlackMessage(
            _text(seen, piece, first=piece is shown[0]),
            (_lines(seen, piece, left, first=piece is shown[0], last=piece is shown[-1]),),
        )
        for piece in shown
    ]
    if len(messages) == 1 and (table := _with_table(seen)):
        messages = [replace(messages[0], blocks=table, fallback=messages[0].blocks)]
    return [*messages[:-1], _with_buttons(messages[-1], buttons(reply.follow_ups))]


def _with_buttons(message: SlackMessage, block: tuple[Block, ...]) -> SlackMessage:
    fallback = (*message.fallback, *block) if message.fallback else ()
    return replace(message, blocks=(*message.blocks, *block), fallback=fallback)


def escaped(text: str) -> str:
    """Return the text so that Slack's markup means it literally."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _kept(notes: Sequence[str]) -> tuple[str, ...]:
    """As many notes as a message has room for beside the rest, and how many more there are."""
    shares = list(accumulate(map(_sentence_share, notes)))
    kept = bisect(shares, _MOST_NOTES)
    left = len(notes) - kept
    return (*notes[:kept], *([f"and {left:,} more"] if left else []))


def _text(reply: Reply, piece: _Piece, *, first: bool) -> str:
    """The text of notifications, escaped; no message is without."""
    text = plain(reply) if first else "\n".join(piece.lines).strip() or visible(reply.summary)
    return escaped(_cut(text, MOST_FALLBACK, escaped, LONGEST_ESCAPED))


def _lines(reply: Reply, piece: _Piece, left: int, *, first: bool, last: bool) -> Block:
    """A piece as rich text, its rows as lines."""
    elements = [
        *([_section(reply.summary, bold=True)] if first else ()),
        *([_preformatted(piece.lines)] if piece.lines else ()),
        *(_closing(reply, left) if last else ()),
    ]
    return {"type": "rich_text", "elements": elements}


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
    if any(isinstance(part, When) for part in parts(text)):
        return {"type": "rich_text", "elements": [_section(text)]}
    return {"type": "raw_text", "text": visible(text).strip() or "-"}


def _pieces(reply: Reply) -> Iterator[_Piece]:
    """Cut the table into pieces that fit, between rows where possible, else between lines."""
    around = sum(map(_sentence_share, (reply.summary, *reply.notes, _left(reply, 1))))
    around += len(json.dumps(_links(reply.links))) / MOST_JSON
    piece, filled = _Piece([], 0), around
    for row in table_lines(reply.rows):
        lines = [_cut_json(line, _LONGEST_LINE) for line in row]
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
    """How much of a message a line takes, 1 being all of it."""
    return max((len(text) + 1) / MOST_TEXT, len(json.dumps(text)) / MOST_JSON)


def _sentence_share(text: str) -> float:
    """The same of a sentence, which may hold moments."""
    section = _section(text)
    characters = min(len(visible(text)), _LONGEST_SENTENCE)
    return max(characters / MOST_TEXT, len(json.dumps(section)) / MOST_JSON)


def _cut(text: str, most: int, written: Callable[[str], str], longest: int) -> str:
    """Cut a text to so many characters, and further until it is `written` in so many."""
    text = shortened(text, most)
    while len(written(text)) > longest:
        text = shortened(text, len(text) * 3 // 4)
    return text


def _cut_json(text: str, most: int) -> str:
    return _cut(text, most, json.dumps, _JSON_PER_LETTER * most)


def _section(text: str, *, bold: bool = False) -> Block:
    style = {"style": {"bold": True}} if bold else {}
    whole = _cut_json(visible(text), _LONGEST_SENTENCE)
    whole_parts = parts(text) if whole == visible(text) else (whole,)
    elements = [{**_element(part), **style} for part in whole_parts if part]
    return {"type": "rich_text_section", "elements": elements or [_element(" ")]}


def _element(text: str) -> Block:
    shown = visible(text)
    if not isinstance(text, When):
        return {"type": "text", "text": shown}
    written = _AGO if text.ago else _EXACT
    fallback = shown.strip() or "-"
    return {"type": "date", "timestamp": text.seconds, "format": written, "fallback": fallback}


def _preformatted(lines: Iterable[str]) -> Block:
    element = {"type": "text", "text": "\n".join(lines) or " "}
    return {"type": "rich_text_preformatted", "elements": [element]}


def _closing(reply: Reply, left: int) -> list[Block]:
    notes = [*([_left(reply, left)] if left else []), *reply.notes]
    return [*map(_section, notes), *([_links(reply.links)] if reply.links else [])]


def _left(reply: Reply, left: int) -> str:
    where = f"see {reply.links[0].label}" if reply.links else "ask for less at once"
    return f"{left:,} more do not fit here: {where}."


def _links(links: Iterable[Link]) -> Block:
    elements: list[Block] = []
    for link in links:
        if elements:
            elements.append({"type": "text", "text": " \N{MIDDLE DOT} "})
        elements.append({"type": "link", "url": link.url, "text": link.label})
    return {"type": "rich_text_section", "elements": elements}
