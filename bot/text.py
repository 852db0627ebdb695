"""Recover what a user typed from what Slack and keyboards make of it.

Slack sends a message twice: as `text` with entities, links and mentions in angle brackets, and,
if a person typed it in Slack, as rich text blocks, in which nothing needs undoing. Keyboards
replace quotes and dashes by typographic ones, which no command uses. Text between straight
double quotes is left alone, because it may be a value to search for.
Anything that is not text counts as empty: nothing that Slack may send raises an error here.
"""

import re
from collections.abc import Mapping

from ops.language.lines import TYPOGRAPHY
from ops.limits import LONGEST_TEXT, MOST_WORDS

_KEYBOARD = str.maketrans(
    {
        **TYPOGRAPHY,
        **dict.fromkeys("\u2014\u2015", "-"),
        **dict.fromkeys("\u00a0\u1680\u202f\u205f\u3000", " "),
        **dict.fromkeys(map(chr, range(0x2000, 0x200B)), " "),
    }
)
_ANGLE = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_HALVES = re.compile("[\ud800-\udfff]")  # of a letter, which no program can write
_MENTION = re.compile("\ue000([^\ue000\ue001]*)\ue001")
# One that is not closed is taken at once: none after it would be either, and to try each would
# take time quadratic in the text.
QUOTES = r'"(?:[^"\\]|\\.)*+(?P<closed>")?'
_QUOTES = re.compile(QUOTES, re.DOTALL)
_KEPT = re.compile("\ue002([0-9]+)\ue003")
_VALUE = frozenset("=\"'\ue003")  # marks of a value, whose full stop or question mark may matter
_BULLETS = "\N{BULLET}\N{WHITE BULLET}\N{BLACK SMALL SQUARE}"
MARK = rf"[^\S\n]*(?:[-*{_BULLETS}]|[0-9]{{1,2}}[.)])[^\S\n]+"  # of an item of a list
_MARKS = re.compile(rf"(?:^|\n){MARK}")
_BEFORE = f",:>`-* {_BULLETS}"
_THANKS = ("thanks", "thank you", "thx")
_COURTESIES = ("please", "pls", "plz", *_THANKS)
_TO_OTHERS = ("cc", "fyi")
_EMOJI = re.compile(r":[\w+'-]+:")
_MOST_QUOTES = 4 * MOST_WORDS  # a line with more has too many words to be read
_DEEPEST = 16  # Slack nests four deep


def clean(event: object, bot: str) -> str:
    """Return the command in a Slack message event as one line; see `typed`."""
    return normalise(typed(event, bot))


def typed(event: object, bot: str) -> str:
    """Return the lines of the command in a Slack message event; `bot` is the bot's own user ID.

    The command is the text after the bot's mention, or before it if nothing follows; without a
    mention (in a direct message), it is the whole text. Attachments are never read, because
    they contain other people's words.
    """
    message = event if isinstance(event, Mapping) else {}
    blocks = [block for block in _children(message, "blocks") if block.get("type") == "rich_text"]
    text = "\n".join(filter(None, map(_rich, blocks))) or _marked_up(_string(message, "text"))
    before, mention, behind = text.partition(_mention(bot))
    after = behind.replace(_mention(bot), " ")
    if max(len(after), len(before)) > LONGEST_TEXT:  # it will be refused, unread
        return after if after.strip() else before
    return after if mention and (_command(after) or not _command(before)) else before


def normalise(text: str) -> str:
    """Return one trimmed line with plain quotes, dashes and spaces and without courtesies.

    Text in straight double quotes is kept unchanged, even if it has several lines. Thanks or an
    emoji alone are kept, too.
    """
    return _command(text) or _polite(text)


def _polite(text: str) -> str:
    """Return what is no command but deserves an answer: thanks, or an emoji; else ""."""
    said = text.translate(_KEYBOARD).strip(" ,.!?")
    return said if _EMOJI.fullmatch(said) or said.lower() in _THANKS else ""


def _command(given: str) -> str:
    text = _HALVES.sub("\ufffd", given)
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        if not found["closed"]:
            return found[0]
        kept.append(_MENTION.sub(r"@\1", found[0]))
        return f"\ue002{len(kept) - 1}\ue003"

    if text.count('"') > _MOST_QUOTES:
        return _plain(text)
    line = _plain(_QUOTES.sub(keep, text))
    return _KEPT.sub(lambda found: "".join(kept[int(found[1]) : int(found[1]) + 1]), line)


def _plain(text: str) -> str:
    line = _without_asides(_MARKS.sub("\n", text).translate(_KEYBOARD))
    line = _MENTION.sub(r"@\1", line).lstrip(_BEFORE).rstrip(" `")
    first, _, rest = line.partition(" ")
    if first.lower() in _COURTESIES:
        line = rest.strip()
    words = line.rstrip(" .!?").split(" ")
    for number in (1, 2):
        if " ".join(words[-number:]).lower() in _COURTESIES:
            line = " ".join(words[:-number]).rstrip(" ,")
    rest, space, last = line.rpartition(" ")
    if not _VALUE.intersection(last):
        line = f"{rest}{space}{last.rstrip('.!?')}".rstrip()
    return line


def _without_asides(line: str) -> str:
    """Drop what is not for the bot at the end: emoji, mentions, and a `cc` before them."""
    words, mentions = line.split(" "), False
    while words:
        word = words[-1].strip(",.!?")
        mentions = mentions or bool(_MENTION.fullmatch(word))
        to_others = mentions and word.lower().rstrip(":") in _TO_OTHERS
        if word and not (_MENTION.fullmatch(word) or _EMOJI.fullmatch(word) or to_others):
            return " ".join(words)
        words.pop()
    return ""


def _mention(user: str) -> str:
    """Return the internal form of a user's mention, in characters that no keyboard types."""
    return f"\ue000{user}\ue001"


def _marked_up(text: str) -> str:
    """Undo Slack's markup; entities come last, so that an escaped bracket stays a bracket."""
    undone = _ANGLE.sub(lambda match: _reference(match[1], match[2]), text.replace("`", ""))
    return undone.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _reference(target: str, label: str | None) -> str:
    if target.startswith("@"):
        return _mention(target[1:])
    if target.startswith("#"):
        return f"#{(label or target[1:]).lstrip('#')}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    return _link(target, label or "")


def _link(address: str, label: str) -> str:
    """Return what was typed: the label, unless it has several words, as a pasted link may have."""
    typed = label if len(label.split()) == 1 else ""
    return typed or address.removeprefix("mailto:") or label


def _rich(element: Mapping[str, object], depth: int = 0) -> str:
    """Return the text of a rich text block or of any element in it."""
    match element.get("type"):
        case "text":
            return _string(element, "text")
        case "link":
            return _link(_string(element, "url"), _string(element, "text"))
        case "user":
            return _mention(_string(element, "user_id"))
        case "channel":
            return f"#{_string(element, 'channel_id')}"
        case "usergroup":
            return f"@{_string(element, 'usergroup_id')}"
        case "broadcast":
            return f"@{_string(element, 'range')}"
        case "emoji":
            return f":{_string(element, 'name')}:"
        case "color":
            return _string(element, "value")
        case "date":
            return _string(element, "fallback")
    listed = element.get("type") == "rich_text_list"
    between = "\n" if listed or element.get("type") == "rich_text" else ""
    below = _children(element, "elements") if depth < _DEEPEST else []
    mark = "\N{BULLET} " if listed else ""
    return between.join(f"{mark}{_rich(child, depth + 1)}" for child in below)


def _string(element: Mapping[str, object], *keys: str) -> str:
    """Return the first text found under these keys, or ""."""
    texts = (element.get(key) for key in keys)
    return next((text for text in texts if isinstance(text, str) and text), "")


def _children(element: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    found = element.get(key)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
