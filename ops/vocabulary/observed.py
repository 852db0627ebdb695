"""What was seen of each trace of a time window: what ran it, for how long, and what failed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ran:
    """What ran a span, from its resource; "" for what it does not say.

    The keys are those of the tags that have the version and the instance, for searches.
    """

    service: str
    version: str = ""
    instance: str = ""
    version_key: str = ""
    instance_key: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """An operation that a process ran in a trace: its longest span (ns), and whether any failed."""

    ran: Ran
    operation: str
    duration: int
    failed: bool


@dataclass(frozen=True, slots=True)
class DeepestError:
    """The failing span of a trace that is furthest from its root, with its message, cut.

    `is_status` means that the whole message is the status', so that a search can find it.
    """

    ran: Ran
    operation: str
    message: str
    is_status: bool


@dataclass(frozen=True, slots=True)
class ObservedTrace:
    """What one trace did within the window; `start` and `duration` (ns) are of that part."""

    trace_id: str
    start: int
    duration: int
    work: tuple[Work, ...]
    error: DeepestError | None


@dataclass(frozen=True, slots=True)
class ObservedWindow:
    """The traces with a span of one service that started within a window (Unix ns).

    `cut` means that the store has more than those that were looked at; it chose which.
    """

    service: str
    start: int
    end: int
    traces: tuple[ObservedTrace, ...]
    cut: bool
