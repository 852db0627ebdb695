"""Read which share of traces somebody wants to keep: `50 percent`, `half`, `everything`, `1 in 10`.

The share is written as `ops.vocabulary.policies` reads it. Relative wishes (`by 10%`, `double`)
are not read: what they come to depends on more than the text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ops.language.lines import Word

_WORDS = {
    "always": "always all everything full max maximum fully each every complete completely",
    "never": "never nothing none zero off",
    "50%": "half",
    "25%": "quarter",
}
_BY_WORD = {word: share for share, words in _WORDS.items() for word in words.split()}
_PERCENT = ("%", "percent", "pct", "procent", "per-cent")
_RELATIVE = frozenset(["by", "double", "twice", "triple", "times", "more", "less"])
_NUMBER = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})(%?)", re.ASCII)
_PER_SECOND = re.compile(r"([0-9]{1,6})/s(?:ec)?", re.ASCII)
_SECONDS = ("second", "sec", "s")


@dataclass(frozen=True, slots=True)
class Share:
    """A share as a strict policy, and the words that say so."""

    policy: str
    words: tuple[Word, ...]


def read_share(found: Sequence[Word]) -> Share | None:
    """Return the share that the words name, None if they name none, several or a relative one."""
    if any(word.small in _RELATIVE for word in found):
        return None
    shares: list[Share] = []
    at = 0
    while at < len(found):
        share = _share(found[at:])
        if share:
            shares.append(share)
        at += len(share.words) if share else 1
    policies = {each.policy for each in shares}
    if len(policies) != 1:
        return None
    return Share(policies.pop(), tuple(word for each in shares for word in each.words))


def _share(found: Sequence[Word]) -> Share | None:
    """Return the share with which these words start."""
    first, *others = found
    small = [word.small for word in others[:3]]
    if first.operator or first.quoted:
        return None
    if policy := _BY_WORD.get(first.small):
        return Share(policy, (first,))
    if per_second := _PER_SECOND.fullmatch(first.small):
        return Share(f"{int(per_second[1])}/s", (first,))
    number = _NUMBER.fullmatch(first.small)
    if number is None:
        return None
    if small[:1] and small[0] in _PERCENT:
        return Share(f"{number[1]}%", (first, others[0]))
    if number[1] == "1" and small[:2] and small[0] in ("in", "of") and _is_count(small[1]):
        return Share(f"{100 / int(small[1]):.6g}%", (first, others[0], others[1]))
    for per in (["per"], ["a"], ["traces", "per"], ["traces", "a"]):
        after = small[len(per) :][:1]
        if small[: len(per)] == per and after and after[0] in _SECONDS:
            return Share(f"{number[1]}/s", (first, *others[: len(per) + 1]))
    if number[2]:
        return Share(f"{number[1]}%", (first,))
    # A share of 1 or less is a rate; more can only be a percentage.
    whole = float(number[1])
    return Share(number[1] if whole <= 1 else f"{number[1]}%", (first,))


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 7 and int(text) > 0
