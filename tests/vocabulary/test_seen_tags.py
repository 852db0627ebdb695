"""Tags that were seen, and which of them is meant by another."""

import pytest

from ops.vocabulary.seen_tags import LONGEST, MOST_KEYS, MOST_VALUES, SeenTags


def seen(*tags: tuple[str, str]) -> SeenTags:
    found = SeenTags()
    for key, value in tags:
        found.add(key, value)
    return found


@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("status", "", "http.status_code"),
        ("status", "PTBird", "http.status_code"),
        ("statuscode", "", "http.status_code"),
        ("HTTP.StatusCode", "", "http.status_code"),
        ("app.http.status_code", "", "http.status_code"),
        ("http.response.status_code", "", "http.status_code"),
        ("pettype", "", "type"),
        ("kind", "PTBird", "type"),
        ("method", "POST", "rpc.method"),
        ("method", "GET", "http.method"),
        ("method", "", "rpc.method"),
        ("tpye", "", "type"),
        ("id", "", ""),
        ("colour", "blue", ""),
    ],
)
def test_it_knows_which_key_is_meant(key: str, value: str, meant: str) -> None:
    known = seen(
        ("http.status_code", "500"), ("type", "PTBird"), ("http.method", "GET"),
        ("rpc.method", "POST"), ("user.identity", "7"),
    )  # fmt: skip
    assert known.like(key, value) == meant


def test_it_is_bounded_whatever_traces_hold() -> None:
    known = seen(*((f"k{number}", "v") for number in range(2 * MOST_KEYS)))
    assert len([*known]) == MOST_KEYS
    assert "k0" not in known and f"k{2 * MOST_KEYS - 1}" in known
    known.update(seen(*(("k", f"{number:03}") for number in range(100))))
    assert known.values("k") == [f"{number:03}" for number in range(100 - MOST_VALUES, 100)]
    known.update(seen(("x" * (LONGEST + 1), "v"), ("long", "v" * (LONGEST + 1))))
    assert known.values("long") == [] and "long" in known
    assert len([*known]) == MOST_KEYS and "x" * (LONGEST + 1) not in known
