"""Several commands in one message: on lines of their own, as bullets or numbered.

The first reads are answered in order. Nothing is changed by such a message: for each change, and
for each read that is too many, the last reply has a button.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace

from bot.registry import Message, Registry
from bot.replies import MOST_GUESSED, FollowUp, Reply, Row
from bot.text import MARK, QUOTES, normalise
from ops.limits import LONGEST_TEXT
from ops.vocabulary.figures import count
from ops.vocabulary.texts import shortened

MOST_READS = 3
MOST_LINES = 20  # a message with more is not read as several commands
_END = re.compile(rf"{QUOTES}|(?P<end>\n)", re.DOTALL)
_MARKED = re.compile(MARK)


def commands_in(text: str, registry: Registry) -> list[str]:
    """Return the commands in a text, each as one line; one, maybe empty, if they are not several.

    A line continues the one before unless both are whole, or every line is marked as an item of
    a list. A quoted value may have several lines.
    """
    if len(text) > LONGEST_TEXT:
        return [text]  # it will be refused, unread
    lines = [line for line in _lines(text) if line.strip()]
    if not 1 < len(lines) <= MOST_LINES:
        return [normalise(text)]
    items = lines[1:] if lines[0].rstrip().endswith(":") else lines
    if len(items) > 1 and all(map(_MARKED.match, items)):
        return _normal(items)
    found = lines[:1]
    for line in lines[1:]:
        if _is_whole(line, registry) and _is_whole(found[-1], registry):
            found.append(line)
        else:
            found[-1] += f"\n{line}"
    return _normal(found)


def _normal(lines: Sequence[str]) -> list[str]:
    return [line for line in map(normalise, lines) if line] or [""]


async def answer_each(message: Message, lines: Sequence[str], registry: Registry) -> list[Reply]:
    """Return the replies to several commands of one message."""
    if message.stranger:
        return [await registry.answer(replace(message, text=lines[0]))]
    reads = [line for line in lines if not registry.changes(line)][:MOST_READS]
    left = list(lines)
    for line in reads:
        left.remove(line)
    replies = await asyncio.gather(
        *(registry.answer(replace(message, text=line)) for line in reads)
    )
    return [*replies, *([_left(left, registry)] if left else [])]


def _left(lines: Sequence[str], registry: Registry) -> Reply:
    """Offer the commands of a message that were not run."""
    changes = sum(map(registry.changes, lines))
    reads = len(lines) - changes
    summary = ". ".join(
        (
            *([f"I answer {MOST_READS} commands of a message, {reads:,} left"] if reads else ()),
            *(
                [f"{count(changes, 'change')} not made: I ask for each one separately"]
                if changes
                else ()
            ),
        )
    )
    return Reply(
        summary,
        tuple(Row((shortened(line, MOST_GUESSED),)) for line in lines),
        ("Press a button, or send one alone.",),
        follow_ups=tuple(FollowUp(line, line) for line in lines if len(line) <= MOST_GUESSED),
    )


def _lines(text: str) -> list[str]:
    """Split a text at the ends of its lines, but not within quotes."""
    lines, start = [], 0
    for found in _END.finditer(text):
        if found["end"]:
            lines.append(text[start : found.start()])
            start = found.end()
        elif not found["closed"]:
            return [*lines, *text[start:].split("\n")]
    return [*lines, text[start:]]


def _is_whole(line: str, registry: Registry) -> bool:
    """Return whether a line is a command or a question by itself."""
    command, _ = registry.find(normalise(line))
    return command in registry.commands or line.rstrip(" `").endswith("?")
