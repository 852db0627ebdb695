"""Pagination: a long list is shown one sheet at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.http import HttpRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sheet(Generic[T]):
    """One sheet of a long list; `first` and `last` count from 1, sheets too."""

    items: Sequence[T]
    number: int
    sheets: int
    first: int
    last: int
    total: int

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int:
        return self.number + 1


def sheet(request: HttpRequest, items: Sequence[T], size: int, holding: int = 0) -> Sheet[T]:
    """Return the sheet that `?page=` asks for; without it, the one with the item `holding`."""
    sheets = max(1, -(-len(items) // size))
    asked = request.GET.get("page", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
    number = min(number or holding // size + 1, sheets)
    first = (number - 1) * size
    cut = items[first : first + size]
    return Sheet(cut, number, sheets, first + 1 if cut else 0, first + len(cut), len(items))
