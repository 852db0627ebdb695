"""Which values of a span meet a condition."""

import pytest

from ops.errors import InvalidInput
from ops.vocabulary.conditions import Condition, number


@pytest.mark.parametrize(
    ("operator", "value", "values", "met"),
    [
        ("=", "a", ["b", "a"], True),
        ("=", "a", ["b"], False),
        ("!=", "200", ["500"], True),
        ("!=", "200", ["200"], False),
        ("!=", "200", ["500", "200"], False),
        ("!=", "200", [], False),
        ("!=", "", ["x"], True),
        ("=~", "5..", ["200", "503"], True),
        ("=~", "5.", ["503"], False),
        ("=~", "(?i)REFUSED.*", ["refused: 10.0.0.1"], True),
        ("!~", "5..", ["200"], True),
        ("!~", "5..", ["200", "503"], False),
        ("!~", "5..", [], False),
        (">=", "500", ["500"], True),
        (">=", "500", ["499.99"], False),
        (">", "500", ["500"], False),
        (">", "9", ["10"], True),
        ("<", "600", ["99"], True),
        ("<=", "0.5", ["0.5"], True),
        ("<", "600", ["fast", "NaN", "", "true", "[1]"], False),
        (">", "9007199254740992", ["9007199254740993"], True),
        ("<", "0", ["-1e3"], True),
        (">=", "500", [], False),
    ],
)
def test_it_is_met(operator: str, value: str, values: list[str], met: bool) -> None:
    assert Condition("key", operator, value).is_met(values) is met


def test_it_refuses_an_operator_that_it_does_not_know() -> None:
    with pytest.raises(InvalidInput, match='"==" is not one of'):
        Condition("a", "==", "b")


@pytest.mark.parametrize(
    "text", ["", "1,5", "0x10", "\u0661", " 5", "1_000", "5" * 41, "e5", "Infinity"]
)
def test_it_tells_a_number_from_other_texts(text: str) -> None:
    assert number(text) is None
