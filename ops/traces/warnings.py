"""Sentences about what is odd in a trace as a whole: missing parents, skewed clocks, cycles."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from ops.traces.clocks import Clocks
from ops.traces.tree import SpanTree
from ops.vocabulary.spans import Spans

_NUMBERS = re.compile(r"[0-9][0-9a-f.,:]*")


def warnings_of(spans: Spans, tree: SpanTree, clocks: Clocks) -> Iterator[str]:
    """Yield distinct sentences, those that Jaeger added to spans first."""
    yield from _alike(list(chain.from_iterable(spans.warnings.values())))
    if tree.missing:
        orphans = np.count_nonzero(np.asarray(tree.parents) >= len(spans))
        yield f"spans whose parent is missing: {orphans} (parents {_some(tree.missing)})"
    if (roots := len(tree.roots)) > 1:
        yield f"{roots} spans claim to be the root"
    if beside := [span_id for span_id in tree.shared if span_id not in tree.joined]:
        yield f"span IDs that several spans share: {_some(beside)}"
    if spans.copies:
        again = "1 span was" if spans.copies == 1 else f"{spans.copies:,} spans were"
        yield f"{again} delivered more than once and counted once"
    if tree.cycles:
        ids = [spans.ids[number] for number in tree.cycles]
        yield f"spans whose parents form a cycle, shown as roots: {_some(ids)}"
    if spans.endless:
        ids = [spans.ids[number] for number in sorted(spans.endless)]
        yield f"spans without an end time, shown as if they took no time: {_some(ids)}"
    if spans.untimed:
        ids = [spans.ids[number] for number in sorted(spans.untimed)]
        yield f"spans without a usable start time, shown where their parent starts: {_some(ids)}"
    if len(spans) > 1 and spans.start == spans.end:
        yield "the whole trace takes no time: all spans start and end in the same nanosecond"
    yield from clocks.sentences


def _alike(sentences: Sequence[str]) -> Iterator[str]:
    """Yield the first of the sentences that differ only in numbers, and count the others."""
    groups: dict[str, list[str]] = {}
    for sentence in sentences:
        groups.setdefault(_NUMBERS.sub("0", sentence), []).append(sentence)
    for first, *others in groups.values():
        if not others:
            yield first
        elif all(each == first for each in others):
            yield f"{first} ({len(others) + 1:,} times)"
        else:
            yield f"{first} (and {len(others):,} more like it)"


def _some(ids: Sequence[str]) -> str:
    rest = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(ids[:3]) + rest
