"""How numbers and lists are written in sentences."""

from collections.abc import Iterable


def share(part: float) -> str:
    """Return `12%`, `1.5%`, `0.03%`, `99.7%`."""
    percent = 100 * part
    if percent < 9.95:
        return f"{percent:.2g}%"
    # Almost all is not all.
    return f"{min(percent, 99.99):.4g}%" if 99.5 <= percent < 100 else f"{percent:.0f}%"


def count(number: int, one: str, several: str = "") -> str:
    """Return `1 trace`, `1,500 traces`; `several` is the plural of a word that takes no s."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def listed(names: Iterable[str]) -> str:
    """Return `a, b and c`, "" for no names."""
    *first, last = [*names] or [""]
    return f"{', '.join(first)} and {last}" if first else last
