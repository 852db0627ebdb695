"""The lines of an incident's story: what a line is, whichever way it is shown."""

from dataclasses import dataclass
from enum import StrEnum


class LineKind(StrEnum):
    """What a line is about."""

    OPENED = "opened"
    FIRING = "firing"
    RESOLVED = "resolved"
    ROLLOUT = "rollout"
    BACK = "back"  # to an earlier version
    SAMPLING = "sampling"
    REQUEST = "request"  # for somebody's approval of a change of sampling
    SILENCE = "silence"
    HELD = "held"
    NOTE = "note"
    PINNED = "pinned"
    CLOSED = "closed"
    REOPENED = "reopened"


class TargetKind(StrEnum):
    """What a part of a line leads to."""

    ALERT = "alert"  # its fingerprint
    TRACE = "trace"  # its ID
    SERVICE = "service"  # its name
    SAMPLING = "sampling"  # of a service
    VERSIONS = "versions"


@dataclass(frozen=True, slots=True)
class Target:
    """A page that a part of a line leads to; each door knows its own address for it."""

    kind: TargetKind
    key: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a line. Its text may be hostile: it comes from alerts, traces and people.

    `strong` is for the person who did it, `quoted` for what people wrote.
    """

    text: str
    target: Target | None = None
    strong: bool = False
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """What happened at a moment (Unix nanoseconds).

    `source` is where it comes from: a door, "Prometheus", or "" if that goes without saying.
    `severity` is that of an alert that fired.
    """

    at: int
    kind: LineKind
    parts: tuple[Part, ...]
    source: str = ""
    severity: str = ""

    @property
    def text(self) -> str:
        """The line as plain text."""
        return "".join(f"“{each.text}”" if each.quoted else each.text for each in self.parts)


def words(text: str) -> Part:
    """Return a part without a link."""
    return Part(text)


def person(name: str) -> Part:
    """Return the person who did something."""
    return Part(name, strong=True)
