"""When the spans of a trace ran, and which are whose children, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ops.vocabulary.columns import order_of, packed


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
        """The spans must be in an order in which siblings are sorted by start, as rows are."""
        above = np.asarray(parents, np.intp)
        firsts = np.cumsum(np.bincount(above + 1, minlength=len(above) + 1))
        children = Children(packed("Q", order_of(above)), packed("Q", firsts))
        return cls(starts, ends, parents, children)
