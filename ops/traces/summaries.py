"""What a list of traces says about each of them."""

from dataclasses import dataclass

from ops.timerange import SECOND

LATE = SECOND


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace of a list.

    `start` is Unix nanoseconds, 0 where it is not known, `duration` nanoseconds from the first
    start to the last end. `service` and `operation` are the root span's, "" when the root is
    missing. `error` is the deepest failing span's sentence where it is known, else "".

    `matched` is when the newest matching span within the searched window started. Where only
    the whole trace's times are known, it is the latest that this can be, and `matched_from` the
    earliest; else both are the same.

    `as_stored` says that the store counted the spans, and those that failed, as it has them: one
    that was delivered twice counts twice.
    """

    trace_id: str
    start: int
    duration: int
    service: str
    operation: str
    span_count: int
    error_count: int
    services: tuple[str, ...]
    error: str = ""
    matched: int = 0
    matched_from: int = 0
    as_stored: bool = False

    @property
    def matched_late(self) -> bool:
        """Whether it matched so long after it began that both times are worth showing."""
        return self.matched - self.start >= LATE

    @property
    def is_exact(self) -> bool:
        """Whether it is known when the trace matched."""
        return self.matched == self.matched_from


def between(start: int, end: int, window: tuple[int, int]) -> tuple[int, int]:
    """Return the earliest and latest that a span of a trace can have started within a window."""
    first = min(max(start, window[0]), window[1])
    return first, max(min(end, window[1]), first)
