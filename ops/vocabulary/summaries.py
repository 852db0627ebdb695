"""The summary of each trace in a list."""

from dataclasses import dataclass

from ops.vocabulary.timerange import SECOND

LATE = SECOND


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace of a list.

    `start` is Unix nanoseconds, 0 if unknown; `duration` is nanoseconds from the first start to
    the last end. `service` and `operation` are the root span's, "" if the root is missing.
    `error` is the deepest failing span's sentence if known, else "".

    `matched` is when the newest matching span within the searched window started. If only the
    whole trace's times are known, `matched` is the latest that this can be and `matched_from`
    the earliest; otherwise both are the same.

    `as_stored` means that the store counted the spans and the failed ones as it has them: a span
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
        """Whether it matched so long after its start that both times are worth showing."""
        return self.matched - self.start >= LATE

    @property
    def is_exact(self) -> bool:
        """Whether the time of the match is known exactly."""
        return self.matched == self.matched_from


def between(start: int, end: int, window: tuple[int, int]) -> tuple[int, int]:
    """Return the earliest and latest start that a span of a trace can have within a window."""
    first = min(max(start, window[0]), window[1])
    return first, max(min(end, window[1]), first)
