"""The bot's replies: shown as plain text here, and as Slack blocks in `bot.slack.blocks`.

A reply contains no markup; escaping is up to whatever shows it. Here, control characters are
written out, so that a log line can neither colour nor clear the reader's terminal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

GAP = "  "
MOST_GUESSED = 200  # characters that a button's line may have to be readable
MOST_PADDED = 40  # characters: one long cell would push the next column out of sight


class When(str):
    """A time as text, with `seconds` since 1970 for Slack to show it in the reader's time zone.

    `ago` asks for the age to be shown too.
    """

    __slots__ = ("ago", "seconds")
    seconds: int
    ago: bool

    def __new__(cls, written: str, seconds: int, *, ago: bool = False) -> Self:
        """Return the text with its time."""
        self = super().__new__(cls, written)
        self.seconds, self.ago = seconds, ago
        return self


class Sentence(str):
    """A text that contains times: its `parts` in order, some of them `When`."""

    __slots__ = ("parts",)
    parts: tuple[str, ...]

    def __new__(cls, *parts: str) -> Self:
        """Return the parts as one text."""
        self = super().__new__(cls, "".join(parts))
        self.parts = parts
        return self


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its cells, and in `below` more lines that belong to it."""

    cells: tuple[str, ...]
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link; `url` is OpsPortal's own or from the site file, never from a trace or a user."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A likely next step: a button that runs a command.

    `line` is the command as a user would type it. `style` is Slack's: "", "primary" or "danger".
    """

    label: str
    line: str
    style: str = ""


class Ends(StrEnum):
    """Of what the end is announced."""

    SAMPLING = "sampling"  # a timed change, by its revision
    SILENCE = "silence"  # one that was made here, by our own number


@dataclass(frozen=True, slots=True)
class Timed:
    """Something that a reply shows and that ends: its number, and when to warn of the end."""

    kind: Ends
    number: int
    warn_at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the bot. The summary must be clear alone: a phone's notification shows only it.

    `notes` are sentences below the rows; the first of `links` leads to the complete answer. In
    the summary, notes and cells, a `When` or `Sentence` keeps its times.
    `columns` name the cells, and last the lines below them, if the rows are best shown as a table.
    `follow_ups` become buttons if buttons can be shown, at least the first ones. `card` is the
    key of the change card that the reply shows, `timed` what it shows that ends.
    A `private` reply is shown only to the person who asked. Follow-ups are about `line`, the line
    that was run, and `items`, the lines that show what is listed, in that order.
    """

    summary: str
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    links: tuple[PageLink, ...] = ()
    failed: bool = False
    columns: tuple[str, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    card: str = ""
    timed: Timed | None = None
    private: bool = False
    line: str = ""
    items: tuple[str, ...] = ()


def plain(reply: Reply) -> str:
    """Return the reply as text: the summary, the table, notes and links."""
    table = [line for lines in table_lines(reply.rows) for line in lines]
    links = [f"{link.label}: {link.url}" for link in reply.links]
    paragraphs = ([visible(reply.summary)], table, [*map(visible, reply.notes), *links])
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def table_lines(rows: Sequence[Row]) -> list[list[str]]:
    """Return the lines of each row, with columns padded to their widest cell up to a limit.

    The last column is not padded.
    """
    texts = [tuple(map(visible, row.cells)) for row in rows]
    columns = max((len(cells) for cells in texts), default=0)
    wide = [max(len(cells[n]) for cells in texts if len(cells) > n) for n in range(columns)]
    widths = [min(width, MOST_PADDED) for width in wide]
    return [
        [_line(cells, widths), *(f"{GAP}{visible(line)}" for line in row.below)]
        for cells, row in zip(texts, rows, strict=True)
    ]


def visible(text: str) -> str:
    """Return the text as one line, with every control character written out."""
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable()
        else " "
        if letter.isspace()
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


def parts(text: str) -> tuple[str, ...]:
    """Return a sentence's parts, or any other text as the only part."""
    return text.parts if isinstance(text, Sentence) else (text,)


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)).rstrip()
