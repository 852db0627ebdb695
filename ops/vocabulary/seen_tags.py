"""Tags that were seen in traces: some of their keys, and of each the values seen last."""

import re
from collections.abc import Iterator, Sequence

from cachetools import LRUCache

from ops.errors import nearest

MOST_KEYS = 200
MOST_VALUES = 10  # of one key
LONGEST = 80  # characters of a key or value; longer ones are not kept
_SHORTEST = 3  # letters of a key, from which on another one may contain it
_SEPARATORS = re.compile(r"[\W_]+")


class SeenTags:
    """Keys and values, those seen last; both are bounded."""

    def __init__(self) -> None:
        self._values: LRUCache[str, LRUCache[str, None]] = LRUCache(MOST_KEYS)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys."""
        return iter(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def add(self, key: str, value: str) -> None:
        """Note a tag."""
        if len(key) <= LONGEST:
            values = self._values_of(key)
            if len(value) <= LONGEST:
                values[value] = None

    def update(self, other: "SeenTags") -> None:
        """Note all that another has."""
        for key in other:
            values = self._values_of(key)
            for value in other.values(key):
                values[value] = None

    def values(self, key: str) -> Sequence[str]:
        """Return the values of a key that were seen last, sorted."""
        return sorted(self._values.get(key, ()))

    def _values_of(self, key: str) -> LRUCache[str, None]:
        values = self._values.get(key)
        if values is None:
            values = self._values[key] = LRUCache(MOST_VALUES)
        return values

    def like(self, key: str, value: str) -> str:
        """Return the key that is probably meant by another one, "" if none is.

        That is one which has the value, or which contains the key, is contained in it or is
        misspelt: `status` may be `http.status_code`.
        """
        squeezed = _squeezed(key)
        alike = [each for each in sorted(self) if _contains(_squeezed(each), squeezed)]
        with_value = [
            each for each in alike or sorted(self) if value and value in self.values(each)
        ]
        return min(with_value or alike, key=len, default="") or nearest(key, self)


def _squeezed(key: str) -> str:
    return _SEPARATORS.sub("", key.lower())


def _contains(one: str, other: str) -> bool:
    return min(len(one), len(other)) >= _SHORTEST and (one in other or other in one)
