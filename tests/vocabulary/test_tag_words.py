import pytest

from ops.errors import InvalidInput
from ops.vocabulary.conditions import Condition
from ops.vocabulary.tag_words import Tag, parse_tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("error", ("error", "true")),
        (" http.status_code = 500 ", ("http.status_code", "500")),
        ("a=b=c", ("a", "b=c")),
        ('"a=b"="c d"', ("a=b", "c d")),
        ('"a" b=c', ('"a" b', "c")),
        ("a=", ("a", "")),
        ("service=store", ("service", "store")),
        (" a != b", Condition("a", "!=", "b")),
        ('"a=b" >= 5', Condition("a=b", ">=", "5")),
    ],
)
def test_it_reads_one_tag(text: str, tag: Tag | Condition) -> None:
    assert parse_tag(text) == tag


@pytest.mark.parametrize("text", ["", " ", "=x"])
def test_it_refuses_a_tag_without_a_key(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a tag: write key=value"):
        parse_tag(text)
