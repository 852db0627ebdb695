"""Which blocks Slack takes, and what a reader sees of them."""

import json
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]
_KINDS = (
    "section", "header", "divider", "context", "actions", "image", "rich_text", "markdown", "table",
)  # fmt: skip
_RICH = ("rich_text_section", "rich_text_preformatted", "rich_text_list", "rich_text_quote")


def refused_blocks(blocks: list[Json]) -> str:
    """Return Slack's error for blocks that it does not take, "" for good ones."""
    if len(blocks) > 50 or any(block.get("type") not in _KINDS for block in blocks):
        return "invalid_blocks"
    if not all(_is_good(block) for block in blocks):
        return "invalid_blocks"
    length = sum(len(shown(block)) for block in blocks)
    # Somewhere between what was seen to pass and what was seen to be refused.
    if length > 9_600 or len(json.dumps(blocks)) > 15_600:
        return "msg_blocks_too_long"
    return ""


def _is_good(block: Json) -> bool:
    match block["type"]:
        case "section":
            return 0 < len(block.get("text", {}).get("text", "")) <= 3_000
        case "header":
            return 0 < len(block.get("text", {}).get("text", "")) <= 150
        case "context":
            return 0 < len(block.get("elements", ())) <= 10
        case "rich_text":
            return bool(block["elements"]) and all(map(_is_good_rich, block["elements"]))
        case _:
            return True


def _is_good_rich(element: Json) -> bool:
    if element.get("type") not in _RICH or not element.get("elements"):
        return False
    for inner in element["elements"]:
        if inner.get("type") == "text" and not inner.get("text"):
            return False
        if inner.get("type") == "link" and not str(inner.get("url")).startswith("http"):
            return False
        if element["type"] == "rich_text_preformatted" and inner.get("type") not in (
            "text",
            "link",
        ):
            return False
    return True


def shown(block: Json) -> str:
    """The characters of a block that a reader sees."""
    if "elements" in block:
        between = "\n" if block["type"] in ("rich_text", "rich_text_list") else ""
        return between.join(map(shown, block["elements"]))
    text = block.get("text", "")
    return str(text.get("text", "")) if isinstance(text, dict) else str(text)


def marked_up(block: Json) -> Iterable[str]:
    """The texts of a block in which Slack looks for markup; rich text is not among them."""
    text = block.get("text")
    if isinstance(text, dict) and text.get("type") == "mrkdwn":
        yield str(text["text"])
    if block.get("type") == "markdown":
        yield str(text)
    if block.get("type") == "context":
        for element in block["elements"]:
            yield from marked_up({"text": element})
