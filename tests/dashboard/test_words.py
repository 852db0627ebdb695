"""Names and values as text."""

import pytest

from ops.vocabulary.spans import Value
from opsportal.dashboard import words


def test_a_long_name_is_cut() -> None:
    assert words.name("x" * 100, 10) == "xxxxxxxxx…"


def test_a_name_cannot_turn_the_words_around_it() -> None:
    assert words.name("a\u202eb") == "ab"
    assert words.name("\u202e\u2067\u05d0") == "\u2068\u05d0\u2069"
    assert words.name("\u05d0\u05d1") == "\u2068\u05d0\u05d1\u2069"
    assert words.name("store.Query (2): ok, 100 %") == "store.Query (2): ok, 100 %"


def test_control_characters_become_spaces() -> None:
    assert words.name("a\n\x00b") == "a  b"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (True, "true"),
        (3, "3"),
        (None, "null"),
        (["a", 1], '["a", 1]'),
        ({"k": b"\x01"}, '{"k": "AQ=="}'),
        (b"\x00\xff", "2 bytes: 00ff"),
    ],
)
def test_values_are_written_as_they_are(value: Value, text: str) -> None:
    assert words.value(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.031, "3.1%"), (0.0002, "under 0.1%"), (1, "100%"), (0.5, "50%")],
)
def test_what_is_not_zero_never_reads_as_zero(share: float, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize(("rate", "text"), [(42.4, "42"), (0.051, "0.051"), (1234, "1,234")])
def test_rates_have_two_digits_or_all_before_the_point(rate: float, text: str) -> None:
    assert words.rate(rate) == text
