"""What people say who mean a command: the table beside each command's registration."""

from dataclasses import dataclass
from enum import Enum


class Thing(Enum):
    """What a word can be recognised as, whatever is said around it."""

    SITE = "site"
    SERVICE = "service"
    OPERATION = "operation"
    ALERT = "alert"
    SEVERITY = "severity"
    VERSION = "version"
    INSTANCE = "instance"
    TRACE_ID = "trace ID"
    SHARE = "share"  # of traces to keep: 10%, 0.5, always
    CONDITION = "condition"  # `user=42`, `>1s`
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Intent:
    """Words and phrases that speak for a command, separated by commas, and things.

    `surely` are enough by themselves, `perhaps` add to what else is said. `about` are the things
    that the command can take, `alone` those of them that mean it when nothing else is said.
    `reads_all` is for a command whose `read` knows every word that it can use.
    """

    surely: str = ""
    perhaps: str = ""
    about: tuple[Thing, ...] = ()
    alone: tuple[Thing, ...] = ()
    reads_all: bool = False


NO_INTENT = Intent()
