"""Where a list of the newest traces ends, and where the next one goes on.

A trace whose spans we saw matches at one moment; of one that we know from a summary, only the
range is known, and it may be anywhere in it. Everything left out must certainly be older than
everything listed, so the limit is a little flexible:

    newer                          older
      A •
      B    ├──────────┤                     limit 2: C may match before B, so the list has
      C         ├───────────┤               A, B and C
      D                       •             the next list begins with D
"""

from collections.abc import Sequence

from ops.backends.trace_search.search import TraceSearch
from ops.vocabulary.filters import Place
from ops.vocabulary.summaries import TraceSummary


def newest_first(trace: TraceSummary) -> tuple[int, str]:
    """Sort traces as they are listed: ties by ID."""
    return -trace.matched, trace.trace_id


def cut(
    fits: Sequence[TraceSummary], search: TraceSearch, complete_from: int
) -> tuple[int, Place | None]:
    """Return how many traces to list, and the place after which the others are listed.

    `fits` is sorted and has every trace that is listed at `complete_from` or later.
    """
    size = _size(fits, search)
    if size == len(fits):
        return size, None if complete_from <= search.start else Place(complete_from - 1)
    # A trace that is only known roughly may be listed again, but none is left out.
    last, oldest = fits[size - 1], _oldest(fits[:size])
    if fits[size].matched < oldest:
        return size, Place(oldest - 1)
    return size, Place(oldest, last.trace_id if last.matched == oldest else "")


def _oldest(traces: Sequence[TraceSummary]) -> int:
    return min(trace.matched_from for trace in traces)


def _size(fits: Sequence[TraceSummary], search: TraceSearch) -> int:
    """Return how many to list: the limit, and traces that cannot be split from these.

    Everything left out must certainly match before everything listed, or at the same moment
    with a larger ID.
    """
    size = min(search.limit, len(fits))
    oldest = _oldest(fits[:size]) if fits else 0
    while size < len(fits):
        left = fits[size].matched
        if left < oldest or (left == oldest and not search.whole_moments):
            break
        oldest = min(oldest, fits[size].matched_from)
        size += 1
    return size
