"""Recognise what the words of a line are names of: services, alerts, trace IDs, shares."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.intents import Thing
from ops.language.lines import Word
from ops.language.names import Kind, Likeness, Name, Names
from ops.language.shares import read_share

_KINDS = {
    Kind.SERVICE: Thing.SERVICE,
    Kind.ALERT: Thing.ALERT,
    Kind.SEVERITY: Thing.SEVERITY,
    Kind.OPERATION: Thing.OPERATION,
    Kind.VERSION: Thing.VERSION,
    Kind.INSTANCE: Thing.INSTANCE,
    Kind.SITE: Thing.SITE,
}
_SURE = Likeness.PLURAL  # up to which a word that is also a cue is a name, too
_KEY = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A thing, and the words that name it, in small letters; `name` is None for a value."""

    thing: Thing
    words: frozenset[str]
    name: Name | None = None


def things_in(
    words: Sequence[Word], names: Names, cues: Collection[str], trace_ids: Sequence[str]
) -> tuple[Found, ...]:
    """Return the things in a line; a word that is a cue is a name only if it is spelled so."""
    return (
        # What is `key=value` in a link to a trace is no condition.
        *([Found(Thing.TRACE_ID, frozenset())] if trace_ids else _values(words)),
        *_of_two_words(words, names),
        *_names(words, names, cues),
    )


def _values(words: Sequence[Word]) -> Iterator[Found]:
    """Yield the conditions, and the share of traces to keep if it is about sampling."""
    for word in words:
        if word.operator and (not word.key or _KEY.fullmatch(word.key)):
            yield Found(Thing.CONDITION, frozenset({word.small}))
    if any(word.small.startswith("sampl") for word in words) and (share := read_share(words)):
        yield Found(Thing.SHARE, frozenset(word.small for word in share.words))


def _of_two_words(words: Sequence[Word], names: Names) -> Iterator[Found]:
    """Yield the alerts that are written as two words: `slow requests`."""
    for one, other in pairwise(words):
        if one.operator or other.operator or one.is_filler or other.is_filler:
            continue
        for name in names.recognise(f"{one.text} {other.text}", Kind.ALERT):
            if name.likeness <= _SURE:
                yield Found(Thing.ALERT, frozenset({one.small, other.small}), name)


def _names(words: Sequence[Word], names: Names, cues: Collection[str]) -> Iterator[Found]:
    for word in words:
        if word.operator or word.is_filler:
            continue
        for name in names.recognise(word.text, *_KINDS):
            if name.likeness <= _SURE or word.small not in cues:
                yield Found(_KINDS[name.kind], frozenset({word.small}), name)
