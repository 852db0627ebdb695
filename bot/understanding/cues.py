"""Find the words of a line that speak for a command, also misspelt ones."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.registry import Command
from ops.language.alert_words import RESERVED as ALERT_WORDS
from ops.language.lines import FILLER, Word, some
from ops.language.trace_words import RESERVED

SMALL = some(
    """
    anything something everything nothing anyone anybody someone somebody everyone everybody thing
    things stuff again still yet right really actually currently exactly quickly bit lot mate man
    dude buddy folks guys yo pal friend team bot around touched put between many much number
    count total service svc
    """
)
"""Words that set no condition, besides language's filler."""
CONTRACTED = {
    short.replace("'", apostrophe): long.split()
    for short, long in (
        *((f"{asks}'s", f"{asks} is") for asks in ("how", "what", "who", "where", "when", "why")),
        ("i'm", "i am"), ("i've", "i have"), ("i'll", "i will"), ("isn't", "is not"),
        ("hasn't", "has not"), ("doesn't", "does not"), ("didn't", "did not"),
    )
    for apostrophe in ("'", "")
}  # fmt: skip
"""What short forms stand for, as the intents say it."""
SURELY = 3.0
PERHAPS = 1.0
_RIGHT = (
    RESERVED
    | ALERT_WORDS
    | SMALL
    | some(
        """
    get post put patch delete head options past test life line live lite true false host port
    """
    )
)
"""Words that are spelled right, though a cue is near."""
_MORE_WORDS = 0.25  # what each further word of a phrase adds
SHORTEST_SLIP = 4  # letters: among shorter words everything is one slip from something
LONGEST_SLIP = 20
VERBS = ("show", "list", "give", "find", "search", "display", "please", "what", "which")
"""Words that lead to no command by themselves and are often misspelt."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A word or phrase of a command's intent; its words may stand anywhere in a line."""

    words: frozenset[str]
    command: Command
    weight: float


@dataclass(frozen=True, slots=True)
class Cued:
    """What speaks for a command: how much, and the words that do."""

    weight: float
    words: frozenset[str]
    surely: bool


class Cues:
    """The cues of all commands."""

    def __init__(self, commands: Iterable[Command], others: Collection[str] = ()) -> None:
        """Take the cues of commands; `others` are words that mean something else."""
        self._cues = [cue for command in commands for cue in _cues_of(command)]
        self.known = frozenset(word for cue in self._cues for word in cue.words)
        self._right = self.known | set(others) | FILLER | _RIGHT | {*CONTRACTED}
        self._slips: dict[str, list[str]] = {}
        for word in sorted({*self.known, *VERBS}):
            if len(word) >= SHORTEST_SLIP:
                for form in {word, *_shortened(word)}:
                    self._slips.setdefault(form, []).append(word)

    def found(self, words: Iterable[str]) -> Mapping[str, Cued]:
        """Return what speaks for each command, by its name; words are in small letters.

        A word counts once for a command, in the phrase with the most words. Filler such as "show"
        speaks for something only if nothing else is said.
        """
        said = frozenset(long for word in words for long in CONTRACTED.get(word, (word,)))
        only_filler = said <= FILLER
        found: dict[str, Cued] = {}
        for cue in self._cues:
            verb = len(cue.words) == 1 and cue.words <= FILLER
            if cue.words <= said and (only_filler or not verb):
                before = found.get(cue.command.name, Cued(0.0, frozenset(), surely=False))
                if not cue.words <= before.words:
                    found[cue.command.name] = Cued(
                        before.weight + cue.weight,
                        before.words | cue.words,
                        before.surely or cue.weight >= SURELY,
                    )
        return found

    def corrected(self, words: Sequence[Word], line: str) -> str:
        """Return the line with the words that are one slip from a cue spelled right."""
        for word in reversed(words):
            if right := self._meant(word):
                line = line[: word.start] + right + line[word.end :]
        return line

    def _meant(self, word: Word) -> str:
        """Return the only cue that a misspelt word can be, else ""."""
        small = word.small
        plain = not (word.quoted or word.operator) and small not in self._right
        if not plain or not SHORTEST_SLIP - 1 <= len(small) <= LONGEST_SLIP:
            return ""
        forms = (small, *_shortened(small))
        near = {
            right
            for form in forms
            for right in self._slips.get(form, ())
            if is_one_slip(small, right) and (len(small) >= SHORTEST_SLIP or right in VERBS)
        }
        return min(near, key=lambda right: (abs(len(right) - len(small)), right), default="")


def _cues_of(command: Command) -> Iterator[Cue]:
    """Yield a command's cues, those of the most words first."""
    cues = [
        Cue(words, command, weight + _MORE_WORDS * (len(words) - 1))
        for phrases, weight in (
            (command.intent.surely, SURELY),
            (command.intent.perhaps, PERHAPS),
        )
        for phrase in phrases.split(",")
        if (words := frozenset(phrase.split()))
    ]
    return iter(sorted(cues, key=lambda cue: (-cue.weight, -len(cue.words))))


def _shortened(word: str) -> Iterator[str]:
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]


def is_one_slip(word: str, right: str) -> bool:
    """Return whether one letter is missing, added, wrong or swapped with its neighbour.

    A wrong one counts only in a longer word: "post" is not "past".
    """
    start = 0
    while start < min(len(word), len(right)) and word[start] == right[start]:
        start += 1
    one, other = word[start:], right[start:]
    return (
        one[1:] == other
        or one == other[1:]
        or (one[1:] == other[1:] and len(right) > SHORTEST_SLIP)
        or (one[:2] == other[:2][::-1] and one[2:] == other[2:])
    )
