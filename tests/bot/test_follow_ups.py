"""What a short text points at or adds, given what was said before; nothing is looked up."""

import pytest

from bot.follow_ups import (
    MOST_ITEMS,
    About,
    about,
    addition,
    called,
    loads,
    may_follow,
    merged,
    opens_one,
    pointed_at,
    said_whole,
    with_shown_id,
)
from bot.replies import FollowUp, Reply

ONE, TWO, THREE = (f"{digit * 32}" for digit in "123")
LISTED = About(
    "list traces petstore last=1h",
    (f"show trace {ONE}", f"show trace {TWO} site=shop", f"show trace {THREE}"),
    (("Open the first", f"show trace {ONE}"), ("Older", "list traces petstore before=9/1")),
)
SHOWN = About(
    f"show trace {ONE} site=shop",
    steps=(
        ("Logs", f"show logs {ONE} site=shop"),
        ("Compare with usual", f"compare {ONE} site=shop"),
    ),
)
CHANGED = About(
    "change sampling petstore 20% for=1h",
    steps=(("15 minutes more", "extend sampling petstore"), ("Cancel", "cancel 3f9a")),
)
FIRING = About("alerts", ("show alert aa", 'alerts alertname="Slow"'), (("Versions", "version"),))


@pytest.mark.parametrize(
    ("text", "before", "line"),
    [
        ("the second one", LISTED, f"show trace {TWO} site=shop"),
        ("open the first", LISTED, f"show trace {ONE}"),
        ("and the 3rd?", LISTED, f"show trace {THREE}"),
        ("show me #2 please", LISTED, f"show trace {TWO} site=shop"),
        ("2", LISTED, f"show trace {TWO} site=shop"),
        ("the last one", LISTED, f"show trace {THREE}"),
        ("latest", LISTED, f"show trace {ONE}"),
        ("logs of the second", LISTED, f"show logs {TWO} site=shop"),
        ("show me its logs", SHOWN, f"show logs {ONE} site=shop"),
        ("logs?", SHOWN, f"show logs {ONE} site=shop"),
        ("logs", About("list traces", (f"show trace {ONE}",)), f"show logs {ONE}"),
        ("compare the first and the third", LISTED, f"compare {ONE} {THREE}"),
        ("compare the first with usual", LISTED, f"compare {ONE}"),
        ("compare it", SHOWN, f"compare {ONE} site=shop"),
        ("compare with usual", SHOWN, f"compare {ONE} site=shop"),
        ("next", LISTED, "list traces petstore before=9/1"),
        ("show me more", LISTED, "list traces petstore before=9/1"),
        ("Older", LISTED, "list traces petstore before=9/1"),
        ("again", LISTED, LISTED.line),
        ("Versions", FIRING, "version"),
        ("the second", FIRING, 'alerts alertname="Slow"'),
        ("15 more minutes", CHANGED, "extend sampling petstore"),
        ("cancel it", CHANGED, "cancel 3f9a"),
    ],
)
def test_it_finds_the_line_that_a_text_points_at(text: str, before: About, line: str) -> None:
    assert pointed_at(text, before) == line


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("the fourth one", LISTED),
        ("the 99th", LISTED),
        ("its logs", LISTED),  # of which of three?
        ("next", SHOWN),
        ("next week", LISTED),
        ("the second deploy", LISTED),
        ("last 6h", LISTED),
        ("first, restart it", LISTED),
        ("compare the second", FIRING),
        ("logs of the first", FIRING),
        ("", LISTED),
        ("?", LISTED),
        ("and", LISTED),
        ("\U0001f600", LISTED),
    ],
)
def test_it_points_at_nothing_else(text: str, before: About) -> None:
    assert pointed_at(text, before) == ""


@pytest.mark.parametrize(
    ("before", "it"),
    [
        (SHOWN, ONE),
        (About("show alert SlowRequests"), "SlowRequests"),
        (About('ack "Disk full" for=1h'), '"Disk full"'),
        (About("alert 3f9a", steps=(("What changed", "what changed before Slow"),)), "Slow"),
        (About("alerts", steps=(("I have it", "ack Slow"),)), "Slow"),
        (About("alerts", steps=(("I have Slow", "ack Slow"),)), ""),  # there are others
        (About("incident 3"), "incident 3"),
        (About("incident start x", steps=(("Close incident", "incident close 4"),)), "incident 4"),
        (About("incidents", steps=(("a", "incident 4"), ("b", "incident 5"))), ""),
        (About("silence x", steps=(("End it", f"end silence {ONE[:32]}abcd"),)), f"{ONE[:32]}abcd"),
        (LISTED, ""),
    ],
)
def test_it_knows_what_it_is_after_an_answer(before: About, it: str) -> None:
    assert called(before) == it


def test_it_puts_what_was_shown_in_the_place_of_it() -> None:
    assert said_whole("mute it till 6", "Slow") == "mute Slow till 6"
    assert said_whole("is this one still firing?", "Slow") == "is Slow still firing?"
    assert said_whole("it's slow", "Slow") == ""
    assert said_whole("any errors", "Slow") == ""


def test_a_part_of_an_id_is_that_of_the_trace_that_was_shown() -> None:
    assert with_shown_id("logs 222222…", LISTED) == f"logs {TWO}"
    assert with_shown_id("22222222", None) == "22222222"
    assert with_shown_id("logs 4444…", LISTED) == "logs 4444…"


@pytest.mark.parametrize(
    ("line", "added", "whole"),
    [
        ("service=petstore last=1h", "error", "service=petstore last=1h error"),
        ("service=petstore last=1h", "last=6h", "service=petstore last=6h"),
        ("last=1h limit=5", "from=now-2h to=now-1h", "limit=5 from=now-2h to=now-1h"),
        ("from=now-2h to=now-1h error", "last=1h", "error last=1h"),
        ("service=petstore error", "service=store", "error service=store"),
        ("error", "error=false", "error=false"),
        ("error", "error", "error"),
        ("a>=1 a<5", "a>=2", "a<5 a>=2"),
        ('a="x y" before=9/1', 'b="x  last=1h"', 'a="x y" b="x  last=1h"'),
        ("", "error", "error"),
    ],
)
def test_it_puts_what_is_added_into_the_line(line: str, added: str, whole: str) -> None:
    assert merged(line, added, replaces_words=True) == whole


def test_bare_words_are_replaced_or_added() -> None:
    assert merged("petstore site=shop", "store", replaces_words=True) == "site=shop store"
    assert merged("petstore", "critical", replaces_words=False) == "petstore critical"
    assert merged("petstore", "last=1h", replaces_words=True) == "petstore last=1h"


@pytest.mark.parametrize(
    ("text", "added", "lead"),
    [
        ("and with errors?", "errors", "and"),
        ("what about store", "store", "what"),
        ("last 6h", "last 6h", ""),
        ("and now?", "", "and"),
        ("", "", ""),
    ],
)
def test_it_separates_what_is_added_from_what_says_so(text: str, added: str, lead: str) -> None:
    assert addition(text) == (added, lead)


def test_it_remembers_the_line_the_items_and_the_buttons_of_a_good_reply() -> None:
    reply = Reply(
        "3 traces",
        follow_ups=(FollowUp("Older", "list traces before=9/1"), FollowUp("Long", "a" * 2_000)),
        line="list traces",
        items=tuple(f"show trace {number}" for number in range(100)),
    )
    found = about(reply)
    assert found is not None
    assert (found.line, found.steps) == ("list traces", (("Older", "list traces before=9/1"),))
    assert len(found.items) == MOST_ITEMS
    assert loads(found.dumps()) == found
    assert about(Reply("Not found", failed=True, line="show trace 1")) is None
    assert about(Reply("Hello")) is None


@pytest.mark.parametrize("text", ["", "no json", "{}", "[]", '{"line": 1, "items": 2, "steps": 3}'])
def test_it_ignores_what_another_release_wrote(text: str) -> None:
    assert loads(text) is None


@pytest.mark.parametrize(
    ("text", "opens"),
    [
        ("and with errors?", True), ("the second one", True), ("#2", True), ("last 6h", True),
        ("its logs", True), ("next", True), ("thanks!", False), ("yes", False), ("", False),
        ("I am restarting it", False), ("and " * 9, False),
    ],
)  # fmt: skip
def test_it_hears_what_may_be_a_follow_up_among_peoples_talk(text: str, opens: bool) -> None:
    assert opens_one(text) == opens
    assert not opens or may_follow(text)
