"""What a list of traces says about each of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace of a list.

    `start` is Unix nanoseconds, `duration` nanoseconds from the first start to the last end.
    `service` and `operation` are the root span's, "" when the root is missing. `error` is
    the deepest failing span's sentence where it is known, else "".
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
