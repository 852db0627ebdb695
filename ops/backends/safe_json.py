"""Parse other servers' JSON within limits, and make its strings safe to show."""

import json
import re
from typing import Any

MOST_VALUES = 2_000_000  # lists and objects; each takes some 80 bytes of memory, 3 of text
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # half of a surrogate pair
_LONGEST_NUMBER = 18  # digits that surely fit into a 64-bit integer


class TooMuch(Exception):
    """The answer has too many values; the message fits after "answered with"."""


def read(body: bytes) -> Any:
    """Parse a body; invalid UTF-8 and lone surrogates become the character U+FFFD.

    Raises ValueError if it is not JSON, TooMuch if it is nested too deeply or has too many
    values.
    """
    # Counted before anything is parsed; brackets in strings count too, which is rare.
    if body.count(b"{") + body.count(b"[") > MOST_VALUES:
        raise TooMuch(f"over {MOST_VALUES:,} values")
    text = body.decode("utf-8-sig", "replace")
    try:
        found = json.loads(text, object_hook=_pause, parse_int=_integer)
        # Rebuilding every string takes long, so only where half a character may be.
        return _whole(found) if _HALF.search(body) else found
    except RecursionError as error:
        raise TooMuch("values nested hundreds deep") from error


def _pause(found: dict[str, Any]) -> dict[str, Any]:
    """Do nothing, in Python: a large answer is parsed in a thread, and this yields the GIL."""
    return found


def _integer(digits: str) -> float:
    """Parse an integer; Python refuses thousands of digits, and they would take long."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


def _whole(found: Any) -> Any:
    if isinstance(found, str):
        return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(found, dict):
        return {_whole(key): _whole(value) for key, value in found.items()}
    return [_whole(item) for item in found] if isinstance(found, list) else found
