"""A tag, or a condition on one, as a word of a filter line: `key=value`, `key>=500`, `error`."""

import re
from itertools import pairwise
from typing import TypeAlias

from ops import limits
from ops.errors import InvalidInput
from ops.vocabulary.conditions import Condition
from ops.vocabulary.quoting import QUOTED, in_quotes, quote, unquote
from ops.vocabulary.slips import slip_of
from ops.vocabulary.tags import ERROR, FALSE, KIND, STATUS, TRUE

# What a search for traces has of its own; any other key is a tag's.
KEYS = (
    "site", "service", "operation", "min", "max", "trace-min", "trace-max",
    "last", "from", "to", "start", "end", "before", "limit", "tags",
)  # fmt: skip

Tag: TypeAlias = tuple[str, str]  # key and value

OPERATOR = r"!=|!~|=~|=|>=|<=|>|<"
_ALL_CLOSED = re.compile(rf'(?:{QUOTED}|[^"]+)*+', re.DOTALL)
_QUOTED_OR_COMMA = re.compile(rf"{QUOTED}|,", re.DOTALL)
_EXACT = re.compile(rf"({QUOTED})\s*(=|$)", re.DOTALL)
_ITEM = re.compile(
    rf"\s*({QUOTED}\s*(?={OPERATOR}|$)|(?:(?!{OPERATOR}).)*+)({OPERATOR})?(.*)", re.DOTALL
)
_MAY_BE_OPERATOR = re.compile("[!<>]")


def parse_tag(text: str) -> Tag | Condition:
    """Read `key=value`, a condition, or a bare key, which means key=true (`error`: error=true).

    Quotes, and spaces around a key or value, are not part of it; see `exact_tag`.
    """
    key, operator, value = _ITEM.fullmatch(text).groups()  # type: ignore[union-attr]
    key, value = unquote(key.strip()), unquote(value.strip())
    return tag_of(_with_key(text, key), operator or "=", value if operator else "true")


def exact_tag(text: str) -> Tag:
    """Read `key=value` as programs write it: nothing is trimmed, and the value is taken as is.

    A bare key means key=true. A key that contains an equals sign, or starts with a quote, must
    be in double quotes as in a filter line.
    """
    if quoted := _EXACT.match(text):
        key, equals, value = unquote(quoted[1]), quoted[2], text[quoted.end() :]
    else:
        key, equals, value = text.partition("=")
    return _with_key(text, key), value if equals else "true"


def _with_key(text: str, key: str) -> str:
    if not key:
        raise InvalidInput(f'"{text[:80]}" is not a tag: write key=value, or key for key=true')
    return key


def tag_of(key: str, operator: str, value: str) -> Tag | Condition:
    """Return a tag if a store can test it; `error` is a yes or no there, and a text here."""
    yes_or_no = key == ERROR and value.lower() in (*TRUE, *FALSE)
    if operator == "=" and (yes_or_no or key != ERROR):
        return key, value
    if operator == "!=" and yes_or_no:
        return key, "false" if value.lower() in TRUE else "true"
    # Jaeger ignores the case of these.
    return Condition(key, operator, value.lower() if key in (KIND, STATUS) else value)


def key_of(word: str) -> str:
    """Return the key of a tag; a bare key that looks like a typo of one of KEYS is refused."""
    if word.startswith('"'):
        return unquote(word)
    if key := slip_of(word, KEYS):
        raise InvalidInput(
            f'unknown key "{word}"; did you mean "{key}"? (to search for such a tag: "{word}"=…)'
        )
    return word


def tags_of(text: str) -> list[Tag | Condition]:
    """Read the older form of a list, `a,b=c`."""
    if text.startswith("["):
        raise InvalidInput(f'"tags={text[:80]}" is incomplete: write tags=[a,b=c]')
    items = _tag_items(text)
    limits.check_words(len(items))
    return [parse_tag(item) for item in items if item.strip()]


def _tag_items(text: str) -> list[str]:
    """Split at the commas outside of quotes.

    A quote that is never closed is an ordinary character, and so is everything after it. All
    closed quotes are found in one pass: trying each one takes quadratic time.
    """
    closed = match.end() if (match := _ALL_CLOSED.match(text)) else 0
    found = _QUOTED_OR_COMMA.finditer(text, 0, closed)
    commas = [each.start() for each in found if each[0] == ","]
    commas += [at for at in range(closed, len(text)) if text[at] == ","]
    return [text[start + 1 : end] for start, end in pairwise((-1, *commas, len(text)))]


def format_tag(key: str, value: str) -> str:
    """Write a tag as a word of a line."""
    return ERROR if (key, value) == (ERROR, "true") else f"{_format_key(key)}={format_value(value)}"


def format_condition(each: Condition) -> str:
    """Write a condition as a word of a line."""
    key = _format_key(each.key) if each.is_tag else each.key
    value = format_value(each.value) if each.operator == "=" else quote(each.value)
    return f"{key}{each.operator}{value}"


def _format_key(key: str) -> str:
    ambiguous = slip_of(key, KEYS) or _MAY_BE_OPERATOR.search(key)
    return in_quotes(key) if ambiguous else quote(key)


def format_value(text: str) -> str:
    """Write what follows an equals sign, which a tilde would make another operator."""
    return in_quotes(text) if text.startswith("~") else quote(text)
