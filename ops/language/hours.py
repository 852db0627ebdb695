"""Read a time of day: `14:05`, `2pm`, `half past six`, `noon`, `14` after a word like "since"."""

import re
from dataclasses import dataclass, replace

from ops.language.durations import NUMBERS, TENS

_NAMED = {"noon": 12, "midday": 12, "midnight": 0}
MEALS = {"breakfast": 8, "lunch": 12, "lunchtime": 12}  # after a word like "since"
_HALVES = {"am": 0, "a.m": 0, "pm": 12, "p.m": 12}
_HALF = "(am|pm|a\\.m|p\\.m)"
_COLON = re.compile(rf"(\d{{1,2}})([:.])(\d{{2}})(?::(\d{{2}}))?{_HALF}?", re.ASCII)
_GLUED = re.compile(rf"(\d{{1,2}}){_HALF}", re.ASCII)
_FOUR = re.compile(r"([01]\d|2[0-3])([0-5]\d)", re.ASCII)
_BARE = re.compile(r"\d{1,2}", re.ASCII)
_PARTS = {
    ("in", "the", "morning"): 0, ("in", "the", "afternoon"): 12, ("in", "the", "evening"): 12,
    ("at", "night"): 12,
}  # fmt: skip
# What may follow a time of day, although it ends as things do: "at 3 instances" is none.
_NO_THINGS = frozenset({"this", "errors", "failures", "traces", "alerts", "logs"})
_DIALS = {"half": 30, "quarter": 15}


@dataclass(frozen=True, slots=True)
class Hour:
    """A time of day; `either` if it may be in the morning or twelve hours later."""

    hour: int
    minute: int = 0
    second: int = 0
    either: bool = False

    @property
    def minutes(self) -> int:
        """Minutes since midnight."""
        return self.hour * 60 + self.minute

    def on_half(self, half: int) -> "Hour":
        """Return it in the morning (0) or in the afternoon (12), if it may be either."""
        return replace(self, hour=self.hour % 12 + half, either=False) if self.either else self


def read_hour(words: list[str], at: int, *, bare: bool) -> tuple[Hour, int] | None:
    """Read a time of day from a place on; `bare`: a number alone is one too."""
    if at >= len(words):
        return None
    word = words[at]
    if word in _NAMED:
        return Hour(_NAMED[word]), at + 1
    if bare and word in MEALS:
        return Hour(MEALS[word]), at + 1
    if dial := _past_or_to(words, at):
        return dial
    half: str | None = None
    if found := _COLON.fullmatch(word):
        if found[2] == "." and not (bare or found[5]):
            return None
        hour, half = _made(found[1], found[3], found[4] or "0"), found[5]
    elif found := _GLUED.fullmatch(word):
        hour, half = _made(found[1]), found[2]
    elif bare and (found := _FOUR.fullmatch(word)):
        hour = _made(found[1], found[2])
    else:
        return _number(words, at, bare=bare)
    return _halved(hour, half, words, at + 1) if hour else None


def _number(words: list[str], at: int, *, bare: bool) -> tuple[Hour, int] | None:
    """Read `14`, `six`, `6 pm`, `six o'clock`."""
    word = words[at]
    hour = _made(word) if _BARE.fullmatch(word) else _spelt(word)
    if not hour:
        return None
    hour = replace(hour, either=1 <= hour.hour <= 12 and word[0] != "0")
    follows = words[at + 1] if at + 1 < len(words) else ""
    if follows in ("o'clock", "oclock"):
        return _halved(hour, None, words, at + 2)
    counts = len(follows) > 3 and follows.endswith("s") and follows not in _NO_THINGS
    minutes = {**NUMBERS, **TENS}.get(follows, 0) if word in NUMBERS else 0
    if 10 <= minutes < 60:  # nine fifteen
        return _halved(replace(hour, minute=minutes), None, words, at + 2)
    if follows in _HALVES or (bare and not (counts and word.isdecimal())):
        return _halved(hour, None, words, at + 1)
    return None


def _past_or_to(words: list[str], at: int) -> tuple[Hour, int] | None:
    """Read `half past six`, `quarter to 7`, `ten past six pm`."""
    at += words[at] == "a"
    word, follows = words[at : at + 1], words[at + 1 : at + 3]
    if not word or len(follows) < 2 or follows[0] not in ("past", "to"):
        return None
    minutes = _DIALS.get(word[0]) or {**NUMBERS, **TENS}.get(word[0], 0)
    hour = _spelt(follows[1]) or (_made(follows[1]) if _BARE.fullmatch(follows[1]) else None)
    is_range = follows[0] == "to" and at > 0 and words[at - 1] in ("from", "between")
    if not 0 < minutes < 60 or not hour or (is_range and minutes != _DIALS["quarter"]):
        return None
    if follows[0] == "to":
        hour, minutes = Hour((hour.hour - 1) % 24), 60 - minutes
    whole = Hour(hour.hour, minutes, either=hour.hour <= 12)
    return _halved(whole, None, words, at + 3)


def _halved(hour: Hour, half: str | None, words: list[str], at: int) -> tuple[Hour, int]:
    """Add the `am` or `pm` that was part of the word, or is the next one."""
    if not half and at < len(words) and words[at] in _HALVES:
        half, at = words[at], at + 1
    if half:
        return replace(hour, either=hour.hour <= 12).on_half(_HALVES[half]), at
    for phrase, later in _PARTS.items():
        if tuple(words[at : at + len(phrase)]) == phrase:
            return hour.on_half(later), at + len(phrase)
    return hour, at


def _spelt(word: str) -> Hour | None:
    number = NUMBERS.get(word, 24)
    return Hour(number) if number <= 12 else None


def _made(hour: str, minute: str = "0", second: str = "0") -> Hour | None:
    made = Hour(int(hour), int(minute), int(second))
    return made if made.hour < 24 and made.minute < 60 and made.second < 60 else None
