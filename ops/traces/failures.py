"""The spans of a trace that failed, the deepest first: the deepest is most likely the cause."""

from dataclasses import dataclass

from ops.traces.paths import paths_to
from ops.traces.rows import SpanRows
from ops.vocabulary.spans import failure, what_failed

MOST_ERRORS = 1_000


@dataclass(frozen=True, slots=True)
class SpanError:
    """A failing span: its row's index, the message, and the operations from the root to it.

    A path of more than paths.LONGEST_PATH operations has "…" instead of its middle.
    """

    row: int
    service: str
    operation: str
    message: str
    path: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """`store.Query: deadline exceeded`."""
        return failure(self.operation, self.message)


def errors_of(rows: SpanRows) -> tuple[SpanError, ...]:
    """Return the failing spans, the deepest first, then by start; at most MOST_ERRORS."""
    failing = list(rows.among(rows.spans.failing))
    failing.sort(key=lambda row: (-rows.depths[row], rows.numbers[row]))
    paths = paths_to(rows, set(failing[:MOST_ERRORS]))
    return tuple(_error(rows, row, paths[row]) for row in failing[:MOST_ERRORS])


def _error(rows: SpanRows, row: int, path: tuple[str, ...]) -> SpanError:
    number = rows.numbers[row]
    service, operation = rows.spans.names[number]
    return SpanError(row, service, operation, what_failed(rows.spans.store[number]), path)
