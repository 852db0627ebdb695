"""The status of doors that run as separate processes.

Doors do not import each other: each registers a reporter, and the overview calls them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LostAnswer:
    """An answer that may be missing: when and where it was asked for, and what happened to it.

    `key` is unique within the door; `url` links to the question, "" if unknown.
    """

    key: str
    at: datetime
    place: str
    url: str
    fate: str


@dataclass(frozen=True, slots=True)
class DoorReport:
    """The status of one door. `heard` is the last sign of the other side, None if never.

    `troubles` has a sentence for each problem, with what to do. `lost` are the latest lost
    answers, newest first, of `lost_in_all`.
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
    """Register a door's reporter; it returns None while the door is not in use."""
    reporters[door] = reporter
