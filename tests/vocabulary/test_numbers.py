import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.vocabulary.numbers import in_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1e+00", "1"),
        ("2.2797927461139897e-01", "0.228"),
        ("0.22797927", "0.228"),
        ("1.23456789e+12", "1.23 T"),
        ("12345", "12,345"),
        ("1.5e+06", "1.5 M"),
        ("-4.2e+09", "-4.2 G"),
        ("5e-06", "5e-06"),
        ("1e+18", "1e+18"),
        ("0", "0"),
        ("NaN", "not a number"),
        ("+Inf", "infinite"),
        ("-Inf", "minus infinite"),
        ("Infinity", "infinite"),
        ("", ""),
        ("a histogram", "a histogram"),
        ("true", "true"),
    ],
)
def test_it_is_written_as_people_read_it(text: str, words: str) -> None:
    assert in_words(text) == words


@given(st.floats().map(repr) | st.text())
def test_every_text_has_words(text: str) -> None:
    assert isinstance(in_words(text), str)
    assert len(in_words(text)) <= max(len(text), 14)
