"""Selectors as written in queries: `up`, `ALERTS{job="store"}`, `{__name__=~"a|b"}`."""

import json
import re
from dataclasses import dataclass

import re2

from opsportal.demo.promql import Metric, Vector
from opsportal.demo.samples import NAME, Samples

_QUIET = re2.Options()
_QUIET.log_errors = False
_MATCHER = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*(?:,|$)')
_SELECTOR = re.compile(r"\s*([A-Za-z_:][\w:]*)?\s*(?:{(.*)})?\s*", re.DOTALL)


@dataclass(frozen=True)
class Selector:
    """The latest values of a metric's series whose labels match; of every metric without a name."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]

    def at(self, samples: Samples, time: float) -> Vector:
        return {
            key: value
            for name in ([self.name] if self.name else self._names(samples))
            for key, value in Metric(name).at(samples, time).items()
            if self._matches(dict(key))
        }

    def _names(self, samples: Samples) -> list[str]:
        wanted = [each for each in self.matchers if each[0] == NAME]
        return [
            name
            for name in samples.names()
            if all(_holds(name, operator, value) for _, operator, value in wanted)
        ]

    def _matches(self, pairs: dict[str, str]) -> bool:
        return all(
            _holds(pairs.get(label, ""), operator, value)
            for label, operator, value in self.matchers
        )


def read_selector(text: str) -> Selector | None:
    """Return the selector, or None if the text is something else."""
    selector = _SELECTOR.fullmatch(text)
    if selector is None or not any(selector.groups()):
        return None
    name, inside = selector[1] or "", (selector[2] or "").strip()
    matchers, at = [], 0
    while at < len(inside):
        if (matcher := _MATCHER.match(inside, at)) is None:
            return None
        try:
            matchers.append((matcher[1], matcher[2], _value(matcher[2], matcher[3])))
        except (ValueError, re2.error):
            return None
        at = matcher.end()
    return Selector(name, tuple(matchers))


def _holds(value: str, operator: str, other: str) -> bool:
    same = re2.fullmatch(other, value) is not None if "~" in operator else value == other
    return same != operator.startswith("!")


def _value(operator: str, quoted: str) -> str:
    """Return what a matcher compares with; raises ValueError, or re2.error for a bad pattern."""
    # The escapes that PromQL has in common with JSON are enough.
    value = str(json.loads(quoted, strict=False))
    if "~" in operator:
        re2.compile(value, _QUIET)
    return value
