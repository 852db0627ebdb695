"""Columns: one number for each span of a trace, packed, so that numpy works on all of them at once.

What is read one by one are Python's own numbers, which an `array` gives; numpy looks at the same
memory.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Numbers = npt.NDArray[Any]


class Coded(Sequence[T], Generic[T]):
    """A column of texts, pairs or the like, kept as numbers that `value` turns into what they mean.

    Entries are equal if their numbers are.
    """

    __slots__ = ("numbers", "value")

    def __init__(self, numbers: "array[int]", value: Callable[[int], T]) -> None:
        self.numbers = numbers
        self.value = value

    @classmethod
    def of(cls, entries: Iterable[T], known: Sequence[T] = ()) -> "Coded[T]":
        """Number entries in the order in which they come first, after those that are known."""
        numbers = {entry: number for number, entry in enumerate(known)}
        column = array("I", [numbers.setdefault(entry, len(numbers)) for entry in entries])
        return cls(column, list(numbers).__getitem__)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return list(map(self.value, self.numbers[index]))
        return self.value(self.numbers[index])

    def __iter__(self) -> Iterator[T]:
        return map(self.value, self.numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Coded) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def distinct(self) -> list[T]:
        """Return what entries there are, in the order in which they come first."""
        return [self.value(number) for number, _ in counted(self.numbers)]


def packed(code: str, numbers: Numbers) -> "array[int]":
    """Return a column of an `array` type."""
    return array(code, numbers.astype(code).tobytes())


def counted(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Count small numbers; they come in the order in which each comes first."""
    column = np.asarray(numbers, np.intp)
    counts = np.bincount(column)
    firsts = np.zeros(len(counts), np.intp)
    firsts[column[::-1]] = np.arange(len(column))[::-1]  # of several the last that is written stays
    present = np.flatnonzero(counts)
    order = present[np.argsort(firsts[present])]
    return list(zip(order.tolist(), counts[order].tolist(), strict=True))


def steps_to_end(following: Numbers) -> Numbers:
    """Return how many steps it takes from each place to the last one, which is the end.

    `following` has each place's next, -1 for the end, and -1 at the end itself. In a circle it
    takes more steps than there are places. Each round doubles how far the next one is, so that a
    chain of a hundred thousand takes seventeen.
    """
    steps = np.ones(len(following), np.intp)
    steps[-1] = 0
    for _ in range(len(following).bit_length()):
        if (following < 0).all():
            break
        steps += steps.take(following, mode="wrap")
        following = following.take(following, mode="wrap")
    return steps
