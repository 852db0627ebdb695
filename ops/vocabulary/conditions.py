"""Conditions on a span that no store tests: `key!=value`, `key>=500`, `operation=~"Get.*"`.

A span without the tag meets no condition on it, not even `!=`, as in TraceQL: `key!=200` finds
spans that have the tag, with another value. The key `error` stands for what a span says of its
error: the text of that tag, or the message of its status.
"""

import operator
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ops.errors import InvalidInput
from ops.vocabulary.expressions import compiled

NEGATIONS = {"!=": "=", "!~": "=~"}
_ORDERS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
OPERATORS = ("=", "=~", *NEGATIONS, *_ORDERS)
LONGEST_EXPRESSIONS = 256  # characters in total, which RE2 compiles within some 50 ms
_NUMBER = re.compile(r"[+-]?(\d{1,40})(\.\d{1,40})?(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Condition:
    """`key operator value`, for a span's tag or, if not `is_tag`, its `service` or `operation`.

    `=~` and `!~` match the whole value (RE2), the others compare it as text or, for an order, as
    a number. Raises InvalidInput if there is no number to compare with; a TraceQuery checks the
    expressions.
    """

    key: str
    operator: str
    value: str
    is_tag: bool = True

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise InvalidInput(f'"{self.operator[:80]}" is not one of {" ".join(OPERATORS)}')
        if self.operator in _ORDERS and number(self.value) is None:
            raise InvalidInput(
                f'"{self.value[:80]}" is not a number: write {self.key[:80]}{self.operator}500'
            )

    @property
    def is_about_services(self) -> bool:
        """Whether it says which services are meant."""
        return not self.is_tag and self.key == "service"

    def is_met(self, values: Collection[str]) -> bool:
        """Return whether a span that has the key with these values meets the condition.

        An attribute of the same key can be in several places of a span.
        """
        if (opposite := NEGATIONS.get(self.operator)) is not None:
            return bool(values) and not any(self._is_met(opposite, each) for each in values)
        return any(self._is_met(self.operator, each) for each in values)

    def _is_met(self, operator: str, value: str) -> bool:
        if operator == "=":
            return value == self.value
        if operator == "=~":
            return bool(compiled(self.value).search(value))
        found, bound = number(value), number(self.value)
        return found is not None and bound is not None and bool(_ORDERS[operator](found, bound))


def check_expressions(conditions: Iterable[Condition]) -> None:
    """Raise InvalidInput if a regular expression is invalid, or all are too long to compile."""
    expressions = [each.value for each in conditions if each.operator in ("=~", "!~")]
    if (length := sum(map(len, expressions))) > LONGEST_EXPRESSIONS:
        raise InvalidInput(
            f"the regular expressions have {length:,} characters; "
            f"the limit is {LONGEST_EXPRESSIONS}. Shorten them"
        )
    for each in expressions:
        compiled(each)


def number(text: str) -> int | float | None:
    """Read a number as attributes have it, exactly if it is whole; None if it is none."""
    if not (read := _NUMBER.fullmatch(text)):
        return None
    return int(text) if read[2] is read[3] is None else float(text)
