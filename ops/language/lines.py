r"""The words of a line that a person typed, as every reader in this layer takes them.

    show me "GET /pets" for petstore, status = error --last 1h

`normal` makes one plain line of a text: full-width letters, typographic quotes and dashes and odd
spaces become ordinary ones. `words` splits it. What stands in quotes stays exactly as it is.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ops import limits
from ops.vocabulary.quoting import QUOTED, in_quotes, unquote

OPERATORS = ("==", "=~", "!=", "!~", ">=", "<=", "<>", "=", ">", "<", ":")

# Each opening quote, and what it quotes; nothing is escaped in any but the straight one.
_QUOTES = {
    mark: re.compile(quoted, re.DOTALL)
    for marks, quoted in (
        ('"', QUOTED),
        ("\uff02", "\uff02[^\uff02]*\uff02"),
        ("\u201c\u201d\u201e\u201f", '.[^\u201c\u201d\u201f"]*[\u201c\u201d\u201f"]'),
        ("\u00ab", "\u00ab[^\u00bb]*\u00bb"),
        ("'", "'[^']*'"),
        ("\u2018", "\u2018[^\u2019]*\u2019"),
        ("`", "`[^`]*`"),
    )
    for mark in marks
}
_OPENING = re.compile("[{}]".format("".join(_QUOTES)))
TYPOGRAPHY: Mapping[str, str | None] = {
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),
    **dict.fromkeys("\t\n\v\f\r\x1c\x1d\x1e\x1f\u0085\u2028\u2029", " "),
    **dict.fromkeys("\u00ad\u061c\u180e\u200b\u200c\u200d\u2060\ufeff", None),
    **dict.fromkeys(map(chr, (*range(0x200E, 0x2010), *range(0x202A, 0x202F))), None),
    **dict.fromkeys(map(chr, range(0x2066, 0x206A)), None),
    **dict.fromkeys(map(chr, range(0xD800, 0xE000)), "\ufffd"),  # halves of a letter
}
"""What keyboards and programs write for plain characters, or add unseen."""

_PLAIN = str.maketrans(
    {
        **TYPOGRAPHY,
        **dict.fromkeys("\u2014\u2015", "--"),  # what a phone makes of two hyphens
        "\ufe0f": None,
        "\u2260": "!=",
        "\u2264": "<=",
        "\u2265": ">=",
    }
)
_OPERATOR = r"(?:==|=~|!=|!~|>=|<=|<>|[=<>])"
_LETTERS = r"""[^\s"=:<>!~&|,;(){}\[\]]"""
_KEY = rf"""(?![-+]?\d){_LETTERS}++(?::{_LETTERS}++(?=\s*+[=<>!]))?"""
_LIST = rf'tags=\[(?:{QUOTED}|[^\]"])*+\]'
_TOKEN = re.compile(
    rf"""\s*+(?:
        (?P<list>{_LIST})(?=\s|$)
      | (?P<between>[,;|&]++|[(){{}}\[\]]|--?+(?=\s|$))
      | (?P<key>{QUOTED}|{_KEY})(?:\s*+(?P<operator>{_OPERATOR})\s*+|(?P<colon>:)(?!//))
      | (?P<bare>{_OPERATOR})\s*+
      | (?P<negation>!)(?=\w)
      | (?P<alone>{QUOTED}|[^\s"]++|")
    )""",
    re.VERBOSE | re.DOTALL,
)
_VALUE = re.compile(rf'{QUOTED}|[^\s"]*+', re.DOTALL)
_NEXT_KEY = re.compile(rf"\s*+(?:{QUOTED}|{_KEY})\s*+{_OPERATOR}", re.DOTALL)
_CUT = re.compile(rf"&&|\|\||[,;](?=$|[,;\s]|{_LETTERS}++(?:{_OPERATOR}|:))")
_PAIRS = {")": "(", "}": "{", "]": "["}
_COMPARISON = re.compile("[<>]=?")
_EMOJI = re.compile(r":[\w+'-]+:")
_DOTS = ".,;:!?'\u2026"


def some(words: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(words.split())


FILLER = some(
    """
    a an the this that these those there here it its i we you u me us my our your them they
    i'm im i've ive i'll ill
    please pls plz kindly thanks thank thx ty cheers hi hello hey ok okay so well just also maybe
    can could would will may might want wants wanted need needs like love let lets let's i'd
    show list get give find search display see view look looking fetch pull tell check grab bring
    is are was were be been being am do does did has have had having got
    of for in on at to by with from as into about within and plus then where when
    what what's whats which who who's whose why why's how how's where's when's
    if up out all any some every each both
    """
)
"""Words that ask, join or are polite, and set no condition by themselves."""

NEGATIONS = some("no not without except excluding non isn't aren't")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, or `key=value`, whose value is the `text`; `start` and `end` are its place.

    `text` has neither quotes nor the punctuation around it. `operator` is one of OPERATORS, or "".
    With an operator and no key the key is what the words around say: `slower > 1s`. A `flag` was
    written with hyphens: `--error`, `-n`.
    """

    text: str
    start: int
    end: int
    quoted: bool = False
    key: str = ""
    key_quoted: bool = False
    operator: str = ""
    flag: bool = False

    @property
    def small(self) -> str:
        """The text for comparing, without regard to case."""
        return self.text.casefold()

    @property
    def is_filler(self) -> bool:
        """Whether it is a plain word that sets no condition."""
        return not (self.quoted or self.operator or self.flag) and self.small in FILLER


def normal(text: str) -> str:
    """Return one line of plain characters; texts in quotes get straight ones, nothing else."""
    pieces, position, unclosed = [], 0, set[str]()
    for opening in _OPENING.finditer(text):
        start, mark = opening.start(), opening[0]
        if start < position or mark in unclosed:
            continue
        if mark in "'\u2018" and start and text[start - 1].isalnum():
            continue  # an apostrophe
        quoted = _QUOTES[mark].match(text, start)
        if not quoted:
            unclosed.add(mark)
            continue
        if mark in "'\u2018" and text[quoted.end() : quoted.end() + 1].isalnum():
            continue
        pieces.append(_outside(text[position:start]))
        pieces.append(quoted[0] if mark == '"' else in_quotes(quoted[0][1:-1]))
        position = quoted.end()
    pieces.append(_outside(text[position:]))
    line = "".join(pieces).strip()
    limits.check_text("the line", line)  # one character may become several
    return line


def words(line: str) -> tuple[Word, ...]:
    """Split a line that `normal` made; more than MOST_SPOKEN are refused."""
    found: list[Word] = []
    position, number = 0, 0
    while token := _TOKEN.match(line, position):
        position = token.end()
        word, position = _word(line, token)
        if word is not None:
            number += 1
            limits.check_words(number, limits.MOST_SPOKEN)
            found.append(word)
    return tuple(found)


def compared(word: Word) -> tuple[str, str]:
    """Return the operator and value of a pair; a colon is an equals sign, `:>` the comparison."""
    if word.operator != ":":
        return word.operator, word.text
    found = None if word.quoted else _COMPARISON.match(word.text)
    return (found[0], word.text[found.end() :]) if found else ("=", word.text)


def without_filler(found: Sequence[Word], besides: Collection[str] = ()) -> tuple[Word, ...]:
    """Return the words that may set a condition; `besides` are further words that do not."""
    return tuple(each for each in found if not each.is_filler and each.small not in besides)


def _outside(text: str) -> str:
    if text.isascii():
        return text.translate(_PLAIN)
    return unicodedata.normalize("NFKC", text.translate(_PLAIN)).translate(_PLAIN)


def _word(line: str, token: re.Match[str]) -> tuple[Word | None, int]:
    """Return what a token means, and where the next one starts."""
    start, end = token.start(token.lastgroup or 0), token.end()
    if token["list"] is not None:
        return Word(token["list"].removeprefix("tags="), start, end, key="tags", operator="="), end
    if token["between"] is not None:
        return (Word("or", start, end) if token["between"] == "||" else None), end
    if token["negation"] is not None:
        return Word("not", start, end), end
    if token["alone"] is not None:
        return _alone(token, line)
    key, operator = token["key"] or "", token["operator"] or token["colon"] or token["bare"]
    start = token.start("key") if key else token.start("bare")
    if token["colon"] and line[end : end + 1] in ("", " "):
        return _plain_word(key, start, end), end  # `errors: …`
    value, end = _value(line, end, spaced=line[end - 1] == " ")
    flag = key.startswith("-")
    return Word(
        unquote(value),
        start,
        end,
        quoted=value.startswith('"'),
        key=unquote(key).lstrip("-") if flag else unquote(key),
        key_quoted=key.startswith('"'),
        operator="=" if operator == "==" else "!=" if operator == "<>" else operator,
        flag=flag,
    ), end


def _value(line: str, start: int, *, spaced: bool) -> tuple[str, int]:
    """Return a value and its end; after a blank, what is a key of its own is no value."""
    if spaced and _NEXT_KEY.match(line, start):
        return "", start
    found = _VALUE.match(line, start)
    raw = found[0] if found else ""
    if raw.startswith('"'):
        return raw, start + len(raw)
    kept = _trimmed(raw)
    last = not line[start + len(raw) :].strip()
    return kept.rstrip(".!?") if last else kept, start + (len(kept) or len(raw))


def _alone(token: re.Match[str], line: str) -> tuple[Word | None, int]:
    start, raw = token.start("alone"), token["alone"]
    if len(raw) > 1 and raw.startswith('"'):
        return Word(unquote(raw), start, token.end(), quoted=True), token.end()
    if not raw.strip(_DOTS) or _EMOJI.fullmatch(raw.rstrip(".!?,")):
        return None, start + len(raw)
    kept = _trimmed(re.split("[,;]", raw, maxsplit=1)[0].rstrip(_DOTS))
    if not kept:
        return None, start + max(len(raw) - len(raw.lstrip(_DOTS)), 1)
    return _plain_word(kept, start, start + len(kept)), start + len(kept)


def _plain_word(raw: str, start: int, end: int) -> Word | None:
    flag = raw.startswith("-")
    text = raw.lstrip("-") if flag else raw
    text = text.strip(_DOTS)
    if text.casefold() not in FILLER:
        text = text.removesuffix("'s")
    if not any(letter.isalnum() or letter in '"/*' for letter in text):
        return None
    return Word(text, start, end, flag=flag)


def _trimmed(raw: str) -> str:
    """Return the start of a raw word that is one value or word."""
    cut = _CUT.search(raw)
    end = cut.start() if cut else len(raw)
    open = {mark: raw.count(_PAIRS[mark], 0, end) - raw.count(mark, 0, end) for mark in _PAIRS}
    while end and open.get(raw[end - 1], 0) < 0:
        end -= 1
        open[raw[end]] += 1
    return raw[:end]
