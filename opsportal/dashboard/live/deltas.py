"""What changed between two renderings of a page, as few bytes, and a rendering as messages.

A delta is a list of pieces of the new text, in order: `[line, count]` copies lines of the old
text, a text is inserted. static/dashboard/live/messages.js puts them together.
"""

import gzip
import json
import re
from bisect import bisect_left
from collections import defaultdict

LEVEL = 5
Piece = list[int] | str
_lines = re.compile(r"[^\n]*\n|[^\n]+").findall  # as the browser splits, unlike str.splitlines


def delta(old: str, new: str) -> list[Piece]:
    """Return the pieces that make `new` out of `old`; takes linear time."""
    before = _lines(old)
    places: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(before):
        places[line].append(number)
    pieces: list[Piece] = []
    expected = 0  # the old line that would go on with what was copied last
    for line in _lines(new):
        at = _nearest(places[line], expected) if line in places else None
        if at is None:
            _insert(pieces, line)
        else:
            _copy(pieces, at)
            expected = at + 1
    return pieces


def _nearest(places: list[int], expected: int) -> int:
    """Return the first place from the expected one on, else the last one before it."""
    found = bisect_left(places, expected)
    return places[found] if found < len(places) else places[-1]


def _insert(pieces: list[Piece], line: str) -> None:
    if pieces and isinstance(pieces[-1], str):
        pieces[-1] += line
    else:
        pieces.append(line)


def _copy(pieces: list[Piece], at: int) -> None:
    last = pieces[-1] if pieces else ""
    if isinstance(last, list) and sum(last) == at:
        last[1] += 1
    else:
        pieces.append([at, 1])


def packed(message: object) -> bytes:
    """Return a message as the browser reads it: JSON, compressed."""
    return gzip.compress(json.dumps(message, ensure_ascii=False).encode(), LEVEL, mtime=0)
