"""Read numbers and durations in words: `fifteen minutes`, `1 h 30 min`, `half an hour`."""

import re
from fractions import Fraction

from ops.vocabulary.timerange import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND

_WEEK = 7 * DAY
_MONTH = 30 * DAY  # as it is meant by "the last month"
_FEW = 5
_MOST_PARTS = 6  # nobody says more than `1 week 2 days 3 hours 4 minutes`
_LARGEST = 36_500 * DAY
UNITS = {
    name: size
    for size, names in (
        (365 * DAY, "year years"),
        (_MONTH, "month months"),
        (2 * _WEEK, "fortnight fortnights"),
        (_WEEK, "w wk wks week weeks"),
        (DAY, "d day days"),
        (HOUR, "h hr hrs hour hours"),
        (MINUTE, "m min mins minute minutes"),
        (SECOND, "s sec secs second seconds"),
        (MILLISECOND, "ms msec msecs millisecond milliseconds"),
        (MICROSECOND, "us µs μs usec microsecond microseconds"),
    )
    for name in names.split()
}
NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_DIGITS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_GLUED = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?[a-zµμ]+)+")
_PART = re.compile(r"([0-9.]+)([a-zµμ]+)")
_AND_A_HALF = ("and", "a", "half")

Read = tuple[int, int] | None
"""What was read, and the place of the next word; None if the words there say something else."""


def read_number(words: list[str], at: int) -> tuple[Fraction, int] | None:
    """Read `15`, `1.5`, `fifteen`, `forty five`, `a`, `a couple of`, `one and a half`."""
    found = _whole(words, at)
    if not found:
        return None
    number, at = found
    if words[at : at + 3] == [*_AND_A_HALF]:
        return number + Fraction(1, 2), at + 3
    return number, at


def read_duration(words: list[str], at: int = 0) -> Read:
    """Read a duration from a place on, in nanoseconds; the words are in small letters."""
    found = _part(words, at)
    if not found:
        return None
    total, at = found
    for _ in range(_MOST_PARTS):
        after = at + (words[at : at + 1] == ["and"])
        more = _part(words, after)
        if not more or words[after] in ("a", "an"):
            break
        total, at = total + more[0], more[1]
    return (total, at) if 0 < total <= _LARGEST else None


def _part(words: list[str], at: int) -> Read:
    word = words[at] if at < len(words) else ""
    if _GLUED.fullmatch(word):
        parts = _PART.findall(word)
        if all(unit in UNITS and number.count(".") < 2 for number, unit in parts):
            return sum(int(Fraction(number) * UNITS[unit]) for number, unit in parts), at + 1
        return None
    found = _fraction(words, at) or read_number(words, at)
    if not found:
        return None
    number, at = found
    unit = UNITS.get(words[at]) if at < len(words) else None
    if not unit:
        return None
    at += 1
    if words[at : at + 3] == [*_AND_A_HALF]:
        number, at = number + Fraction(1, 2), at + 3
    return int(number * unit), at


def _fraction(words: list[str], at: int) -> tuple[Fraction, int] | None:
    """Read `half an`, `a quarter of an` and `three quarters of an`."""
    numerator = 1
    if words[at : at + 1] == ["three"] and words[at + 1 : at + 2] == ["quarters"]:
        numerator, at = 3, at + 1
    elif words[at : at + 1] == ["a"] and words[at + 1 : at + 2] in (["half"], ["quarter"]):
        at += 1
    word = words[at] if at < len(words) else ""
    size = {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "quarters": Fraction(1, 4)}.get(word)
    if not size:
        return None
    at += 1
    at += words[at : at + 1] == ["of"]
    at += words[at : at + 1] in (["a"], ["an"])
    return size * numerator, at


def _whole(words: list[str], at: int) -> tuple[Fraction, int] | None:
    word = words[at] if at < len(words) else ""
    if _DIGITS.fullmatch(word):
        return Fraction(word), at + 1
    if word in ("a", "an") and words[at + 1 : at + 2] in (["couple"], ["few"]):
        word, at = words[at + 1], at + 1
    if word == "few":
        return Fraction(_FEW), at + 1
    if word == "couple":
        return Fraction(2), at + 1 + (words[at + 1 : at + 2] == ["of"])
    if word in ("a", "an"):
        return Fraction(1), at + 1
    tens, dash, ones = word.partition("-")
    if tens in TENS:
        if dash:
            return (
                (Fraction(TENS[tens] + NUMBERS[ones]), at + 1)
                if NUMBERS.get(ones, 10) < 10
                else None
            )
        following = NUMBERS.get(words[at + 1], 10) if at + 1 < len(words) else 10
        return Fraction(TENS[tens] + following % 10), at + 1 + (following < 10)
    return (Fraction(NUMBERS[word]), at + 1) if word in NUMBERS else None
