import pytest

from ops.vocabulary.slips import slip_of
from ops.vocabulary.tag_words import KEYS


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("form", "from"), ("lmit", "limit"), ("limmit", "limit"), ("limot", "limit"),
        ("SERVICE", "service"), ("services", "service"), ("ot", "to"), ("tracemin", "trace-min"),
        ("mni", "min"), ("tag", "tags"),
        ("env", ""), ("size", ""), ("host", ""), ("state", ""), ("status", ""), ("id", ""),
        ("name", ""), ("type", ""), ("device", ""), ("http.method", ""), ("", ""),
    ],
)  # fmt: skip
def test_it_tells_a_slip_from_a_tag(word: str, key: str) -> None:
    assert slip_of(word, KEYS) == key
