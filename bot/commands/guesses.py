"""Offer what a text may mean that lacks a name or a number: what there is, as whole lines."""

from collections.abc import Iterable

from bot.registry import Guess, NothingToRead

MOST_OFFERED = 3


def guess_of(lines: Iterable[str], left_out: tuple[str, ...], why: str, missing: str) -> Guess:
    """Return the lines as guesses; raises NothingToRead with what is `missing` if there is none."""
    found = list(dict.fromkeys(lines))[:MOST_OFFERED]
    if not found:
        raise NothingToRead(missing)
    return Guess(found[0], left_out, why=why, others=tuple(found[1:]))
