"""Slips of the keyboard, and which key a word was probably meant to be."""

from collections.abc import Iterable


def slip_of(word: str, keys: Iterable[str]) -> str:
    """Return the key that the word is probably a typo of, else "".

    A typo is: different case, one letter missing, added or swapped with its neighbour, or one
    wrong letter in a key of five or more letters, so that `env` is not taken for `end`.
    """
    return next((key for key in keys if _may_mean(word.lower(), key)), "")


def is_one_slip(word: str, name: str) -> bool:
    """Return whether one letter is missing, added, wrong or swapped with its neighbour, or none."""
    start = 0
    while start < min(len(word), len(name)) and word[start] == name[start]:
        start += 1
    one, other = word[start:], name[start:]
    return (
        one[1:] == other
        or one == other[1:]
        or one[1:] == other[1:]
        or (one[:2] == other[:2][::-1] and one[2:] == other[2:])
    )


def _may_mean(word: str, key: str) -> bool:
    if len(key) < 3:
        return word in (key, key[::-1])
    has_other_letter = len(word) == len(key) and sorted(word) != sorted(key)
    return is_one_slip(word, key) and (len(key) >= 5 or not has_other_letter)
