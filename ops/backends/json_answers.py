"""JSON as other servers write it: bounded, and text that can be shown."""

import json
import re
from typing import Any

MOST_VALUES = 2_000_000  # lists and objects; each is some 80 bytes of memory, 3 of text
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # half of a pair that stands for one letter
_LONGEST_NUMBER = 18  # digits that are surely an integer of 64 bits


class TooMuch(Exception):
    """The answer has more in it than is accepted; says what, for "answers with …"."""


def read(body: bytes) -> Any:
    """Read a body; bytes that are not UTF-8, and halves of letters, become the sign U+FFFD.

    Raises ValueError for what is not JSON, TooMuch for what is nested too deeply or has too
    many values.
    """
    if body.count(b"{") + body.count(b"[") > MOST_VALUES:
        raise TooMuch(f"over {MOST_VALUES:,} values")
    text = body.decode("utf-8-sig", "replace")
    try:
        found = json.loads(text, object_hook=_pause, parse_int=_integer)
        return _whole(found) if _HALF.search(body) else found
    except RecursionError as error:
        raise TooMuch("values nested hundreds deep") from error


def _pause(found: dict[str, Any]) -> dict[str, Any]:
    """Do nothing, in Python: a large answer is read in a thread, and here others get a turn."""
    return found


def _integer(digits: str) -> float:
    """Python refuses to read thousands of digits, and would take long."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


def _whole(found: Any) -> Any:
    if isinstance(found, str):
        return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(found, dict):
        return {_whole(key): _whole(value) for key, value in found.items()}
    return [_whole(item) for item in found] if isinstance(found, list) else found
