"""Spans that were delivered twice: a sender that gets no answer sends again.

Two spans are duplicates if they have the same IDs, name, kind and times, and one of them carries
nothing that the other lacks. It may carry less, because each route that spans take adds to them:

    A {http.method, pod}          kept: the fullest version
    A {http.method}               a duplicate of it
    A {http.method, zone}         kept too: neither says all that the other says
"""

from collections.abc import Sequence

import numpy as np
from opentelemetry.proto.trace.v1 import trace_pb2

from ops.backends.otlp.trace_index import TraceIndex
from ops.vocabulary.columns import Numbers

MOST_VERSIONS = 100  # of one span that are compared with each other, which takes quadratic time


def contents(span: trace_pb2.Span) -> frozenset[bytes]:
    """Return everything a span carries besides its ids, name, kind and times, unordered."""
    found = [
        part.SerializeToString(deterministic=True)
        for part in (*span.attributes, *span.events, *span.links)
    ]
    found.append(b"status " + span.status.SerializeToString())  # another status, another span
    if span.trace_state:
        found.append(span.trace_state.encode())
    return frozenset(found)


def find_duplicates(index: TraceIndex, columns: Sequence[Numbers]) -> set[int]:
    """Return the numbers of duplicate spans.

    `columns` are what duplicates have in common; the first of them are the IDs.
    """
    # Sorting the IDs alone shows that nearly all traces have no duplicates.
    ids = np.sort(columns[0])
    if not (shared := ids[1:] == ids[:-1]).any():
        return set()
    sharing = np.flatnonzero(np.isin(columns[0], ids[1:][shared]))
    rows = zip(*(column[sharing].tolist() for column in columns), strict=True)
    alike: dict[tuple[int, ...], list[int]] = {}
    for place, row in zip(sharing.tolist(), rows, strict=True):
        alike.setdefault(row, []).append(place)
    duplicates: set[int] = set()
    for places in alike.values():
        if len(places) > 1:
            duplicates |= _without_fullest(index, places)
    return duplicates


def _without_fullest(index: TraceIndex, places: Sequence[int]) -> set[int]:
    """Return the places that carry no more than another of them; the fullest is looked at first."""
    fullest = sorted(
        places, key=lambda place: index.ends[place] - index.starts[place], reverse=True
    )
    kept: dict[bytes, frozenset[bytes]] = {}
    duplicates = set()
    for place in fullest:
        raw = index.raw(place)
        if raw in kept:
            duplicates.add(place)
            continue
        carried = contents(trace_pb2.Span.FromString(raw))
        if len(kept) < MOST_VERSIONS and any(carried <= other for other in kept.values()):
            duplicates.add(place)
        else:
            kept[raw] = carried
    return duplicates
