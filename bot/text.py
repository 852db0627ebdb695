"""What somebody typed, out of what Slack and keyboards make of it.

Slack sends a message twice: as `text` with entities, links and mentions in angle brackets,
and, when a person typed it there, as rich text blocks, where nothing needs undoing. Keyboards
turn quotes and dashes into typographic ones, which no command means.
"""

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

_KEYBOARD = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\t\n\v\f\r\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000", " "),
        **dict.fromkeys(map(chr, range(0x2000, 0x200B)), " "),
        **dict.fromkeys("\u00ad\u061c\u180e\u200b\u200c\u200d\u2060\ufeff", None),
        **dict.fromkeys(map(chr, (*range(0x200E, 0x2010), *range(0x202A, 0x202F))), None),
        **dict.fromkeys(map(chr, range(0x2066, 0x206A)), None),
    }
)
_ANGLE = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_MENTION = re.compile("\ue000([^\ue000\ue001]*)\ue001")
_ONLY_WORDS = re.compile(r"([A-Za-z ]+)[.!?]+")
_COURTESIES = ("please", "pls", "plz", "thanks")


def clean(event: Mapping[str, Any], bot: str) -> str:
    """Return the command in a Slack message event, where `bot` is the bot's own user id.

    What stands behind the bot's mention is the command; when nothing does, what stands
    before it; without a mention (a direct message) all of it.
    """
    blocks = event.get("blocks") or []
    rich = [block for block in blocks if block.get("type") == "rich_text"]
    text = "\n".join(map(_rich, rich)) if rich else _marked_up(str(event.get("text") or ""))
    before, mention, behind = text.partition(_mention(bot))
    command = normalise(behind.replace(_mention(bot), " "))
    return command if mention and command else normalise(before)


def normalise(text: str) -> str:
    """Return one trimmed line with plain quotes, dashes and spaces and without courtesies."""
    line = _MENTION.sub(r"@\1", text.translate(_KEYBOARD)).strip().lstrip(",: ")
    first, _, rest = line.partition(" ")
    if first.lower() in _COURTESIES:
        line = rest.strip()
    rest, _, last = line.rstrip(" .!?").rpartition(" ")
    if last.lower() in _COURTESIES:
        line = rest.strip()
    only_words = _ONLY_WORDS.fullmatch(line)
    return only_words[1].strip() if only_words else line


def _mention(user: str) -> str:
    """A user's mention while the text is taken apart, in characters that no keyboard types."""
    return f"\ue000{user}\ue001"


def _marked_up(text: str) -> str:
    """Undo Slack's markup; entities last, so that an escaped bracket stays a bracket."""
    undone = _ANGLE.sub(lambda match: _reference(match[1], match[2]), text)
    return html.unescape(undone.replace("`", ""))


def _reference(target: str, label: str | None) -> str:
    if target.startswith("@"):
        return _mention(target[1:])
    if target.startswith("#"):
        return f"#{(label or target[1:]).lstrip('#')}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    return label or target.removeprefix("mailto:")


def _rich(element: Mapping[str, Any]) -> str:
    """The text of a rich text block or of any element in it."""
    match element.get("type"):
        case "text":
            return str(element.get("text", ""))
        case "link":
            return str(element.get("text") or element.get("url", "")).removeprefix("mailto:")
        case "user":
            return _mention(str(element.get("user_id", "")))
        case "channel":
            return f"#{element.get('channel_id', '')}"
        case "usergroup":
            return f"@{element.get('usergroup_id', '')}"
        case "broadcast":
            return f"@{element.get('range', '')}"
        case "emoji":
            return f":{element.get('name', '')}:"
        case "rich_text" | "rich_text_list":
            return "\n".join(map(_rich, _children(element)))
        case _:
            return str(element.get("fallback") or "") or "".join(map(_rich, _children(element)))


def _children(element: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return [child for child in element.get("elements") or [] if isinstance(child, Mapping)]
