"""Amounts in a line about traces: how slow, how many, which status; each takes its words."""

import re
from collections.abc import Collection

from ops.errors import InvalidInput
from ops.language.durations import read_duration
from ops.language.lines import some
from ops.language.unread import Unread
from ops.vocabulary.filters import LARGEST_LIMIT
from ops.vocabulary.timerange import format_exact, parse_duration

SLOW = "1s"  # what "slow" means without a number
MORE = some(
    """
    slower longer over above more greater exceeding least minimum min took taking takes
    lasting lasted > >=
    """
)
LESS = some(
    """
    faster quicker shorter under below less most maximum max within < <=
    """
)
_BETWEEN = some("than at up to for a then of about")
SLOW_WORDS = some(
    """
    slow slower slowest slowly sluggish laggy long longest latency
    """
)
_COUNTED = some(
    """
    traces trace requests request calls spans results transactions errors failures of slow
    slowest newest latest recent failed failing
    """
)
_COUNTING = some(
    """
    show list get give me last first top latest newest recent limit only count n
    """
)
_STATUS = some("status http code codes returned returning returns response")
_STATUSES = some("errors error responses response status statuses")
_BEFORE_DURATIONS = MORE | LESS | some("than last past previous and between every for")
LAST_CLASS = 500
CLASS = re.compile(r"([1-5])xx")


def compared_duration(unread: Unread, value: str, place: int) -> str:
    """Return the duration after an operator, also over several words, `> 1 s`; takes those."""
    following = (unread.bare(at) for at in range(place + 1, len(unread.words)))
    found = read_duration([value.casefold(), *following], 0)
    if not found:
        return format_exact(parse_duration(value))
    unread.take(*range(place, place + found[1]))
    return format_exact(found[0])


def durations(unread: Unread, given: Collection[str] = ()) -> dict[str, str]:
    """Read `slower than 2 seconds`, `under 100ms`, `between 1s and 3s`, `slow`."""
    small = [unread.bare(place) for place in range(len(unread.words))]
    found: dict[str, str] = {}
    of = "" if {"span", "spans"} & set(small) else "trace-"
    for place in unread:
        read = read_duration(small, place) if unread.bare(place) else None
        if not read:
            continue
        leads = leading(unread, place, MORE | LESS | SLOW_WORDS)
        words = {small[at] for at in leads}
        key = "max" if words & LESS else "min" if words & MORE else ""
        if not key and small[place - 1 : place] == ["between"]:
            link = next(
                (at for at in range(place, read[1] + 1) if small[at : at + 1] == ["and"]), 0
            )
            first, second = read_duration(small[:link], place), read_duration(small, link + 1)
            if first and second:
                found[f"{of}max"] = format_exact(second[0])
                unread.take(*range(link, second[1]))
                key, leads, read = "min", [place - 1], first
        if key:
            found[f"{of}{key}"] = format_exact(read[0])
            unread.take(*leads, *range(place, read[1]))
    slow = [place for place in unread if unread.bare(place) in SLOW_WORDS]
    unread.take(*slow)
    if slow and not found and not {"min", "max", "trace-min", "trace-max"}.intersection(given):
        found["trace-min"] = SLOW
    return found


def limit(unread: Unread) -> str:
    """Read `last 5 traces`, `top 10`, `20 errors`; "" if no number is a limit."""
    for place in unread:
        word = unread.bare(place)
        if not word.isdecimal() or not word.isascii() or not 1 <= int(word[:9]) <= LARGEST_LIMIT:
            continue
        before, after = unread.before(place), unread.bare(place + 1)
        if before in _COUNTING or (after in _COUNTED and not _is_status(word, before, after)):
            unread.take(place)
            return str(int(word))
    return ""


def statuses(unread: Unread) -> list[tuple[str, str]]:
    """Read `status 500`, `404s`, `500 errors`, `5xx`: operators and numbers."""
    found: list[tuple[str, str]] = []
    for place in unread:
        word = unread.bare(place)
        digits = word.removesuffix("s")
        if of_class := CLASS.fullmatch(digits):
            found += statuses_of(of_class)
            unread.take(place)
        elif _is_status(digits, unread.before(place), unread.bare(place + 1), plural=word):
            found.append(("=", digits))
            unread.take(place)
    return found


def statuses_of(of_class: re.Match[str]) -> list[tuple[str, str]]:
    """Return the comparisons that `5xx` stands for."""
    first = int(of_class[1]) * 100
    upper = [("<", str(first + 100))] if first < LAST_CLASS else []
    return [(">=", str(first)), *upper]


def _is_status(digits: str, before: str, after: str, plural: str = "") -> bool:
    if not re.fullmatch("[1-5][0-9][0-9]", digits):
        return False
    failed = after in _STATUSES and digits[0] in "45"
    plural_alone = plural.endswith("s") and before not in _BEFORE_DURATIONS
    return before in _STATUS or failed or plural_alone


def leading(unread: Unread, place: int, comparing: Collection[str]) -> list[int]:
    """Return the places of the words before a duration that say what it is compared with."""
    found = []
    for at in range(place - 1, -1, -1):
        word = unread.bare(at)
        if word not in comparing and word not in _BETWEEN:
            break
        found.append(at)
    return found


def checked_limit(text: str) -> str:
    """Return a limit as written, without a sign or a separator; raises InvalidInput."""
    digits = text.replace(",", "").removeprefix("=")
    if not digits.isdecimal():
        raise InvalidInput(f'limit is "{text[:80]}"; it must be between 1 and {LARGEST_LIMIT}')
    return digits
