"""Searching for the newest traces, in any store that answers for a range of time.

    search      what to search for, and the window of one request
    newest      the algorithm: back in time, slice by slice, until the list is full
    density     how wide a slice must be, learned from the answers
    slices      slices of the past that searches share
    results     a store's answer, and the list made of answers
    list_end    where that list ends
    tags        which conditions a store cannot test

Nothing here opens connections or knows Jaeger's messages: ops.backends.jaeger asks the store.
"""

from ops.backends.trace_search.results import FoundTrace, FoundTraces, Matches
from ops.backends.trace_search.search import TraceSearch, Window

__all__ = ["FoundTrace", "FoundTraces", "Matches", "TraceSearch", "Window"]
