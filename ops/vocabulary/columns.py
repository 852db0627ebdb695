"""Columns: one number for each span of a trace, packed, so that numpy can process all together.

An `array` returns single entries as Python's own numbers; numpy uses the same memory.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Numbers = npt.NDArray[Any]


class Coded(Sequence[T], Generic[T]):
    """A column of texts, pairs or the like, stored as numbers that `value` turns back into entries.

    Entries are equal if their numbers are.
    """

    __slots__ = ("numbers", "value")

    def __init__(self, numbers: "array[int]", value: Callable[[int], T]) -> None:
        self.numbers = numbers
        self.value = value

    @classmethod
    def of(cls, entries: Iterable[T], known: Sequence[T] = ()) -> "Coded[T]":
        """Number entries in the order of their first occurrence, after those that are known."""
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
        """Return the distinct entries, in the order of their first occurrence."""
        return [self.value(number) for number, _ in counted(self.numbers)]


def packed(code: str, numbers: Numbers) -> "array[int]":
    """Return a column of an `array` type; copying once is quicker than by way of bytes."""
    column = array(code)
    column.frombytes(np.ascontiguousarray(numbers, code).view(np.uint8).data)
    return column


def order_of(numbers: Numbers) -> Numbers:
    """Return the stable order of numbers from -1 to 2**32 - 2, which are mostly small.

    numpy sorts 16 bits by counting, several times as fast as more; so the lower half comes first,
    then the upper one, which leaves the order of equal ones as it is.
    """
    above_zero = numbers.astype(np.int64) + 1
    order = np.argsort(above_zero.astype(np.uint16), kind="stable")
    upper = (above_zero >> 16).astype(np.uint16)
    if upper.any():
        order = order[np.argsort(upper[order], kind="stable")]
    return order


def distinct_with_places(numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Return the distinct numbers, sorted, and the place of each number among them.

    Small numbers are marked in a table, which takes a twentieth of the time of sorting them.
    """
    if numbers.max(initial=0) > 4 * len(numbers):
        return np.unique(numbers, return_inverse=True)
    present = np.bincount(numbers) > 0
    return np.flatnonzero(present), (np.cumsum(present) - 1)[numbers]


def counted(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Count small numbers; returns them in the order of their first occurrence."""
    column = np.asarray(numbers, np.intp)
    counts = np.bincount(column)
    firsts = np.zeros(len(counts), np.intp)
    firsts[column[::-1]] = np.arange(len(column))[::-1]  # of several, the last one written stays
    present = np.flatnonzero(counts)
    order = present[np.argsort(firsts[present])]
    return list(zip(order.tolist(), counts[order].tolist(), strict=True))


def steps_to_end(following: Numbers) -> Numbers:
    """Return the number of steps from each place to the last one, which is the end.

    `following` has the next place of each, -1 for the end, and -1 at the end itself. In a cycle,
    the result is larger than the number of places. Each round doubles the distance covered, so
    that a chain of a hundred thousand takes seventeen rounds:

        a -> b -> c -> d -> end          1 step each
        a ------> c ------> end, b -> d  2 steps, from d 1
        a ----------------> end          4 steps, from b 3
    """
    steps = np.ones(len(following), np.intp)
    steps[-1] = 0
    for _ in range(len(following).bit_length()):
        if (following < 0).all():
            break
        steps += steps.take(following, mode="wrap")
        following = following.take(following, mode="wrap")
    return steps
