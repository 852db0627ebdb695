"""Regular expressions as Alertmanager has them: RE2, matching the whole text."""

import re
from functools import lru_cache
from typing import Any

import re2

from ops.errors import InvalidInput

_ANY_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")  # RE2 has it in C++, not in Go
_QUIET = re2.Options()
_QUIET.log_errors = False
_QUIET.max_mem = 1024 * 1024  # bytes per pattern; 64 of them are cached


@lru_cache(maxsize=64)
def compiled(pattern: str) -> Any:
    """Compile with RE2, anchored as Alertmanager does it: matching takes linear time.

    Compiling a pattern of a few thousand characters can still take half a second, so doors read
    long ones in a thread. Raises InvalidInput.
    """
    try:
        found = re2.compile(f"^(?:{pattern})$", _QUIET)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0]
        if isinstance(reason, bytes):
            reason = reason.decode(errors="replace").partition(":")[0]
        raise _not_an_expression(pattern, reason) from None
    if _ANY_BYTE.search(pattern):
        raise _not_an_expression(pattern, r"\C")
    return found


def _not_an_expression(pattern: str, reason: str) -> InvalidInput:
    return InvalidInput(f'"{pattern[:80]}" is not a regular expression (RE2): {reason}')
