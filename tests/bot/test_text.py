from typing import Any

import pytest

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
        {"type": "something new"},
    )
    assert clean(event, BOT) == "@U2#C1@S1@here:wave:http://x.io/atoday"


def test_it_undoes_what_keyboards_do() -> None:
    typed = "list traces operation=\u201cAdd Pets\u201d a=\u2018b\u2019 trace\u2014min=1s"
    assert normalise(typed) == "list traces operation=\"Add Pets\" a='b' trace-min=1s"


@pytest.mark.parametrize(
    "said", ["alerts", " alerts? ", "Please alerts", "alerts thanks!", ": alerts"]
)
def test_it_leaves_out_courtesies(said: str) -> None:
    assert normalise(said).lower() == "alerts"


@pytest.mark.parametrize("said", ['alerts name=~"a.?"', "alerts name=~a.?", "list traces a=please"])
def test_it_leaves_values_alone(said: str) -> None:
    assert normalise(said) == said


def test_it_returns_nothing_for_a_mention_alone() -> None:
    assert clean({"text": f"<@{BOT}>"}, BOT) == ""
    assert clean({}, BOT) == ""
