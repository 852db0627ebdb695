"""What machines say of the sampling that is in force in them, which may be anything."""

import json
import math
import re
from typing import Any

from ops.vocabulary.policies import ALWAYS, MOST_PER_SECOND, NEVER, Policy, per_second, rate

LONGEST_DOCUMENT = 16 * 1024
_PER_SECOND = re.compile(r"([0-9]{1,5})/s")


def policy(text: object) -> Policy | None:
    """Read `0.5` or `5/s`; None for anything else."""
    if isinstance(text, str) and (match := _PER_SECOND.fullmatch(text)):
        traces = int(match[1])
        return per_second(traces) if 1 <= traces <= MOST_PER_SECOND else None
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    try:
        value = float(text)
    except (ValueError, OverflowError):
        return None
    if value in (0, 1):
        return ALWAYS if value else NEVER
    return rate(value) if 0 < value < 1 else None


def member(body: bytes, name: str) -> Any:
    """Return a member of a JSON object; None if there is none."""
    if len(body) > LONGEST_DOCUMENT:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document.get(name) if isinstance(document, dict) else None


def agrees(desired: Policy, said: Policy) -> bool:
    """Whether what a machine says is what is desired: always is the same as a rate of 100%."""
    if (desired.share is None) != (said.share is None):
        return False
    return math.isclose(desired.rate, said.rate, rel_tol=1e-9)


def cut(text: str, longest: int) -> str:
    """Return a text of a machine on one line, cut, without characters that cannot be stored."""
    return "".join(each if each.isprintable() else " " for each in text[:longest]).strip()
