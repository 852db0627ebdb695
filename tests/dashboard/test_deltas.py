"""What changed between two renderings."""

import gzip
import json

from hypothesis import given
from hypothesis import strategies as st

from opsportal.dashboard.live.deltas import delta, packed
from tests.dashboard.sockets import patched

TEXT = st.lists(st.sampled_from(["a\n", "b\n", "\u2028c\n", "\r\n", "d\x0b", "\n", "e"])).map(
    "".join
)


@given(TEXT, TEXT)
def test_it_makes_the_new_text_out_of_the_old(old: str, new: str) -> None:
    assert patched(old, delta(old, new)) == new


def test_it_sends_what_differs_and_nothing_else() -> None:
    lines = [f"line {number}\n" for number in range(1000)]
    changed = [*lines[:400], "new\n", *lines[400:700], *lines[701:]]
    assert delta("".join(lines), "".join(changed)) == [[0, 400], "new\n", [400, 300], [701, 299]]


def test_it_packs_text_of_any_language() -> None:
    assert json.loads(gzip.decompress(packed({"text": "Größe ≥ 3"}))) == {"text": "Größe ≥ 3"}
