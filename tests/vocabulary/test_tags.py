"""What Jaeger compares a tag by, and which searches are offered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from ops.backends.otlp.convert import as_text
from ops.vocabulary.filters import TraceQuery, format_query, parse_query
from ops.vocabulary.tag_words import exact_tag
from ops.vocabulary.tags import searched, shown
from opsportal.demo import store
from tests.traces.making import span
from tests.traces.odd import NAMES, VALUES

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(NAMES)
SIMPLE = (
    st.builds(AnyValue)
    | st.builds(AnyValue, string_value=TEXTS)
    | st.builds(AnyValue, bool_value=st.booleans())
    | st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1))
    | st.builds(AnyValue, double_value=st.floats())
    | st.builds(AnyValue, bytes_value=st.binary(max_size=8))
)
ANY = st.recursive(
    SIMPLE,
    lambda inner: (
        st.builds(AnyValue, array_value=st.builds(ArrayValue, values=st.lists(inner, max_size=3)))
        | st.builds(
            AnyValue,
            kvlist_value=st.builds(
                KeyValueList,
                values=st.lists(st.builds(KeyValue, key=TEXTS, value=inner), max_size=3),
            ),
        )
    ),
    max_leaves=6,
)


@given(ANY)
def test_it_compares_as_the_store_does(value: AnyValue) -> None:
    assert as_text(value) == store.as_text(value)


@given(TEXTS.filter(lambda key: key not in ("", "error")), TEXTS)
def test_a_tag_comes_through_a_line_as_it_is(key: str, text: str) -> None:
    query = TraceQuery(tags=((key, text),))
    assert parse_query(format_query(query)) == query


@given(TEXTS.filter(bool), TEXTS)
def test_a_program_writes_a_tag_as_it_is(key: str, text: str) -> None:
    named = key
    if "=" in key or key.startswith('"'):
        named = '"{}"'.format(key.replace("\\", "\\\\").replace('"', '\\"'))
    assert exact_tag(f"{named}={text}") == (key, text)


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_every_value_is_shown(value: Any) -> None:
    assert "unsupported" not in shown(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100.0, "100"), (1e-7, "1e-7"), (-0.0, "-0"), (float("nan"), "NaN"), (None, "null"),
        (float("-inf"), "-Inf"), ([1.0, float("inf")], "[1, +Inf]"), ({"a": "<b>"}, '{"a": "<b>"}'),
        (True, "true"), (2**63 - 1, "9223372036854775807"), ("text", "text"),
    ],
)  # fmt: skip
def test_it_shows_values_as_jaeger_has_them(value: Any, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("fields", "key", "value", "text"),
    [
        ({}, "error", "connection refused", "connection refused"),
        ({}, "error", "", ""),
        ({}, "error", True, None),  # some releases go by the status alone
        ({"status": "error"}, "error", True, "true"),
        ({"status": "error"}, "error", "1", "1"),
        ({}, "error", False, None),  # which asks for traces without any failure
        ({"kind": "server"}, "span.kind", "server", "server"),
        ({"kind": "server"}, "span.kind", "client", None),
        ({"kind": ""}, "span.kind", "", None),
        ({}, "span.status", "ERROR", None),
        ({}, "scope.name", "here", None),
        ({}, "resource.name", "x", None),
        ({}, "", "no key", None),
    ],
)
def test_a_search_is_offered_that_finds_the_span(
    fields: dict[str, Any], key: str, value: Any, text: str | None
) -> None:
    assert searched(span("a", **fields), key, value, "exact") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\x01\xff", "01ff"), (float("nan"), None), (None, None), ("x" * 256, "x" * 256),
        ("x" * 257, None), (100.0, "100"),
    ],
)  # fmt: skip
def test_elasticsearch_has_texts_of_its_own(value: Any, text: str | None) -> None:
    assert searched(span("a"), "key", value, "regex") == text
