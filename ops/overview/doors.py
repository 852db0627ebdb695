"""How the doors are that run as processes of their own.

Doors do not know each other: each registers who can tell how it is, and the overview asks them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LostAnswer:
    """An answer that may be missing: when and where it was asked for, and what became of it.

    `key` is its own among the door's; `url` leads to the question, "" where that is not known.
    """

    key: str
    at: datetime
    place: str
    url: str
    fate: str


@dataclass(frozen=True, slots=True)
class DoorReport:
    """One door. `heard` is when the other side was last heard, None for never.

    `troubles` has a sentence for each, with what to do; `lost` the latest lost answers, newest
    first, of `lost_in_all`.
    """

    door: str
    standing: str
    heard: datetime | None = None
    troubles: tuple[str, ...] = ()
    lost: tuple[LostAnswer, ...] = ()
    lost_in_all: int = 0


Reporter = Callable[[], Awaitable[DoorReport | None]]
reporters: dict[str, Reporter] = {}


def register(door: str, reporter: Reporter) -> None:
    """Have a door asked; its reporter returns None while the door is not in use."""
    reporters[door] = reporter
