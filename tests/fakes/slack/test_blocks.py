"""The fake accepts and refuses the blocks that Slack's documentation says."""

import pytest

from tests.fakes.slack.blocks import Json, refused_blocks


def text(length: int, kind: str = "plain_text") -> Json:
    return {"type": kind, "text": "x" * length}


def button(**differently: object) -> Json:
    return {"type": "button", "text": text(75), "value": "v" * 2_000, **differently}


def table(rows: int, cells: int, length: int = 1) -> Json:
    cell = {"type": "raw_text", "text": "x" * length}
    return {"type": "table", "rows": [[cell] * cells] * rows}


def rich(*parts: Json, kind: str = "rich_text_section") -> Json:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(parts)}]}


DATE = {"type": "date", "timestamp": 1, "format": "{time}", "fallback": "1970"}
DIVIDER = {"type": "divider"}


@pytest.mark.parametrize(
    "blocks",
    [
        [DIVIDER] * 50,
        [{"type": "section", "text": text(3_000, "mrkdwn")}],
        [{"type": "section", "fields": [text(800)] * 10}],
        [{"type": "header", "text": text(150)}],
        [{"type": "context", "elements": [text(9, "mrkdwn")] * 10}],
        [{"type": "actions", "elements": [button(value="v")] * 25}],
        [table(100, 3)],
        [table(2, 20)],
        [rich(DATE)],
    ],
)
def test_it_takes_what_is_at_a_limit(blocks: list[Json]) -> None:
    assert refused_blocks(blocks) == ""


@pytest.mark.parametrize(
    "block",
    [
        {"type": "unknown"},
        {"type": "section"},
        {"type": "section", "text": text(3_001, "mrkdwn")},
        {"type": "section", "fields": [text(1)] * 11},
        {"type": "section", "fields": [text(2_001)]},
        {"type": "header", "text": text(151)},
        {"type": "header", "text": text(1, "mrkdwn")},
        {"type": "context", "elements": [text(9)] * 11},
        {"type": "actions", "elements": [button()] * 26},
        {"type": "actions", "elements": [button(text=text(76))]},
        {"type": "actions", "elements": [button(value="v" * 2_001)]},
        {"type": "actions", "elements": [button(action_id="a" * 256)]},
        {"type": "actions", "elements": [button(style="green")]},
        {"type": "divider", "block_id": "b" * 256},
        table(101, 1),
        table(1, 21),
        table(1, 1, 0),
        table(2, 1, 5_001),
        rich(),
        rich({"type": "text", "text": ""}),
        rich({**DATE, "timestamp": "1"}),
        rich(DATE, kind="rich_text_preformatted"),
    ],
)
def test_it_refuses_what_is_beyond_a_limit(block: Json) -> None:
    assert refused_blocks([block]) == "invalid_blocks"


def test_it_refuses_too_much_together() -> None:
    assert refused_blocks([DIVIDER] * 51) == "invalid_blocks"
    assert refused_blocks([table(1, 1)] * 2) == "only_one_table_allowed"
    section = {"type": "section", "text": text(2_500)}
    assert refused_blocks([section] * 4) == "msg_blocks_too_long"
    assert refused_blocks([{"type": "divider", "block_id": "b"}] * 2) == "invalid_blocks"
