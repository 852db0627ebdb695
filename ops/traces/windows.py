"""How two windows of a service's traces differ: the result of traces.compare_windows."""

from dataclasses import dataclass
from enum import StrEnum

from ops.vocabulary import timerange
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.spans import failure_in

LEAST_BESIDE = 3  # traces
STEP = 20 * timerange.SECOND  # let windows up to now end at multiples of it: they are shared then


@dataclass(frozen=True, slots=True)
class Share:
    """How many traces were looked at, and how many of them failed."""

    traces: int = 0
    failed: int = 0

    @property
    def share(self) -> float:
        """The share of failed traces, 0 to 1."""
        return self.failed / self.traces if self.traces else 0.0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.traces + other.traces, self.failed + other.failed)


@dataclass(frozen=True, slots=True)
class Window:
    """What was looked at of a window, start to end (Unix ns).

    `every` counts the traces with a span of the service, and as failed those in which one of the
    service's spans failed. `cut` means that Jaeger has more: it left out some, those before
    `since` if it sends the newest. `minutes` are the same by the minute (Unix ns) in which they
    started, in order; those without a trace are not there.
    """

    start: int
    end: int
    every: Share
    cut: bool
    since: int
    minutes: tuple[tuple[int, Share], ...] = ()


class StatementKind(StrEnum):
    """What a statement is about, the most telling first."""

    VERSION = "version"
    SERVICE = "service"
    INSTANCE = "instance"
    ERROR = "error"
    FAILING = "failing"
    SLOWER = "slower"


@dataclass(frozen=True, slots=True)
class Statement:
    """One difference that is not chance: `1.3.0 fails` `12% of 340 traces, 1.2.0 0.3% of 2,100`.

    `lead` is what to print bold, `rest` the figures. `query` finds the traces that it is about,
    `example` is the ID of one of them. `chance` is how likely such a difference is by chance.
    """

    kind: StatementKind
    lead: str
    rest: str
    query: TraceQuery
    example: str
    chance: float

    @property
    def words(self) -> str:
        """The whole sentence, without a full stop."""
        return f"{self.lead} {self.rest}"


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failing traces in which the same failed: the deepest error, its operation and version.

    `message` is what they say, "" for nothing, with … for numbers and IDs that differ. `before`
    counts the traces of the window before in which the same failed, in any version. `is_new` is a
    statement: it failed in none of enough traces before. `example` is the trace that took longest,
    `duration` how long (ns). `query` finds these traces. `is_said` means that a statement is about
    this failure.
    """

    service: str
    operation: str
    version: str
    message: str
    traces: int
    before: int
    is_new: bool
    example: str
    duration: int
    query: TraceQuery
    is_said: bool = False

    @property
    def sentence(self) -> str:
        """`deadline exceeded in store.Query`."""
        return failure_in(self.operation or "an operation without a name", self.message)


@dataclass(frozen=True, slots=True)
class WindowComparison:
    """A service's traces of a window against those of an earlier one.

    `statements` are the differences that are not chance (see ops.traces.chance), the most telling
    first; `left_out` counts those that do not fit. `failures` are the failing traces of the
    window by what failed, most of them first; `failures_left_out` counts traces of further ones.
    `unchanged` names what is the same on both sides. `compared` is how many operations have
    enough traces on both sides to compare.
    """

    site: str
    service: str
    now: Window
    before: Window
    statements: tuple[Statement, ...]
    left_out: int
    failures: tuple[FailureGroup, ...]
    failures_left_out: int
    unchanged: tuple[str, ...]
    compared: int
    failing: TraceQuery

    @property
    def then(self) -> str:
        """What to call the earlier window: `the hour before`."""
        return earlier(self.now, self.before)

    @property
    def other_failures(self) -> tuple[FailureGroup, ...]:
        """The failures that no statement is about; beside statements, not the rarest."""
        least = LEAST_BESIDE if self.statements else 1
        return tuple(each for each in self.failures if not each.is_said and each.traces >= least)


def earlier(now: Window, before: Window) -> str:
    """Return what to call the earlier window: `the hour before`, `the time before`."""
    hour = before.end - before.start == timerange.HOUR and before.end == now.start
    return "the hour before" if hour else "the time before"
