"""The incidents of a time, which a service above the overview knows.

It registers a reader, and the overview calls it.
"""

from dataclasses import dataclass
from typing import Protocol

from ops.actor import Actor

MOST = 200


@dataclass(frozen=True, slots=True)
class PastIncident:
    """An incident: by whom it was opened and closed, and when (Unix nanoseconds, 0 for not yet)."""

    number: int
    title: str
    opener: str
    opened_at: int
    closer: str = ""
    closed_at: int = 0


class Reader(Protocol):
    """Return the newest MOST that were open at any time from start to end, of a service or all."""

    async def __call__(
        self, actor: Actor, *, start: int, end: int, service: str, site: str
    ) -> tuple[PastIncident, ...]: ...


@dataclass(slots=True)
class Registered:
    """The reader, and the permission to see what it reads; "" while none is registered."""

    reader: Reader | None = None
    permission: str = ""


registered = Registered()


def register(permission: str, reader: Reader) -> None:
    """Register the reader of incidents."""
    registered.permission, registered.reader = permission, reader


async def list_incidents(
    actor: Actor, *, start: int, end: int, service: str, site: str
) -> tuple[PastIncident, ...]:
    """Return the incidents of a time; none without a reader."""
    if registered.reader is None:
        return ()
    return await registered.reader(actor, start=start, end=end, service=service, site=site)
