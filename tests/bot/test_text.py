from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import clean, normalise

BOT = "U0OPSBOT1"
ID = "17b4f65b0d9f038e2a7bc5ea84309af2"
MENTION = {"type": "user", "user_id": BOT}


def rich(*elements: dict[str, Any], kind: str = "rich_text_section") -> dict[str, Any]:
    block = {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements)}]}
    return {"text": "what the blocks say is meant", "blocks": [block]}


def text(content: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": content, **({"style": style} if style else {})}


@pytest.mark.parametrize(
    "event",
    [
        rich(MENTION, text(f" show trace {ID}")),
        rich(MENTION, text(" show trace "), text(ID, code=True)),
        rich(MENTION, text(" show trace "), text(ID, bold=True), text(" please")),
        rich(text("hey "), MENTION, text(f", show trace {ID}, please!").copy()),
        rich(text(f"show trace {ID} "), MENTION),
        rich(MENTION, text("\nshow trace\n"), text(f"{ID}\n")),
        rich(MENTION, text("\u00a0show\u202ftrace "), text(f"\u200b{ID}\ufeff")),
        rich(MENTION, text(" show trace "), {"type": "link", "url": "http://x", "text": ID}),
        {"text": f"<@{BOT}> show trace {ID}"},
        {"text": f"<@{BOT}|opsportal> show trace `{ID}` please"},
        {"text": f"<@{BOT}> show trace <http://{ID}|{ID}>"},
        {"text": f"please show trace {ID}", "blocks": None},
        {"text": f"<@{BOT}> show trace {ID}", "blocks": [{"type": "section"}]},
        {"text": f"<@{BOT}> show trace {ID}", "blocks": [{"type": "rich_text", "elements": []}]},
        {"text": f"<@{BOT}> show trace {ID}", "blocks": {"type": "rich_text"}},
        rich(MENTION, text(" "), MENTION, text(f" show trace {ID}")),
        rich(text("FYI "), {"type": "user", "user_id": "U2"}, MENTION, text(f" show trace {ID}")),
        rich(text(f"show trace {ID} "), MENTION, text(" thanks!")),
        rich(text(f"please show trace {ID} "), MENTION, text(" ?")),
        rich(MENTION, text(f" Please show trace {ID}, thanks.")),
        rich(MENTION, text(" show trace\n"), text(ID, code=True)),
        {"text": f"<@{BOT}> &gt; show trace {ID}"},
        {"text": f"<@{BOT}>\n\u2022 show trace {ID}\n"},
        {"text": f"<@{BOT}> ```show trace {ID}```"},
        {"text": f"<@{BOT}> <@{BOT}> show trace {ID}"},
        {"text": f"<@{BOT}> show trace {ID} <@{BOT}>"},
        {"text": f"<@U2> can you ask <@{BOT}> show trace {ID}"},
        {"text": f"<@{BOT}> show trace <{ID}>"},
        {"text": f"<@{BOT}> show trace {ID}?"},
        rich(MENTION, text(f" show trace {ID} !")),
        {"text": f"<@{BOT}>\u00a0show trace\u00a0{ID}", "blocks": []},
        rich(MENTION, text(" show trace "), {"type": "link", "url": ID}),
        rich(MENTION, text(" show trace "), text(f"{ID} "), MENTION),
        rich(MENTION, text(" show trace "), text(ID, italic=True, strike=True, code=True)),
        rich(MENTION, text(f" - show trace {ID}")),
        rich(MENTION, text(f" show trace {ID} cc "), {"type": "user", "user_id": "U2"}),
        rich(MENTION, text(f" show trace {ID} "), {"type": "emoji", "name": "pray"}, text(" ")),
        {"text": f"<@{BOT}> show trace {ID} thanks :+1: fyi: <@U2>, <@U3>!"},
        {"text": f"show trace {ID} <@{BOT}> <@U2>"},
        {"text": f"<@{BOT}> show trace {ID}", "blocks": [{"type": "rich_text"}] * 2},
    ],
)
def test_it_finds_the_command_in_every_shape_of_message(event: dict[str, Any]) -> None:
    found = clean(event, BOT).replace(",", "")
    assert found == f"show trace {ID}"


def test_it_reads_a_code_block_below_the_mention() -> None:
    event = rich(MENTION)
    event["blocks"][0]["elements"].append(
        {"type": "rich_text_preformatted", "elements": [text("list traces error")]}
    )
    assert clean(event, BOT) == "list traces error"


def test_it_reads_capital_letters_as_they_are() -> None:
    """A tag's value may need capitals; the commands match in any case."""
    event = rich(MENTION, text(" LIST Traces operation=AddPets"))
    assert clean(event, BOT) == "LIST Traces operation=AddPets"


def test_it_reads_several_lines_as_one() -> None:
    event = rich(MENTION, text(" list traces\n"), text("  error\n\n"), text("last=15m"))
    assert clean(event, BOT).split() == ["list", "traces", "error", "last=15m"]


def test_it_reads_no_attachment() -> None:
    """A forwarded message is someone else's and must not become a command."""
    forwarded = {"text": "change sampling always", "fallback": "change sampling always"}
    assert clean({"text": f"<@{BOT}> ", "attachments": [forwarded]}, BOT) == ""
    event = {**rich(MENTION, text(" alerts")), "attachments": [forwarded]}
    assert clean(event, BOT) == "alerts"


@pytest.mark.parametrize("style", ["bullet", "ordered"])
def test_it_reads_lists_below_the_mention(style: str) -> None:
    section = {"type": "rich_text_section", "elements": [MENTION, text(" list traces")]}
    items = [
        {"type": "rich_text_section", "elements": [text(word)]} for word in ("error", "last=15m")
    ]
    listed = {"type": "rich_text_list", "style": style, "indent": 1, "elements": items}
    block = {"type": "rich_text", "elements": [section, listed]}
    assert clean({"blocks": [block]}, BOT) == "list traces error last=15m"


def test_it_reads_a_mention_within_a_list() -> None:
    item = {"type": "rich_text_section", "elements": [MENTION, text(" alerts")]}
    listed = {"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": [item]}]}
    assert clean({"blocks": [listed]}, BOT) == "alerts"


def test_it_reads_what_is_below_a_quote_of_somebody_else() -> None:
    quote = {"type": "rich_text_quote", "elements": [text("what runs there?")]}
    section = {"type": "rich_text_section", "elements": [MENTION, text(" version petstore")]}
    block = {"type": "rich_text", "elements": [quote, section]}
    assert clean({"blocks": [block]}, BOT) == "version petstore"


def test_it_reads_lists_and_quotes() -> None:
    item = {"type": "rich_text_section", "elements": [text("alerts")]}
    listed = {"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": [item]}]}
    assert clean({"blocks": [listed]}, BOT) == "alerts"
    assert clean(rich(text("alerts"), kind="rich_text_quote"), BOT) == "alerts"


def test_it_undoes_references_and_entities() -> None:
    marked_up = (
        f"<@{BOT}> a=<@U2> b=<#C1|ops> c=<#C2> d=<!here> e=<!subteam^S1|@oncall> "
        "f=<http://x.io/?a=1&amp;b=2> g=<mailto:a@b.c|a@b.c> h=&lt;!channel&gt; i=&amp;lt;"
    )
    assert clean({"text": marked_up}, BOT) == (
        "a=@U2 b=#ops c=#C2 d=@here e=@oncall f=http://x.io/?a=1&b=2 g=a@b.c h=<!channel> i=&lt;"
    )


def test_it_follows_links_whose_label_nobody_typed() -> None:
    """People copy the links in our own answers."""
    page = f"https://ops.example.com/traces/{ID}/"
    link = {"type": "link", "url": page, "text": "the trace"}
    assert clean(rich(MENTION, text(" show trace "), link), BOT) == f"show trace {page}"
    assert clean({"text": f"<@{BOT}> <{page}|the trace>"}, BOT) == page


def test_it_undoes_references_in_blocks() -> None:
    event = rich(
        MENTION,
        {"type": "user", "user_id": "U2"},
        {"type": "channel", "channel_id": "C1"},
        {"type": "usergroup", "usergroup_id": "S1"},
        {"type": "broadcast", "range": "here"},
        {"type": "emoji", "name": "wave"},
        {"type": "link", "url": "http://x.io/a"},
        {"type": "date", "timestamp": 1, "format": "{date}", "fallback": "today"},
        {"type": "color", "value": "#FF0000"},
        {"type": "something new"},
    )
    assert clean(event, BOT) == "@U2#C1@S1@here:wave:http://x.io/atoday#FF0000"


def test_it_undoes_what_keyboards_do() -> None:
    typed = "list traces operation=\u201cAdd Pets\u201d a=\u2018b\u2019 trace\u2014min=1s"
    assert normalise(typed) == "list traces operation=\"Add Pets\" a='b' trace-min=1s"


@pytest.mark.parametrize(
    "said",
    ["alerts", " alerts? ", "Please alerts", "alerts thanks!", "alerts, Thank you!", ": alerts"],
)
def test_it_leaves_out_courtesies(said: str) -> None:
    assert normalise(said).lower() == "alerts"


@pytest.mark.parametrize(
    "said",
    [
        'alerts name=~"a.?"', "alerts name=~a.?", "list traces a=please", "list traces a=:b: c",
        "help cc", "list traces a=14:00:00",
    ],
)  # fmt: skip
def test_it_leaves_values_alone(said: str) -> None:
    assert normalise(said) == said


@pytest.mark.parametrize("said", ["", " ", "?", " !!", "\u200b", "please"])
def test_it_returns_nothing_for_a_mention_alone(said: str) -> None:
    assert clean({"text": f"<@{BOT}>{said}"}, BOT) == ""
    assert clean(rich(MENTION, text(said)), BOT) == ""


def test_it_keeps_no_half_of_a_letter_even_in_quotes() -> None:
    assert normalise('list traces a="\ud800 b" \udfff') == 'list traces a="\ufffd b" \ufffd'


@pytest.mark.parametrize("said", ["Thanks!", "thank you", ":wave:"])
def test_it_keeps_what_deserves_an_answer(said: str) -> None:
    assert clean({"text": f"<@{BOT}> {said}"}, BOT) == said.rstrip("!")
    assert clean({"text": f"alerts <@{BOT}> {said}"}, BOT) == "alerts"


KEYS = st.sampled_from(
    (
        "type", "text", "blocks", "elements", "url", "user_id", "channel_id", "usergroup_id",
        "name", "range", "value", "style", "fallback", "attachments",
    )
)  # fmt: skip
KINDS = st.sampled_from(
    (
        "rich_text", "rich_text_section", "rich_text_list", "rich_text_quote",
        "rich_text_preformatted", "text", "link", "user", "channel", "usergroup", "broadcast",
        "emoji", "date", "color", "section", "table",
    )
)  # fmt: skip
LETTERS = st.text(st.characters(), max_size=20)  # halves of letters too
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | LETTERS | KINDS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(KEYS | LETTERS, below, max_size=4),
    max_leaves=25,
)
ELEMENTS = st.recursive(
    st.fixed_dictionaries({"type": KINDS | TREES}, optional={"text": TREES, "user_id": TREES}),
    lambda below: st.fixed_dictionaries(
        {"type": KINDS, "elements": st.lists(below | TREES, max_size=3)}
    ),
    max_leaves=10,
)
BLOCKS = st.lists(
    st.fixed_dictionaries({"type": st.just("rich_text"), "elements": st.lists(ELEMENTS)}) | TREES
)
EVENTS = st.fixed_dictionaries({"text": TREES, "blocks": BLOCKS | TREES})


def deep(levels: int) -> dict[str, Any]:
    block: dict[str, Any] = text("alerts")
    for _ in range(levels):
        block = {"type": "rich_text", "elements": [block]}
    return {"blocks": [block]}


@given(EVENTS | TREES)
def test_it_makes_one_line_of_any_json(event: Any) -> None:
    line = clean(event, BOT)
    assert line == line.strip()
    assert not set("\t\n\r\u00a0\u2028").intersection(line)
    line.encode()


def test_it_reads_as_deep_as_slack_nests() -> None:
    assert clean(deep(4), BOT) == "alerts"
    assert clean(deep(10_000), BOT) == ""


def test_it_undoes_slacks_entities_only() -> None:
    endless = f"&#{'9' * 5_000};"
    assert clean({"text": f"&lt;{endless}&quot;"}, BOT) == f"<{endless}&quot;"


@pytest.mark.parametrize(
    "quoted",
    [
        '"en \u2013 dash, \u201ccurly\u201d"', '"two\nlines"', '"\u202eright to left"', '"ends. "',
        '"\U0001f469\u200d\U0001f467"', r'"say \"so\" \\"', '"please"', '"\ue0027\ue003"', '""',
    ],
)  # fmt: skip
def test_it_keeps_what_stands_in_straight_quotes(quoted: str) -> None:
    line = f"list  traces a={quoted} b={quoted} \u2013 please"
    assert normalise(line) == f"list  traces a={quoted} b={quoted} -"


def test_a_mention_in_quotes_is_what_was_typed() -> None:
    event = rich(MENTION, text(' list traces by="'), {"type": "user", "user_id": "U2"}, text('"'))
    assert clean(event, BOT) == 'list traces by="@U2"'


@pytest.mark.parametrize("rest", ['"x', '"\\', '"a" "b', '"\\' * 1_900, '"' * 3_001])
def test_it_takes_quotes_that_are_not_closed_as_text(rest: str) -> None:
    assert normalise(f"list traces {rest}") == f"list traces {rest}"
