"""Read how long a change lasts, and why it is made, out of what somebody typed.

petstore 10% for fifteen minutes because of QueueDeep
petstore always until six, due to "slow checkout"
"""

import re
from contextlib import suppress

from ops.errors import InvalidInput
from ops.language import terms
from ops.language.spoken import Clock, Spoken
from ops.language.time_words import pieces, split

_THEN = re.compile(
    r"[\s,]*(?:\sand)?(?:\s|^)then(?:\s*=\s*|\s+(?:(?:go\s+|return\s+)?(?:back\s+)?to\s+)?)"
    r"(always|never|[0-9][0-9.]{0,17}\s?%?|[0-9]{1,6}/s)(?=[\s,]|$)",
    re.IGNORECASE,
)
_LONGEST_TERM = 10  # words: "until the day after tomorrow at half past nine pm"
_QUOTES = re.compile('["“”]')
_REASON = re.compile(
    r"(?:^|[\s,;])(?:because(?:\s+of\b|\s*=)?|due\s+to\b|reason\s*[=:])\s*"
    r"(?:[\"“”]([^\"“”]*)[\"“”]|(.*))",
    re.IGNORECASE | re.DOTALL,
)


def take_term(line: str, clock: Clock) -> tuple[str, Spoken | None]:
    """Return a line without how long the change lasts, and that.

    Raises InvalidInput if it says so twice, or ends before now.
    """
    words = pieces(line)
    found = terms.find(split(words), clock)
    if found is None:
        return line, None
    left = [word for number, word in enumerate(words) if number not in found.used]
    if terms.find(split(left), clock):
        raise InvalidInput('say one of for=15m, until=18:00 and "permanent"')
    return " ".join(left), found


def take_then(line: str) -> tuple[str, str]:
    """Return a line without what follows the change, "and then back to 10%", and that policy."""
    found = _THEN.search(line)
    if not found:
        return line, ""
    return f"{line[: found.start()]} {line[found.end() :]}".strip(), "".join(found[1].split())


def take_reason(line: str, clock: Clock | None = None) -> tuple[str, str]:
    """Return a line without the reason in it, and the reason.

    A reason without quotes goes on to the end of the line. With a clock, how long the change lasts
    is not part of it: "because of QueueDeep for 15 minutes".
    """
    found = _REASON.search(line)
    if not found:
        return line, ""
    before = line[: found.start()]
    if found[1] is not None:
        return before + line[found.end() :], " ".join(found[1].split())
    words = found[2].split()
    end = _start_of_term(words, clock) if clock else len(words)
    return " ".join((before, *words[end:])), " ".join(words[:end])


def as_reason(reason: str) -> str:
    """Write a reason so that `take_reason` reads it, "" for none; it knows no escapes."""
    return 'because="{}"'.format(_QUOTES.sub("'", reason)) if reason else ""


def _start_of_term(words: list[str], clock: Clock) -> int:
    """Return where `for 15 minutes` or `until six` at the end of words starts, else their end."""
    for at in range(max(len(words) - _LONGEST_TERM, 0), len(words)):
        if words[at].lower() not in ("for", "until", "till"):
            continue
        with suppress(InvalidInput):  # "until yesterday" is part of the reason
            found = terms.find(split(words[at:]), clock)
            if found and found.used == tuple(range(len(words) - at)):
                return at
    return len(words)
