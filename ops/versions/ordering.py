"""The order of version names as people count; it only decides between equally new ones."""

import re

_PARTS = re.compile(r"[0-9]+|[^0-9]+")
_LONGEST_NUMBER = 18  # digits: Python refuses to read numbers of thousands of digits


def natural(version: str) -> list[tuple[int, int, str]]:
    """Sort versions naturally: 1.9 before 1.10, 1.3.0-rc1 before 1.3.0."""
    return [*(_part(part) for part in _PARTS.findall(version)), (0, 0, "")]


def _part(part: str) -> tuple[int, int, str]:
    if part[0] in "0123456789":
        return (1, int(part), "") if len(part) <= _LONGEST_NUMBER else (2, 0, part)
    return (-1 if part[0] == "-" else 0, 0, part)
