"""The blocks that Slack accepts, and what a reader sees of them."""

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any

Json = dict[str, Any]
MOST_BLOCKS = 50
_RICH = ("rich_text_section", "rich_text_preformatted", "rich_text_list", "rich_text_quote")
_CHOOSERS = (
    "static_select", "multi_static_select", "users_select", "multi_users_select",
    "conversations_select", "multi_conversations_select", "channels_select",
    "multi_channels_select", "external_select", "multi_external_select", "overflow", "datepicker",
    "timepicker", "datetimepicker", "checkboxes", "radio_buttons",
)  # fmt: skip
_FIELDS = ("plain_text_input", "email_text_input", "url_text_input", "number_input", "file_input",
           "rich_text_input")  # fmt: skip
_STYLES = (None, "primary", "danger")


def refused_blocks(blocks: list[Json], lacks: Collection[str] = ()) -> str:
    """Return Slack's error for blocks that it does not accept, "" for good ones.

    `lacks` are the kinds of blocks that the workspace does not have yet.
    """
    try:
        return _refused(blocks, lacks)
    except (AttributeError, KeyError, TypeError, ValueError):  # a part is of an unexpected kind
        return "invalid_blocks"


def _refused(blocks: list[Json], lacks: Collection[str]) -> str:
    if len(blocks) > MOST_BLOCKS or not all(map(_is_good, blocks)):
        return "invalid_blocks"
    if any(block["type"] in lacks for block in blocks):
        return "invalid_blocks"
    tables = [block for block in blocks if block["type"] == "table"]
    if len(tables) > 1:
        return "only_one_table_allowed"
    named = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(set(named)) < len(named):
        return "invalid_blocks"
    # These limits are between the sizes that Slack accepted and those that it refused.
    if sum(map(len, map(shown, blocks))) > 9_600 or len(json.dumps(blocks)) > 15_600:
        return "msg_blocks_too_long"
    return ""


def _is_good(block: object) -> bool:
    if not isinstance(block, dict) or len(str(block.get("block_id", ""))) > 255:
        return False
    check = _KINDS.get(str(block.get("type")))
    return check is not None and check(block)


def _is_text(text: object, most: int, *kinds: str) -> bool:
    """Return whether this is a text object of one of the kinds, of at most `most` characters."""
    return (
        isinstance(text, dict)
        and text.get("type") in kinds
        and isinstance(text.get("text"), str)
        and 0 < len(text["text"]) <= most
    )


def _is_plain(text: object, most: int) -> bool:
    return _is_text(text, most, "plain_text")


def _is_written(text: object, most: int) -> bool:
    return _is_text(text, most, "plain_text", "mrkdwn")


def _is_section(block: Json) -> bool:
    fields, accessory = block.get("fields"), block.get("accessory")
    return (
        ("text" in block or bool(fields))
        and ("text" not in block or _is_written(block["text"], 3_000))
        and (fields is None or 0 < len(fields) <= 10)
        and all(_is_written(field, 2_000) for field in fields or ())
        and (accessory is None or _is_element(accessory) or _is_image(accessory))
    )


def _is_header(block: Json) -> bool:
    return _is_plain(block.get("text"), 150)


def _is_context(block: Json) -> bool:
    elements = block.get("elements", ())
    return 0 < len(elements) <= 10 and all(
        _is_image(each) or _is_written(each, 2_000) for each in elements
    )


def _is_actions(block: Json) -> bool:
    elements = block.get("elements", ())
    named = [each.get("action_id") for each in elements if each.get("action_id")]
    return (
        0 < len(elements) <= 25
        and all(map(_is_element, elements))
        and len(set(named)) == len(named)
    )


def _is_element(element: Json) -> bool:
    """Return whether this is a good button, menu or picker."""
    if element.get("type") == "button":
        return _is_button(element)
    options = element.get("options", element.get("option_groups"))
    return (
        element.get("type") in _CHOOSERS
        and len(element.get("action_id", "")) <= 255
        and (options is None or 0 < len(options) <= 100)
        and (element.get("placeholder") is None or _is_plain(element["placeholder"], 150))
    )


def _is_input(block: Json) -> bool:
    element = block.get("element", {})
    kind = element.get("type")
    return _is_plain(block.get("label"), 2_000) and (kind in _FIELDS or _is_element(element))


def _is_button(element: Json) -> bool:
    confirm = element.get("confirm")
    return (
        element.get("type") == "button"
        and _is_plain(element.get("text"), 75)
        and len(element.get("value", "")) <= 2_000
        and len(element.get("action_id", "")) <= 255
        and len(element.get("url", "")) <= 3_000
        and element.get("style") in _STYLES
        and (confirm is None or _is_confirm(confirm))
    )


def _is_confirm(confirm: Json) -> bool:
    return (
        _is_plain(confirm.get("title"), 100)
        and _is_written(confirm.get("text"), 300)
        and _is_plain(confirm.get("confirm"), 30)
        and _is_plain(confirm.get("deny"), 30)
    )


def _is_image(element: Json) -> bool:
    return (
        element.get("type") == "image"
        and 0 < len(element.get("image_url", "")) <= 3_000
        and 0 < len(element.get("alt_text", "")) <= 2_000
    )


def _is_markdown(block: Json) -> bool:
    text = block.get("text")
    return isinstance(text, str) and 0 < len(text) <= 12_000


def _is_table(block: Json) -> bool:
    rows, columns = block.get("rows", ()), block.get("column_settings", ())
    return (
        0 < len(rows) <= 100
        and len(columns) <= 20
        and all(0 < len(row) <= 20 and all(map(_is_cell, row)) for row in rows)
        and sum(len(shown(cell)) for row in rows for cell in row) <= 10_000
    )


def _is_cell(cell: Json) -> bool:
    if cell.get("type") == "rich_text":
        return _is_rich_text(cell) and bool(shown(cell))
    return cell.get("type") == "raw_text" and bool(cell.get("text"))


def _is_rich_text(block: Json) -> bool:
    return bool(block.get("elements")) and all(map(_is_rich, block["elements"]))


def _is_rich(element: Json) -> bool:
    kind = element.get("type")
    if kind not in _RICH or not element.get("elements"):
        return False
    if kind == "rich_text_list":
        return all(
            inner.get("type") == "rich_text_section" and _is_rich(inner)
            for inner in element["elements"]
        )
    return all(
        _is_rich_part(inner, kind == "rich_text_preformatted") for inner in element["elements"]
    )


def _is_rich_part(part: Json, preformatted: bool) -> bool:
    match part.get("type"):
        case "text":
            return bool(part.get("text"))
        case "link":
            return str(part.get("url")).startswith("http")
        case "date":
            # Slack refuses anything else with "must provide an integer".
            return not preformatted and type(part.get("timestamp")) is int and "{" in part["format"]
        case kind:
            return not preformatted and kind in ("user", "channel", "emoji", "broadcast")


_KINDS: dict[str, Callable[[Json], bool]] = {
    "actions": _is_actions,
    "context": _is_context,
    "divider": lambda block: True,
    "header": _is_header,
    "image": _is_image,
    "input": _is_input,
    "markdown": _is_markdown,
    "rich_text": _is_rich_text,
    "section": _is_section,
    "table": _is_table,
}


def shown(block: Json) -> str:
    """Return the text of a block that a reader sees; a date is shown by its fallback."""
    if block.get("type") == "table":
        return "\n".join("  ".join(map(shown, row)) for row in block["rows"])
    if block.get("type") == "date":
        return str(block.get("fallback", block["format"]))
    if block.get("type") == "actions":
        return "  ".join(f"[{shown(each)}]" for each in block["elements"])
    if block.get("type") == "input":
        return shown(block["label"])
    if "elements" in block:
        between = "\n" if block["type"] in ("rich_text", "rich_text_list") else ""
        return between.join(map(shown, block["elements"]))
    text = block.get("text", "")
    written = str(text.get("text", "")) if isinstance(text, dict) else str(text)
    return "\n".join((*filter(None, [written]), *map(shown, block.get("fields") or ())))


def marked_up(block: Json) -> Iterable[str]:
    """Yield the texts of a block in which Slack looks for markup, so not its rich text."""
    if block.get("type") == "markdown":
        yield str(block["text"])
        return
    if block.get("type") == "mrkdwn":
        yield str(block["text"])
    for key in ("text", "confirm"):
        if isinstance(block.get(key), dict):
            yield from marked_up(block[key])
    for key in ("fields", "elements"):
        for inner in block.get(key) or ():
            yield from marked_up(inner)


def calls(block: Json) -> list[str]:
    """Return what the elements of a block notify: users, groups, everybody."""
    inner = [*(block.get("elements") or ()), *(c for row in block.get("rows", ()) for c in row)]
    own = [block["type"]] if block.get("type") in ("user", "usergroup", "broadcast") else []
    return own + [call for element in inner for call in calls(element)]
