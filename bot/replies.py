"""One reply for every way of showing it: plain text here, Slack's blocks in `bot.slack.blocks`.

Nothing in a reply is markup. Whatever shows it makes it harmless: control characters are
written out here, so that a log line can neither colour nor clear somebody's terminal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

GAP = "  "
MOST_PADDED = 40  # letters: one long cell would push what is beside the others out of sight


class When(str):
    """A moment as text has it; with `seconds` since 1970 Slack writes it for each reader's zone.

    `ago` tells that how long ago it was matters as well.
    """

    __slots__ = ("ago", "seconds")
    seconds: int
    ago: bool

    def __new__(cls, written: str, seconds: int, *, ago: bool = False) -> Self:
        """Return the text with its moment."""
        self = super().__new__(cls, written)
        self.seconds, self.ago = seconds, ago
        return self


class Sentence(str):
    """A text in which there are moments: its `parts`, one after the other, some of them `When`."""

    __slots__ = ("parts",)
    parts: tuple[str, ...]

    def __new__(cls, *parts: str) -> Self:
        """Return the parts as one text."""
        self = super().__new__(cls, "".join(parts))
        self.parts = parts
        return self


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table, its cells in columns; `below` are lines that belong to it."""

    cells: tuple[str, ...]
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A link; `url` is ours or from the site file, never from a trace or a user."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What somebody may want next: a button that stands for a command.

    `line` is the command as they would type it. `style` is Slack's: "", "primary" or "danger".
    """

    label: str
    line: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot says. The summary stands alone: a phone's notification shows only that.

    `notes` are sentences below the rows; the first of `links` is where to see everything. In the
    summary, notes and cells a `When` or `Sentence` keeps its moments.
    `columns` name the cells, and last what is below them, where rows are best seen as a table.
    `follow_ups` are offered where there are buttons, the first ones at least. `card` is the key
    of the change card that this shows.
    What is `private` nobody reads but who asked.
    """

    summary: str
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    failed: bool = False
    columns: tuple[str, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    card: str = ""
    private: bool = False


def plain(reply: Reply) -> str:
    """Return the reply as text: the summary, the table, notes and links."""
    table = [line for lines in table_lines(reply.rows) for line in lines]
    links = [f"{link.label}: {link.url}" for link in reply.links]
    paragraphs = ([visible(reply.summary)], table, [*map(visible, reply.notes), *links])
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def table_lines(rows: Sequence[Row]) -> list[list[str]]:
    """Return the lines of each row, the cells of all rows as wide as the widest, within reason.

    The last column is as wide as it is.
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
    """Return the text as one line in which every control character is written out."""
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
    """Return a sentence's parts, and any other text as the only one."""
    return text.parts if isinstance(text, Sentence) else (text,)


def shortened(text: str, most: int) -> str:
    """Cut a text to so many characters, the last of them an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)).rstrip()
