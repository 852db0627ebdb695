"""A value with its unit, as people read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.vocabulary.units import unit_of_query, unit_told, with_unit


@pytest.mark.parametrize(
    ("query", "unit"),
    [
        ("histogram_quantile(0.95, sum by (le) (rate(search_seconds_bucket[5m]))) > 0.3", "s"),
        ("process_resident_memory_bytes > 1e9", "B"),
        ('max(node_load_ratio{job="a_bytes"}) by (x) > 0.9', "ratio"),
        ("queue_oldest_seconds > 30 and on (job) up == 1", "s"),
        ("rate(sent_bytes[5m]) > 5", ""),
        ("used_bytes / size_bytes > 0.9", ""),
        ("count(lag_seconds > 5) > 3", ""),
        ("time() - backup_timestamp_seconds > 3600", ""),
        ("a_bytes > 5 or b_seconds > 5", ""),
        ("sum(rate(x_seconds_bucket[5m]))", ""),
        ("up == 0", ""),
        ("", ""),
    ],
)
def test_an_expression_says_its_unit_only_if_it_is_certain(query: str, unit: str) -> None:
    assert unit_of_query(query) == unit


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("2.2797e-01", "", "0.228"),
        ("2.2797e-01", "ratio", "22.8%"),
        ("97.5", "percent", "97.5%"),
        ("8.4e-01", "s", "840 ms"),
        ("840", "milliseconds", "840 ms"),
        ("7.5e+03", "seconds", "2 h 5 min"),
        ("1.24e+07", "bytes", "12.4 MB"),
        ("512", "B", "512 B"),
        ("412", "requests", "412 requests"),
        ("NaN", "s", "not a number"),
        ("+Inf", "ratio", "infinite"),
        ("1e300", "s", "1e+300"),
        ("a histogram", "s", "a histogram"),
        ("", "s", ""),
    ],
)
def test_a_value_is_written_with_its_unit(value: str, unit: str, words: str) -> None:
    assert with_unit(value, unit) == words


def test_what_an_alert_says_itself_goes_first() -> None:
    assert unit_told({"unit": "s"}, {"unit": "bytes"}) == "bytes"
    assert unit_told({"unit": "s" * 500}, {}) == "s" * 20


@given(st.text(max_size=200), st.text(max_size=30))
def test_any_text_is_a_value_and_a_unit(text: str, unit: str) -> None:
    assert isinstance(with_unit(text, unit), str)
    assert unit_of_query(text) in ("", "s", "B", "ratio")
