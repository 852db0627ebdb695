"""Read tags that are said in words: `order id 123`, `user 42`, `error: connection refused`."""

import re
from collections.abc import Callable, Iterator

from ops.language.amounts import LESS, MORE
from ops.language.durations import UNITS
from ops.language.keys import trace_key
from ops.language.lines import FILLER as FILLER_WORDS
from ops.language.lines import NEGATIONS, Word, some
from ops.language.trace_words import FILLER, RESERVED
from ops.language.unread import Unread
from ops.vocabulary.quoting import in_quotes

_IDS = some("id ids number no nr")
_SAYING = some("saying says said containing contains mentioning mentions message msg text like")
_NOT_TAGS = some("trace traces span spans parent")  # whose IDs are no tags
_WITH_ID = some("request transaction session")  # which alone are no more than filler
_MEANS_MORE = RESERVED | FILLER_WORDS | MORE | LESS | NEGATIONS | _IDS | _NOT_TAGS | {"or"}
_KEY = re.compile(r"[a-z][\w-]*(?:\.[\w-]+)*", re.ASCII)
_KEY_OF_ID = re.compile(r"[a-z][\w.-]*[a-z][._-]id", re.ASCII)
_NUMBER = re.compile(r"#\d+|\d{2,}", re.ASCII)
_SPECIAL = re.compile(r"[][{}()*+?.\\^$|]")


def ids(unread: Unread) -> Iterator[tuple[str, str]]:
    """Read `order id 123`, `order id=123` and `order-id 123` as tags; takes the words."""
    for place in unread:
        word = unread.bare(place)
        if _names_an_id(word) and (value := _value(unread, place + 1)):
            unread.take(place, place + 1)
            yield word, value
        elif not (_names_a_thing(word) or word in _WITH_ID):
            continue
        elif unread.bare(place + 1) in _IDS and (value := _value(unread, place + 2)):
            unread.take(place, place + 1, place + 2)
            yield f"{word}.id", value
        elif place + 1 in unread and _is_an_id(unread.words[place + 1]):
            unread.take(place, place + 1)
            yield f"{word}.id", unread.words[place + 1].text


def numbers(unread: Unread, is_name: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Read `user 42` and `order #7` as tags, unless the first is a name; takes the words."""
    for place in unread:
        word, value, after = (unread.bare(place + more) for more in range(3))
        counts = after in FILLER or after in UNITS  # as in "20 traces" and "100 ms"
        if _NUMBER.fullmatch(value) and _names_a_thing(word) and not (counts or is_name(word)):
            unread.take(place, place + 1)
            yield f"{word}.id", value.lstrip("#")


def messages(unread: Unread, place: int) -> Iterator[str]:
    """Yield what is said of an error after the word for it at a place; takes the words.

    That is what follows `error:` or `errors saying`, and what nothing else took.
    """
    start = place + 1
    said = unread.raw(place).endswith(":")
    while unread.bare(start) in FILLER_WORDS | _SAYING:
        if unread.bare(start) in _SAYING:
            said = True
            unread.take(start)
        start += 1
    if not said:
        return
    part: list[int] = []
    for at in range(start, len(unread.words) + 1):
        if at in unread and not unread.words[at].operator and (part or not _is_filler(unread, at)):
            part.append(at)
            continue
        while part and _is_filler(unread, part[-1]):
            part.pop()
        if part:
            first, last = unread.words[part[0]], unread.words[part[-1]]
            alone = len(part) == 1
            yield first.text if alone else unread.line[first.start : last.end].strip('."')
            unread.take(*part)
        part = []


def saying(text: str) -> str:
    """Return the condition that a span says this of its error, in any case."""
    plain = _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
    return f"error=~{in_quotes(f'(?i).*{plain}.*')}"


def _names_an_id(word: str) -> bool:
    return bool(_KEY_OF_ID.fullmatch(word)) and not trace_key(word) and word not in FILLER_WORDS


def _names_a_thing(word: str) -> bool:
    return bool(_KEY.fullmatch(word)) and word not in _MEANS_MORE and not trace_key(word)


def _is_an_id(word: Word) -> bool:
    """Return whether a word is `id=123`, without anything that it is the ID of."""
    return word.key.casefold() in _IDS and word.operator in ("=", ":") and bool(word.text)


def _value(unread: Unread, place: int) -> str:
    """Return the word at a place if it may be the value of an ID, else ""."""
    if place not in unread or unread.words[place].operator:
        return ""
    word = unread.words[place]
    text = word.text if word.quoted else word.text.lstrip("#")
    return text if word.quoted or any(letter.isdigit() for letter in text) else ""


def _is_filler(unread: Unread, place: int) -> bool:
    word = unread.words[place]
    return word.is_filler or (not word.quoted and word.small in FILLER)
