"""When programs used their tokens, which the gRPC door knows.

It registers a reader, and the overview calls it for those who may read the audit log.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignIn:
    """A token's uses from start to end (Unix nanoseconds), without a long pause between them.

    `token` is what its owner knows it by.
    """

    start: int
    end: int
    person: str
    token: str


# Takes a start, an end, a person or "" for everybody, and how many to return at most.
Reader = Callable[[int, int, str, int], Awaitable[tuple[SignIn, ...]]]
_readers: list[Reader] = []


def register(reader: Reader) -> None:
    """Register what returns the newest of the sign-ins that lasted into a time."""
    _readers.append(reader)


async def sign_ins(start: int, end: int, person: str, most: int) -> tuple[SignIn, ...]:
    """Return the newest sign-ins of this time, a person's if given."""
    found = [each for read in _readers for each in await read(start, end, person, most)]
    return tuple(sorted(found, key=lambda each: -each.end)[:most])
