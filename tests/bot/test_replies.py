from bot.replies import PageLink, Reply, Row, plain, table_lines, visible
from ops.vocabulary.texts import shortened


def test_it_writes_a_reply_as_paragraphs() -> None:
    reply = Reply(
        "2 traces",
        rows=(Row(("14:20:51", "1.24 s", "a"), ("below",)), Row(("14:20:52", "44 ms", "bb"))),
        notes=("there may be more",),
        links=(PageLink("the list", "https://ops.example.com/traces/"),),
    )
    assert plain(reply) == (
        "2 traces\n\n"
        "14:20:51  1.24 s  a\n"
        "  below\n"
        "14:20:52  44 ms   bb\n\n"
        "there may be more\n"
        "the list: https://ops.example.com/traces/"
    )


def test_it_writes_a_summary_alone() -> None:
    assert plain(Reply("Nothing")) == "Nothing"


def test_it_lines_up_rows_of_different_lengths() -> None:
    rows = (Row(("a", "b", "c")), Row(("long",)), Row(("x", "longer")), Row(()))
    assert table_lines(rows) == [["a     b       c"], ["long"], ["x     longer"], [""]]


def test_it_keeps_cells_in_sight_beside_one_that_is_long() -> None:
    rows = (Row(("a", "v" * 300, "c")), Row(("b", "1.2.0", "d")))
    assert table_lines(rows)[1] == [f"b  {'1.2.0':40}  d"]


def test_it_writes_out_what_would_act_on_a_terminal() -> None:
    assert visible("a\x1b[2Jb\x07") == r"a\x1b[2Jb\x07"
    assert visible("two\nlines\tand\u00a0more") == "two lines and more"
    assert visible("\u202ereversed\u2066") == r"\u202ereversed\u2066"
    assert visible("naïve 🐢 \ud800") == "naïve 🐢 \\ud800"


def test_it_writes_out_control_characters_wherever_they_stand() -> None:
    evil = "\x1b[31m"
    shown = plain(Reply(evil, (Row((evil,), (evil,)),), (evil,)))
    assert "\x1b" not in shown


def test_it_shortens() -> None:
    assert shortened("12345", 5) == "12345"
    assert shortened("123456", 5) == "1234…"
