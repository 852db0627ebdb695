"""Lists that Slack answers page by page."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from .blocks import Json
from .shared import Refusal

MOST = 1_000


def page(name: str, items: Sequence[Any], arguments: Json, usual: int = 100) -> Json:
    """Return a page of items and the cursor of the next one, "" after the last."""
    limit, cursor = number(arguments.get("limit") or usual), str(arguments.get("cursor") or "")
    if not 0 < limit <= MOST:
        raise Refusal("invalid_limit")
    try:
        start = int(base64.b64decode(cursor, validate=True) or b"0")
    except (binascii.Error, ValueError):
        raise Refusal("invalid_cursor") from None
    end = start + limit
    following = base64.b64encode(str(end).encode()).decode() if end < len(items) else ""
    return {
        "ok": True,
        name: list(items[start:end]),
        "has_more": bool(following),
        "response_metadata": {"next_cursor": following},
    }


def number(value: object) -> int:
    """Return a number, which a form has as text; anything else is refused."""
    try:
        return int(str(value))
    except ValueError:
        raise Refusal("invalid_arguments") from None
