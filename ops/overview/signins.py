"""When programs used their tokens, which the gRPC door knows.

It registers a reader, and the overview calls it for those who may read the audit log.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignIn:
    """The last use of a token (Unix nanoseconds); `token` is what its owner knows it by."""

    at: int
    person: str
    token: str


Reader = Callable[[int, int], Awaitable[tuple[SignIn, ...]]]
_readers: list[Reader] = []


def register(reader: Reader) -> None:
    """Register what returns the tokens that were last used from a start to an end."""
    _readers.append(reader)


async def sign_ins(start: int, end: int) -> tuple[SignIn, ...]:
    """Return the tokens that were last used in this time, newest first."""
    found = [each for read in _readers for each in await read(start, end)]
    return tuple(sorted(found, key=lambda each: -each.at))
