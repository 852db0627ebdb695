"""When the spans of a trace ran, and which are whose children, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ops.vocabulary.columns import packed


@dataclass(frozen=True, slots=True)
class Children:
    """The children of all spans, grouped by parent, and where each parent's group starts."""

    numbers: Sequence[int]
    firsts: Sequence[int]

    def __getitem__(self, number: int) -> Sequence[int]:
        return self.numbers[self.firsts[number] : self.firsts[number + 1]]


@dataclass(frozen=True, slots=True)
class Times:
    """The spans of a trace as numbers; `children` has each span's children, by start."""

    starts: Sequence[int]
    ends: Sequence[int]
    parents: Sequence[int]
    children: Children

    @classmethod
    def of(cls, starts: Sequence[int], ends: Sequence[int], parents: Sequence[int]) -> "Times":
        above = np.asarray(parents, np.intp)
        order = np.argsort(np.asarray(starts, np.uint64), kind="stable")
        order = order[np.argsort(above[order], kind="stable")]
        firsts = np.searchsorted(above[order], np.arange(len(order) + 1))
        return cls(starts, ends, parents, Children(packed("Q", order), packed("Q", firsts)))
