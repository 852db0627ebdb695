import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.replies import FollowUp, PageLink, Reply, Row, Sentence, When
from bot.slack.blocks import LONGEST_ESCAPED, LONGEST_URL, MOST_MESSAGES, escaped, slack_messages
from tests.fakes.slack import Post
from tests.fakes.slack.blocks import refused_blocks

PAGE = PageLink("the list", "https://ops.example.com/traces/")
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


def test_it_offers_the_first_five_that_fit_as_buttons() -> None:
    long = FollowUp("long", "list traces " + "x" * 2_000)
    several = [FollowUp(f"{number} {'x' * 90}", f"help {number}") for number in range(6)]
    [post] = posts(Reply("1 trace", follow_ups=(long, *several)))
    buttons = post.blocks[-1]["elements"]
    assert [button["value"] for button in buttons] == [f"help {number}" for number in range(5)]
    assert len({button["action_id"] for button in buttons}) == 5
    assert {len(button["text"]["text"]) for button in buttons} == {75}


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


@pytest.mark.parametrize(("links", "where"), [((PAGE,), "see the list"), ((), "narrow the search")])
def test_it_says_how_much_does_not_fit(links: tuple[PageLink, ...], where: str) -> None:
    rows = tuple(Row((f"row {number:04}", "z" * 90)) for number in range(1_500))
    found = posts(Reply("1,500 rows", rows, links=links))
    assert len(found) == MOST_MESSAGES
    shown = sum(post.shown.count("z" * 90) for post in found)
    assert f"{1_500 - shown:,} more do not fit here: {where}." in found[-1].shown


def test_it_cuts_one_row_that_is_too_long_for_a_message() -> None:
    found = posts(Reply("a row", (Row(("start",), ("w" * 4_000,) * 60),)))
    assert len(found) == MOST_MESSAGES
    assert all(refused_blocks(post.blocks) == "" for post in found)


def test_it_keeps_the_text_so_short_that_slack_neither_splits_nor_refuses_it() -> None:
    found = posts(Reply("s", tuple(Row(("<" * 300,)) for _ in range(20))))
    assert all(1_000 < len(post.text) <= LONGEST_ESCAPED for post in found)


def test_it_cuts_a_word_of_letters_that_are_long_in_json_shorter() -> None:
    turtles = "\N{TURTLE}" * 3_000
    [post] = posts(Reply(turtles, (Row((turtles,), (turtles,)),), (turtles,)))
    assert refused_blocks(post.blocks) == ""
    assert len(post.shown.split("\n")) == 4
    assert all(100 < len(line) < 400 for line in post.shown.split("\n"))


def test_it_says_how_many_notes_are_left_out() -> None:
    [post] = posts(Reply("s", (Row(("a",)),), tuple(f"{n} {'x' * 300}" for n in range(50))))
    lines = post.shown.split("\n")
    kept = lines[2:-1]
    assert kept[0].startswith("0 xxx") and 5 < len(kept) < 20
    assert lines[-1] == f"and {50 - len(kept)} more"


def test_it_shows_no_link_that_slack_would_not_take() -> None:
    long = PageLink("long", f"https://ops.example.com/?q={'x' * LONGEST_URL}")
    [post] = posts(Reply("s", links=(long, PAGE)))
    assert post.shown == "s\nthe list"


def test_it_never_parts_what_belongs_to_a_fence() -> None:
    rows = tuple(Row((f"``` {number:04} `",), ("```", "x" * 300)) for number in range(200))
    for post in posts(Reply("s", rows)):
        [fenced] = [e for e in post.blocks[0]["elements"] if e["type"] == "rich_text_preformatted"]
        [text] = fenced["elements"]
        assert text["text"].startswith("``` ")


TABLE = Reply(
    "2 traces",
    (Row((When("14:20:51", 1_764_000_000, ago=True), "1 s"), ("no", "17b4")), Row(("", "2 s"))),
    ("a note",),
    (PAGE,),
    columns=("Started", "Took", "Error and id"),
)


def test_it_shows_a_table_with_moments_in_the_readers_zone() -> None:
    [post] = posts(TABLE)
    assert [block["type"] for block in post.blocks] == ["rich_text", "table", "rich_text"]
    heading, first, second = post.blocks[1]["rows"]
    assert [cell["text"] for cell in heading] == ["Started", "Took", "Error and id"]
    [date] = first[0]["elements"][0]["elements"]
    assert date == {
        "type": "date",
        "timestamp": 1_764_000_000,
        "format": "{ago} ({date_short_pretty} {time_secs})",
        "fallback": "14:20:51",
    }
    assert first[2]["text"] == "no \N{MIDDLE DOT} 17b4"
    assert second[0]["text"] == "-", "Slack takes no empty cell"
    assert post.text.startswith("2 traces\n\n14:20:51")


def test_it_shows_moments_in_sentences_in_the_readers_zone() -> None:
    summary = Sentence("since ", When("14:20:51 UTC", 1_764_000_000), ", <!here>")
    note = Sentence(When("2 min ago", 1_764_000_060, ago=True), ": it ends")
    [post] = posts(Reply(summary, notes=(note,)))
    assert post.text == "since 14:20:51 UTC, &lt;!here&gt;\n\n2 min ago: it ends"
    first, second = (element["elements"] for element in post.blocks[0]["elements"])
    assert [part["type"] for part in first] == ["text", "date", "text"]
    assert all(part["style"] == {"bold": True} for part in first)
    assert first[1]["format"] == "{date_short_pretty} {time_secs}"
    assert second[0]["format"] == "{ago} ({date_short_pretty} {time_secs})"
    assert [part["timestamp"] for part in (first[1], second[0])] == [1_764_000_000, 1_764_000_060]


def test_it_has_the_same_as_lines_for_a_slack_that_refuses_the_table() -> None:
    [message] = slack_messages(TABLE)
    [block] = message.fallback
    assert block["elements"][1]["type"] == "rich_text_preformatted"


@pytest.mark.parametrize(
    "rows",
    [
        tuple(Row((str(number), "x")) for number in range(100)),
        (Row(tuple("x" * 21)),),
        tuple(Row(("é" * 300, "x")) for _ in range(15)),
    ],
)
def test_it_shows_lines_where_a_table_does_not_fit(rows: tuple[Row, ...]) -> None:
    found = posts(Reply("many", rows, columns=("a", "b")))
    assert all(block["type"] == "rich_text" for post in found for block in post.blocks)


def test_it_cuts_fifty_thousand_log_lines_to_three_messages() -> None:
    rows = tuple(Row((f"14:20:51.{n % 1000:03}", "store SELECT"), ("x=1",)) for n in range(50_000))
    found = posts(Reply("50,000 log lines", rows, links=(PAGE,)))
    assert len(found) == MOST_MESSAGES
    shown = sum(post.shown.count("store SELECT") for post in found)
    assert f"{50_000 - shown:,} more do not fit here: see the list." in found[-1].shown
    assert found[-1].shown.endswith("the list")


lines = st.text(max_size=700) | st.sampled_from(
    [
        TRAPS, "```", "`", "%s%n{0}", "\u202eevil\u2066", "w" * 10_000, "<!date^1^{time}|x>", "",
        "<http://evil|Jaeger>", "\U0001f422" * 3_000, "&" * 3_000, "<!subteam^S1>", "\ud800",
    ]
)  # fmt: skip
whens = st.builds(When, lines, st.integers(0, 2**33), ago=st.booleans())
sentences = st.builds(Sentence, lines, whens, lines)
texts = lines | sentences
links = st.builds(
    PageLink, st.just("the list"), st.integers(0, 4_000).map(lambda n: PAGE.url + n * "x")
)


@settings(max_examples=30)  # each renders up to thousands of rows
@given(
    summary=lines.map("s{}".format) | st.builds(Sentence, st.just("s"), whens, lines),
    table=st.lists(
        st.tuples(st.lists(texts | whens, max_size=3), st.lists(texts, max_size=3)), max_size=60
    ),
    notes=st.lists(texts, max_size=4) | texts.map(lambda note: [note] * 200),
    links=st.lists(links, max_size=3),
    columns=st.sampled_from([(), ("a",), ("a", "b", "c", "d")]),
    times=st.sampled_from([1, 1, 1, 40]),
    follow_ups=st.lists(st.builds(FollowUp, lines, lines), max_size=7),
    card=st.sampled_from(["", "3f9a1c7e2b"]),
)
def test_it_stays_within_slacks_limits_and_leaves_data_inert(
    *,
    summary: str,
    table: list[tuple[list[str], list[str]]],
    notes: list[str],
    links: list[PageLink],
    columns: tuple[str, ...],
    times: int,
    follow_ups: list[FollowUp],
    card: str,
) -> None:
    rows = tuple(Row(tuple(cells), tuple(below)) for cells, below in table) * times
    reply = Reply(
        summary, rows, tuple(notes), tuple(links), columns=columns, follow_ups=tuple(follow_ups),
        card=card,
    )  # fmt: skip
    found = slack_messages(reply)
    assert 1 <= len(found) <= (1 if card else MOST_MESSAGES)
    for message in found:
        assert 0 < len(message.text) <= LONGEST_ESCAPED
        for blocks in filter(None, (message.blocks, message.fallback)):
            post = Post("C", "1", "2", message.text, json.loads(json.dumps(blocks)))
            assert refused_blocks(post.blocks) == ""
            assert post.live == []
            assert set(parts(post.blocks)) <= KINDS, "what others wrote is text and nothing else"
            assert all(url.startswith(PAGE.url) for url in urls(post.blocks))
            assert not {"\u202e", "\u2066", "\x1b"} & set(post.shown + message.text)


KINDS = {
    "rich_text", "rich_text_section", "rich_text_preformatted", "text", "link", "table",
    "raw_text", "date", "actions", "button", "plain_text",
}  # fmt: skip


def parts(tree: object) -> Iterator[str]:
    """Yield the type of every part of a payload."""
    for part in walk(tree):
        if "type" in part:
            yield part["type"]


def urls(tree: object) -> Iterator[str]:
    for part in walk(tree):
        if "url" in part:
            yield part["url"]


def walk(tree: object) -> Iterator[dict[str, str]]:
    if isinstance(tree, dict):
        yield tree
    if isinstance(tree, (dict, list)):
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from walk(inner)
