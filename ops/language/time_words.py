"""The words of a line as the readers of times look at them: small, without punctuation."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops import limits
from ops.vocabulary.quoting import QUOTED

LAST = ("last", "past", "previous", "lookback")
START = ("since", "from", "after", "start", "starting", "beginning")
END = ("until", "till", "til", "to", "end", "before")
ONLY_KEYS = ("start", "end", "to", "lookback")  # which mean something else as words alone
_KEY = re.compile(
    rf"-{{0,2}}({'|'.join((*LAST, *START, *END, 'for', 'at'))})\s*+[=:]\s*+(.*)", re.DOTALL
)
_PIECE = re.compile(rf'(?:{QUOTED}|[^\s"]|")+', re.DOTALL)
_CLOCK = r"\d{1,2}(?:[:.]\d{2})?(?:am|pm)?"
_BETWEEN = re.compile(rf"({_CLOCK})[-\u2013]({_CLOCK})", re.ASCII)
_ISH = re.compile(r"(\d{1,2}(?::\d{2})?(?:am|pm)?)-?ish", re.ASCII)
_LONGEST = 64  # letters of a word about time
_PUNCTUATION = ",;()?!"


@dataclass(frozen=True, slots=True)
class Words:
    """Small words with the numbers of the words that they come from.

    `keys` are the places of those that were written as the key of `key=value`.
    """

    texts: list[str]
    numbers: list[int]
    keys: frozenset[int]

    def used(self, places: Iterable[int]) -> tuple[int, ...]:
        """Return the numbers of the words at these places."""
        return tuple(dict.fromkeys(self.numbers[place] for place in places))


def pieces(line: str) -> list[str]:
    """Split a line at its blanks, but not within quotes."""
    return _PIECE.findall(line)


def split(words: Sequence[str]) -> Words:
    """Split `from=14:00` and `2-3pm`; a word in quotes becomes one that no reader knows.

    Raises InvalidInput for more words than people type.
    """
    limits.check_words(len(words), limits.MOST_SPOKEN)
    texts: list[str] = []
    numbers: list[int] = []
    keys: set[int] = set()
    for number, word in enumerate(words):
        small = (
            ""
            if '"' in word or len(word) > _LONGEST
            else word.lower().strip(_PUNCTUATION).rstrip(".")
        )
        if found := _ISH.fullmatch(small):  # 9ish
            small = found[1]
        if small == "=" and texts and _KEY.fullmatch(f"{texts[-1]}="):  # since = 14:00
            keys.add(len(texts) - 1)
            continue
        parts = [small]
        if key := _KEY.fullmatch(small):
            keys.add(len(texts))
            parts = [key[1], *filter(None, re.split(r"[\s_]+", key[2]))]
        elif (found := _BETWEEN.fullmatch(small)) and not small.replace("-", "").isdigit():
            parts = [found[1], "-", found[2]]
        texts += parts
        numbers += [number] * len(parts)
    return Words(texts, numbers, frozenset(keys))
