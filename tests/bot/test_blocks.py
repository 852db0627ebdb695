import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.blocks import MOST_FALLBACK, MOST_MESSAGES, escaped, slack_messages
from bot.replies import Link, Reply, Row
from tests.fakes.slack import Post
from tests.fakes.slack.blocks import refused_blocks

PAGE = Link("the list", "https://ops.example.com/traces/")
TRAPS = "<!channel> <@U0ALICE01> <https://evil.example|click> & @here *bold* `code` \x1b[2J"


def posts(reply: Reply) -> list[Post]:
    return [
        Post("C", "1", "2", message.text, list(message.blocks)) for message in slack_messages(reply)
    ]


def test_it_shows_summary_table_notes_and_links_in_one_message() -> None:
    [post] = posts(Reply("1 trace", (Row(("a", "b"), ("c",)),), ("a note",), (PAGE, PAGE)))
    assert post.shown == "1 trace\na  b\n  c\na note\nthe list · the list"
    elements = post.blocks[0]["elements"]
    assert elements[0]["elements"][0]["style"] == {"bold": True}
    assert elements[1]["type"] == "rich_text_preformatted"
    assert elements[3]["elements"][0] == {"type": "link", "url": PAGE.url, "text": "the list"}
    assert post.text.startswith("1 trace\n\na  b\n")


def test_it_leaves_nothing_live_of_what_others_wrote() -> None:
    for post in posts(Reply(TRAPS, (Row((TRAPS,), (TRAPS,)),), (TRAPS,))):
        assert post.live == []
        assert "<!channel>" in post.shown, "it is shown, but calls nobody"
        assert "&lt;!channel&gt;" in post.text


def test_it_escapes_what_markup_means_and_nothing_else() -> None:
    assert escaped("<&>\"'*") == "&lt;&amp;&gt;\"'*"


def test_it_splits_between_rows_and_repeats_nothing() -> None:
    rows = tuple(Row((f"row {number:04}",), ("x" * 60, "y" * 60)) for number in range(120))
    first, second, *_ = found = posts(Reply("120 rows", rows, ("a note",), (PAGE,)))
    assert 1 < len(found) <= MOST_MESSAGES
    assert all(refused_blocks(post.blocks) == "" for post in found)
    table = "\n".join(post.shown for post in found).split("\n")
    assert [line for line in table if line.startswith("row ")] == [row.cells[0] for row in rows]
    assert first.shown.startswith("120 rows")
    assert second.shown.startswith("row ")
    assert "a note" not in first.shown
    assert found[-1].shown.endswith("a note\nthe list")


@pytest.mark.parametrize(
    ("links", "where"), [((PAGE,), "see the list"), ((), "ask for less at once")]
)
def test_it_says_how_much_does_not_fit(links: tuple[Link, ...], where: str) -> None:
    rows = tuple(Row((f"row {number:04}", "z" * 90)) for number in range(1_500))
    found = posts(Reply("1,500 rows", rows, links=links))
    assert len(found) == MOST_MESSAGES
    shown = sum(post.shown.count("row ") for post in found)
    assert f"{1_500 - shown:,} more do not fit here: {where}." in found[-1].shown


def test_it_cuts_one_row_that_is_too_long_for_a_message() -> None:
    found = posts(Reply("a row", (Row(("start",), ("w" * 4_000,) * 60),)))
    assert len(found) == MOST_MESSAGES
    assert all(refused_blocks(post.blocks) == "" for post in found)


def test_it_keeps_the_fallback_text_short() -> None:
    found = posts(Reply("s", tuple(Row(("<" * 300,)) for _ in range(20))))
    assert all(len(post.text) <= 4 * MOST_FALLBACK for post in found)


lines = st.text(max_size=700)


@settings(max_examples=60, deadline=None)
@given(
    summary=lines,
    table=st.lists(
        st.tuples(st.lists(lines, max_size=3), st.lists(lines, max_size=3)), max_size=60
    ),
    notes=st.lists(lines, max_size=4),
)
def test_it_stays_within_slacks_limits(
    summary: str, table: list[tuple[list[str], list[str]]], notes: list[str]
) -> None:
    rows = tuple(Row(tuple(cells), tuple(below)) for cells, below in table)
    for message in slack_messages(Reply(f"s{summary}", rows, tuple(notes), (PAGE,))):
        assert refused_blocks(json.loads(json.dumps(message.blocks))) == ""
        assert message.text
