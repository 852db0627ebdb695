"""What an incident is, without I/O."""

from dataclasses import dataclass
from enum import StrEnum

LONGEST_TITLE = 120  # characters
LONGEST_NOTE = 2_000
MOST_SERVICES = 5
MOST_NOTES = 500  # of one incident
MOST_PINS = 50
MOST_OPEN = 100  # of a site


class EntryKind(StrEnum):
    """What somebody did in an incident."""

    NOTE = "note"
    PINNED = "pinned"
    CLOSED = "closed"
    REOPENED = "reopened"


class OriginKind(StrEnum):
    """What an incident was opened from."""

    ALERT = "alert"  # its fingerprint
    GROUP = "group"  # the name of its alerts
    TRACE = "trace"  # its ID
    NOTHING = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """What an incident was opened from: a kind, and the fingerprint, name or ID."""

    kind: OriginKind = OriginKind.NOTHING
    key: str = ""

    def __str__(self) -> str:
        """Return it as the audit log records it; "" for nothing."""
        return f"{self.kind} {self.key}".strip()


NO_ORIGIN = Origin()


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread in Slack: its workspace, its channel, and the ts of its first message."""

    team: str
    channel: str
    ts: str

    def __str__(self) -> str:
        """Return it as the audit log records it."""
        return f"{self.team}/{self.channel}/{self.ts}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody wrote or did at a moment (Unix nanoseconds), and at which door.

    `text` is a note, or the ID of a pinned trace.
    """

    at: int
    kind: EntryKind
    author: str
    door: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident of a site; times are Unix nanoseconds.

    `begins` is when what it is about began. `services` are names in the site file. `origin` is what
    it was opened from. `closed_at` is 0 while it is open. `entries` are the oldest first; a list of
    incidents is without them.
    """

    site: str
    number: int
    title: str
    services: tuple[str, ...]
    begins: int
    opened_at: int
    opener: str
    door: str
    origin: Origin = NO_ORIGIN
    closed_at: int = 0
    closer: str = ""
    thread: Thread | None = None
    entries: tuple[Entry, ...] = ()

    @property
    def is_open(self) -> bool:
        return not self.closed_at

    @property
    def pins(self) -> tuple[Entry, ...]:
        """The pinned traces."""
        return tuple(each for each in self.entries if each.kind is EntryKind.PINNED)

    def __str__(self) -> str:
        return f"incident {self.number}: {self.title}"


@dataclass(frozen=True, slots=True)
class IncidentList:
    """Incidents of a site: open ones first, then the newest; `more` means that others follow."""

    site: str
    incidents: tuple[Incident, ...]
    more: bool = False
