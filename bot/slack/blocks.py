"""A reply as Slack blocks, within Slack's limits.

A reply that names its columns becomes a table if it fits; everything else is rich text. Slack
shows both literally: no `<!channel>` in a log line notifies anyone, no asterisk makes text
bold. Only the plain `text`, for notifications and screen readers, is markup to Slack, so `& < >`
are escaped there.
"""

import json
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from bot.replies import PageLink, Reply, Row, When, parts, plain, table_lines, visible
from bot.slack.buttons import Block, buttons
from ops.vocabulary.texts import shortened

# Slack refuses a message whose blocks are too long in total, at a limit it does not publish:
# 9,597 characters in 15,561 of JSON passed, 11,341 in 17,694 did not. It splits a `text` longer
# than LONGEST_ESCAPED into several messages, and refuses it in an update.
MOST_TEXT = 8_000
MOST_JSON = 13_000
MOST_MESSAGES = 3
MOST_FALLBACK = 3_000
LONGEST_ESCAPED = 4_000
LONGEST_URL = 3_000
MOST_ROWS = 100  # of a table, including its heading
MOST_COLUMNS = 20
_MOST_SEEN = 1_000  # rows in all messages of a reply, however short they are
_MOST_NOTES = 0.4  # share of a message, more if
_MOST_ALONE = 0.9  # leaves room for it in a message without rows
_LONGEST_LINE = 400
_LONGEST_SENTENCE = 600
_JSON_PER_LETTER = 6  # a letter can take up to twelve
_EXACT = "{date_short_pretty} {time_secs}"
_AGO = f"{{ago}} ({_EXACT})"


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """The arguments of one chat.postMessage besides channel and thread.

    `fallback` are the blocks to try if Slack refuses the table in `blocks`.
    """

    text: str
    blocks: tuple[Block, ...]
    fallback: tuple[Block, ...] = ()


@dataclass(slots=True)
class _Piece:
    """The table's lines of one message, and how many rows end in it."""

    lines: list[str]
    rows: int


def reply_messages(replies: Sequence[Reply]) -> list[SlackMessage]:
    """Return the messages that show one reply, or several in one message each."""
    if len(replies) == 1:
        return slack_messages(replies[0])
    return [message for reply in replies for message in slack_messages(reply, most=1)]


def slack_messages(reply: Reply, most: int = MOST_MESSAGES) -> list[SlackMessage]:
    """Return at most `most` messages that show the reply; the last says how much does not fit.

    A card is always one message, because its result replaces it.
    """
    links = tuple(link for link in reply.links if len(link.url) <= LONGEST_URL)
    others = _sentence_share(reply.summary) + _links_share(links)
    most_notes = _MOST_NOTES if reply.rows else max(_MOST_NOTES, _MOST_ALONE - others)
    seen = replace(
        reply, rows=reply.rows[:_MOST_SEEN], notes=_kept(reply.notes, most_notes), links=links
    )
    pieces = list(_pieces(seen)) or [_Piece([], 0)]
    shown = pieces[: 1 if reply.card else most]
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
    """Escape a text so that Slack's markup shows it literally."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _kept(notes: Sequence[str], most: float) -> tuple[str, ...]:
    """Return the notes that a message has room for, and how many are left out."""
    shares = list(accumulate(map(_sentence_share, notes)))
    kept = bisect(shares, most)
    left = len(notes) - kept
    return (*notes[:kept], *([f"and {left:,} more"] if left else []))


def _text(reply: Reply, piece: _Piece, *, first: bool) -> str:
    """Return the escaped text for notifications, which every message must have."""
    text = plain(reply) if first else "\n".join(piece.lines).strip() or visible(reply.summary)
    return escaped(_cut(text, MOST_FALLBACK, escaped, LONGEST_ESCAPED))


def _lines(reply: Reply, piece: _Piece, left: int, *, first: bool, last: bool) -> Block:
    """Return a piece as rich text, its rows as lines."""
    elements = [
        *([_section(reply.summary, bold=True)] if first else ()),
        *([_preformatted(piece.lines)] if piece.lines else ()),
        *(_closing(reply, left) if last else ()),
    ]
    return {"type": "rich_text", "elements": elements}


def _with_table(reply: Reply) -> tuple[Block, ...]:
    """Return the reply as blocks with a table, () if it has none or it does not fit."""
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
    """Return a table, whose last column has the lines below each row, and its characters."""
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
    """Return a cell as Slack accepts it, which is never empty."""
    if any(isinstance(part, When) for part in parts(text)):
        return {"type": "rich_text", "elements": [_section(text)]}
    return {"type": "raw_text", "text": visible(text).strip() or "-"}


def _pieces(reply: Reply) -> Iterator[_Piece]:
    """Cut the table into pieces that fit, between rows if possible, else between lines."""
    around = sum(map(_sentence_share, (reply.summary, *reply.notes, _left(reply, 1))))
    around += _links_share(reply.links)
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
    """Return the share of a message that a line takes; 1 is all of it."""
    return max((len(text) + 1) / MOST_TEXT, len(json.dumps(text)) / MOST_JSON)


def _links_share(links: Iterable[PageLink]) -> float:
    return len(json.dumps(_links(links))) / MOST_JSON


def _sentence_share(text: str) -> float:
    """Return the share that a sentence takes, which may contain times."""
    section = _section(text)
    characters = min(len(visible(text)), _LONGEST_SENTENCE)
    return max(characters / MOST_TEXT, len(json.dumps(section)) / MOST_JSON)


def _cut(text: str, most: int, written: Callable[[str], str], longest: int) -> str:
    """Cut a text to `most` characters, and further until `written` makes at most `longest`."""
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
    where = f"see {reply.links[0].label}" if reply.links else "narrow the search"
    return f"{left:,} more do not fit here: {where}."


def _links(links: Iterable[PageLink]) -> Block:
    elements: list[Block] = []
    for link in links:
        if elements:
            elements.append({"type": "text", "text": " \N{MIDDLE DOT} "})
        elements.append({"type": "link", "url": link.url, "text": link.label})
    return {"type": "rich_text_section", "elements": elements}
