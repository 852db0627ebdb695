"""Find each span's parent, even if several spans share an ID.

OpenTelemetry gives every span an ID of its own. Zipkin's model, which Envoy and Istio follow, lets
the two sides of a call share one: the client's span and the server's have the same ID and the same
parent, and the children of either side name that ID as their parent. Jaeger's query service gives
such servers new IDs (its adjuster "span id uniquifier"); we request traces as they were stored, so
we must choose. We follow Zipkin's own tree (zipkin2.internal.SpanNode):

    id 3: client in back,            client 3 (back)
          server in orders     ->      server 3 (orders)
    id 4, parent 3, in orders            4
    id 5, parent 3, in back            5

- The receiving side (server, consumer) of a shared ID is a child of its calling side (client,
  producer): of several, of the last that started before it.
- The child of a shared ID belongs to the side that ran in the same process, else in the same
  service, else to the receiving side. If there are several, for example when a call is retried
  under one ID, to the one during which it started, else to the last that started before it.

Nothing else is changed: spans that share an ID in any other way stay siblings.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, MutableSequence, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from ops.vocabulary.columns import packed, steps_to_end
from ops.vocabulary.spans import Spans

CALLING = ("client", "producer")
RECEIVING = ("server", "consumer")
_GONE = -2  # a parent that is not among the spans, until it gets a number
_LOOK_BACK = 8  # earlier spans with a shared ID to search for one that was still running


@dataclass(frozen=True, slots=True)
class SpanTree:
    """The parents of a trace's spans, as numbers.

    `parents` has -1 for a root; a missing parent has a number after all spans, and is a root.
    `depths` are the distances from the roots. `roots` are the spans that claim to have no parent,
    without the second sides of calls. `missing` are the missing parents' IDs. `cycles` has the
    earliest span of each cycle of parents, which becomes a root, `in_cycles` all spans of these
    cycles. `shared` has the IDs of several spans, each with its spans; those in `joined` are the
    two sides of a call.
    """

    parents: Sequence[int]
    depths: Sequence[int]
    roots: Sequence[int]
    missing: Sequence[str]
    cycles: Sequence[int]
    in_cycles: AbstractSet[int]
    shared: Mapping[str, Sequence[int]]
    joined: AbstractSet[str]


def tree_of(spans: Spans) -> SpanTree:
    """Find every span's parent. Following parents from any span ends at a root."""
    numbers, wanted = np.asarray(spans.ids.numbers), np.asarray(spans.parent_ids.numbers)
    order = np.argsort(numbers, kind="stable")
    sorted_numbers = numbers[order]
    ids, each = np.unique(wanted, return_inverse=True)  # many spans have the same parent
    at = np.minimum(np.searchsorted(sorted_numbers, ids), len(spans) - 1)
    found = np.where(sorted_numbers[at] == ids, order[at], _GONE)  # the first with an ID
    found[ids == 0] = -1
    parents = packed("q", found[each])
    shared = _shared(spans) if (sorted_numbers[1:] == sorted_numbers[:-1]).any() else {}
    joined = _among_shared(spans, shared, parents)
    missing: dict[str, int] = {}
    for number in np.flatnonzero(np.asarray(parents) == _GONE).tolist():
        id_ = spans.parent_ids[number]
        parents[number] = missing.setdefault(id_, len(spans) + len(missing))
    roots = np.flatnonzero((wanted == 0) & (np.asarray(parents) < 0)).tolist()
    parents.extend([-1] * len(missing))
    cycles, in_cycles, depths = _break_cycles(parents)
    return SpanTree(parents, depths, roots, list(missing), cycles, in_cycles, shared, joined)


def _shared(spans: Spans) -> dict[str, list[int]]:
    times = Counter(spans.ids)
    found: dict[str, list[int]] = {}
    for number, span_id in enumerate(spans.ids):
        if times[span_id] > 1:
            found.setdefault(span_id, []).append(number)
    return found


def _among_shared(
    spans: Spans, shared: Mapping[str, Sequence[int]], parents: MutableSequence[int]
) -> AbstractSet[str]:
    """Correct the parents for which there is a choice, in place; return the joined IDs."""
    sides = {span_id: _Sides(spans, numbers) for span_id, numbers in shared.items()}
    joined = {span_id for span_id, each in sides.items() if each.calling and each.receiving}
    for number, parent_id in enumerate(spans.parent_ids if shared else ()):
        if spans.kinds[number] in RECEIVING and spans.ids[number] in joined:
            parents[number] = sides[spans.ids[number]].caller(number)
        elif parent_id in sides:
            parents[number] = sides[parent_id].parent(number)
    return joined


class _Sides:
    """The spans that share one ID, by start."""

    def __init__(self, spans: Spans, numbers: Sequence[int]) -> None:
        self._spans = spans
        self._numbers = numbers
        self.calling = [each for each in numbers if spans.kinds[each] in CALLING]
        self.receiving = [each for each in numbers if spans.kinds[each] in RECEIVING]
        self._by_process = self._grouped(spans.ran_by.__getitem__)
        self._by_service = self._grouped(lambda number: spans.names[number][0])

    def caller(self, number: int) -> int:
        """Return the calling span that a receiving one with the same ID belongs to."""
        return self._during(self.calling, number)

    def parent(self, number: int) -> int:
        """Return the parent of a span that names the shared ID as its parent."""
        near = (
            self._by_process.get(self._spans.ran_by[number])
            or self._by_service.get(self._spans.names[number][0])
            or self.receiving
            or self._numbers
        )
        return self._during(near, number)

    def _grouped(self, key: Callable[[int], object]) -> dict[object, list[int]]:
        """Group the spans; if a group has both sides, only the receiving one counts."""
        found: dict[object, list[int]] = {}
        for numbers in (self.receiving, self._numbers):
            new: dict[object, list[int]] = {}
            for number in numbers:
                new.setdefault(key(number), []).append(number)
            found = new | found
        return found

    def _during(self, numbers: Sequence[int], number: int) -> int:
        starts, ends = self._spans.starts, self._spans.ends
        start = starts[number]
        after = bisect_right(numbers, start, key=starts.__getitem__)
        before = numbers[max(after - _LOOK_BACK, 0) : after]
        running = (each for each in reversed(before) if ends[each] >= start and each != number)
        return next(running, before[-1] if before else numbers[0])


def _break_cycles(
    parents: MutableSequence[int],
) -> tuple[list[int], AbstractSet[int], Sequence[int]]:
    """Make the earliest span of each cycle a root, in place.

    Return these, all members, and the depths of all spans.
    """
    depths = steps_to_end(np.append(parents, -1))[:-1] - 1
    if (depths < len(parents)).all():
        return [], frozenset(), packed("Q", depths)
    walks = [-1] * len(parents)
    broken = []
    members: set[int] = set()
    for start in range(len(parents)):
        position = start
        while position >= 0 and walks[position] < 0:
            walks[position] = start
            position = parents[position]
        if position < 0 or walks[position] != start:
            continue
        cycle = [position]
        while (position := parents[position]) != cycle[0]:
            cycle.append(position)
        parents[min(cycle)] = -1
        broken.append(min(cycle))
        members.update(cycle)
    depths = steps_to_end(np.append(parents, -1))[:-1] - 1
    return broken, members, packed("Q", depths)
