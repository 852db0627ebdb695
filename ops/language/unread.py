"""The words of a line that have no meaning yet; a reader takes from them until none is left."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from ops.errors import InvalidInput
from ops.language.lines import FILLER, NEGATIONS, normal, some, words
from ops.language.names import Kind, Likeness, Name, Names
from ops.language.times import Clock, find_range

LONGEST_NAME = 4  # words: "GET /pets by id"
MOST_LEFT_OUT = 3
MOST_SHOWN = 5
PLACES = some("in on at site env environment")
OF = some("for of from by in on about service app application")
_TELLING = re.compile(r"[^\W_]*[\d_./@#\\-]|\w*[a-z][A-Z]|[^\x00-\x7f]")
_QUOTE = '"'


@dataclass(frozen=True, slots=True)
class Found:
    """Names that some words may mean, which are equally alike, and the places of the words."""

    names: Sequence[Name]
    places: range
    text: str


class Unread:
    """The words of a line, and the places of those that nothing has taken."""

    def __init__(self, text: str) -> None:
        self.line = normal(text)
        self.words = words(self.line)
        self._left = dict.fromkeys(range(len(self.words)))

    def __iter__(self) -> Iterator[int]:
        """Yield the places of the words that are left, also while some are taken."""
        return (place for place in tuple(self._left) if place in self._left)

    def __contains__(self, place: int) -> bool:
        return place in self._left

    def take(self, *places: int) -> None:
        for place in places:
            self._left.pop(place, None)

    def raw(self, place: int) -> str:
        """Return a word as it is in the line."""
        return self.line[self.words[place].start : self.words[place].end]

    def bare(self, place: int) -> str:
        """Return a word alone that is left, in small letters; "" for anything else."""
        if place not in self._left:
            return ""
        word = self.words[place]
        return "" if word.quoted or word.operator else word.small

    def before(self, place: int) -> str:
        """Return the word before a place, whatever it means; articles do not count."""
        at = place - 1
        while at >= 0 and self.words[at].small in ("the", "a", "an", "my", "our"):
            at -= 1
        return self.words[at].small if at >= 0 and not self.words[at].quoted else ""

    def is_place(self, place: int) -> bool:
        """Return whether the words around a word say that it is a site."""
        return self.before(place) in PLACES or self.bare(place + 1) in PLACES - {"in", "on", "at"}

    def negated(self, place: int) -> bool:
        """Return whether "not" or "without" comes before a word, and take that."""
        at = place - 1
        while at >= 0 and self.bare(at) in FILLER:
            at -= 1
        if at < 0 or self.bare(at) not in NEGATIONS:
            return False
        self.take(at)
        return True

    def time(self, clock: Clock, give: Callable[[str, str], None]) -> str:
        """Take the first time range: give its keys and values, return how it was read."""
        found = find_range([self._for_times(place) for place in range(len(self.words))], clock)
        if not found:
            return ""
        self.take(*found.used)
        for word in found.text.split():
            key, _, value = word.partition("=")
            give(key, value)
        return found.said

    def _for_times(self, place: int) -> str:
        """Return a word as it is read for times: those that are taken are none."""
        raw = self.raw(place) if place in self._left else _QUOTE
        return raw.lstrip("-") if self.words[place].flag else raw

    def named(
        self,
        names: Names,
        kind: Kind,
        site: str = "",
        reserved: Collection[str] = (),
        of: str = "",
    ) -> Iterator[Found]:
        """Yield what names of a kind are left, the longest first; the caller takes them.

        Filler and `reserved` words are a name only if it is spelled exactly so, after a word such
        as "for".
        """
        for length in range(LONGEST_NAME, 0, -1):
            for start in self:
                places = range(start, start + length)
                if all(self._may_be_named(place, length) for place in places) and (
                    found := self._named(names, kind, site, reserved, of, places)
                ):
                    yield found

    def _may_be_named(self, place: int, length: int) -> bool:
        """Return whether a word is left, and alone; in a name of several words none is quoted."""
        word = self.words[place] if place in self._left else None
        return bool(word and not (word.operator or word.flag or (word.quoted and length > 1)))

    def _named(
        self, names: Names, kind: Kind, site: str, reserved: Collection[str], of: str, places: range
    ) -> Found | None:
        first, last = self.words[places[0]], self.words[places[-1]]
        text, least = first.text, Likeness.EXACT if first.quoted else Likeness.SLIP
        if len(places) > 1:
            text = self.line[first.start : last.end].rstrip(".,!?")
            least = Likeness.LETTERS
        elif not first.quoted and (first.small in FILLER or first.small in reserved):
            least = Likeness.EXACT
            if self.before(places[0]) not in OF:
                return None
        found = names.recognise(text, kind, site=site, of=of, least=least)
        return Found(found, places, text) if found else None

    def leave_out(
        self, filler: Collection[str], never: Collection[str], *, nothing_read: bool
    ) -> tuple[str, ...]:
        """Return the words that mean nothing; raises InvalidInput if one of them may matter."""
        rest = [place for place in self if not self._is_filler(place, filler)]
        for place in rest:
            if nothing_read or len(rest) > MOST_LEFT_OUT or self._may_matter(place, never):
                text = self.words[place].text or self.raw(place)
                raise NotUnderstood(f'"{text[:80]}" has no meaning here', text)
        return tuple(self.words[place].text for place in rest)

    def _is_filler(self, place: int, filler: Collection[str]) -> bool:
        word = self.words[place]
        return word.is_filler or (not word.quoted and not word.operator and word.small in filler)

    def _may_matter(self, place: int, never: Collection[str]) -> bool:
        """Return whether a word is probably a name or a value, or changes what others mean."""
        word = self.words[place]
        if word.small in never:
            return True
        names = bool(word.quoted or word.operator or word.flag or _QUOTE in word.text)
        return names or bool(_TELLING.match(word.text)) or self.before(place) in OF


def one_of(found: Found, names: Sequence[Name] = ()) -> Name:
    """Return the one name that was found; raises InvalidInput that lists them if there are more."""
    meant = names or found.names
    if len({(each.name, each.of) for each in meant}) == 1:
        return meant[0]
    either = [f"{each.name} of {each.of}" if each.of else each.name for each in meant]
    shown = ", ".join(either[:MOST_SHOWN])
    raise InvalidInput(f'"{found.text[:80]}" may mean several names; write one of them: {shown}')


class NotUnderstood(InvalidInput):
    """A word has no meaning here, and may matter; the reader says what it could be."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text
