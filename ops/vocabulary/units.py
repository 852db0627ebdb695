"""Units of values: `22.8%` and `12.4 MB` are read faster than `0.2279` and `1.24e+07`.

A rule or an alert can name its unit in a label or annotation `unit`. Otherwise the names of the
metrics in the rule's expression say it, but only if nothing in the expression can change it.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache

from ops.vocabulary.numbers import in_words
from ops.vocabulary.timerange import SECOND, format_duration

LONGEST_UNIT = 20
LONGEST_DURATION = 10**9  # seconds; more is not a duration
_SUFFIXES = {"seconds": "s", "bytes": "B", "ratio": "ratio"}
_MEANINGS = {
    "s": "s",
    "seconds": "s",
    "ms": "ms",
    "milliseconds": "ms",
    "b": "B",
    "by": "B",
    "bytes": "B",
    "ratio": "ratio",
    "percentunit": "ratio",
    "percent": "%",
    "%": "%",
}
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"|\'(?:[^\'\\]|\\.)*+\'|`[^`]*+`|\{[^{}]*+\}|\[[^\]]*+\]')
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*+")
_CHANGING = re.compile(
    r"[/*^%]|\b(?:rate|irate|increase|deriv|count|count_over_time|count_values|changes|resets"
    r"|absent|absent_over_time|group|sgn|stddev|stdvar|time|timestamp|ln|log2|log10|exp|sqrt)\b"
)


def unit_told(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """Return the unit that an alert names itself, "" if it names none."""
    return (annotations.get("unit") or labels.get("unit") or "").strip()[:LONGEST_UNIT]


@lru_cache(maxsize=4_096)
def unit_of_query(query: str) -> str:
    """Return the unit of an expression's values, "" if it is not certain."""
    plain = _TEXT.sub(" ", _TEXT.sub(" ", query))
    quantile = "histogram_quantile" in plain
    # A quantile of rates of buckets has the unit of the buckets.
    if _CHANGING.search(re.sub(r"\bi?rate\b", "", plain) if quantile else plain):
        return ""
    return _only({_unit_of_name(name, quantile=quantile) for name in _NAME.findall(plain)} - {""})


def _unit_of_name(name: str, *, quantile: bool) -> str:
    stem = name.removesuffix("_bucket") if quantile else name
    return _SUFFIXES.get(stem.rpartition("_")[2], "") if "_" in stem else ""


def _only(found: set[str]) -> str:
    return found.pop() if len(found) == 1 else ""


def with_unit(text: str, unit: str) -> str:
    """Return a value for people: `22.8%`, `840 ms`, `12.4 MB`, `412 requests`, `0.228`."""
    words = in_words(text)
    known = _MEANINGS.get(unit.lower(), "")
    try:
        number = float(text)
    except ValueError:
        return words
    if not math.isfinite(number) or not unit:
        return words
    if known in ("ratio", "%"):
        return f"{in_words(str(number * (100 if known == 'ratio' else 1)))}%"
    if known in ("s", "ms"):
        seconds = number / (1_000 if known == "ms" else 1)
        if abs(seconds) >= LONGEST_DURATION:
            return words
        return format_duration(round(seconds * SECOND))
    if known == "B":
        return _bytes(number)
    return f"{words} {unit}"


def _bytes(number: float) -> str:
    for size, letter in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(number) >= size:
            return f"{in_words(str(number / size))} {letter}"
    return f"{in_words(str(number))} B"
