"""Turn a text into lines that a command would run, the likeliest first."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.commands.reads import names_for
from bot.intents import Intent, Thing
from bot.registry import Command, Guess, Message, Registry
from bot.understanding.cues import PERHAPS, SURELY, Cued, Cues
from bot.understanding.habits import without_habits
from bot.understanding.things import Found, things_in
from ops.errors import InvalidInput, NotFound, OpsError
from ops.guard import may
from ops.language import lines
from ops.language.changes import take_reason
from ops.language.lines import Word, some
from ops.language.trace_ids import find_trace_ids

SECONDS = 1.0  # the most that filling and checking one line may take
MOST_TRIED = 6
_LEFT_OUT = 1.5  # what a word that a command cannot use speaks against it; a name twice that
_ANYTHING = some(
    """
    anything something everything nothing anyone anybody someone somebody everyone everybody thing
    things stuff again still yet right really actually currently exactly quickly bit lot
    """
)
_SHARE = 2.0  # what a share of traces adds for a command that takes one
_LINK = re.compile(r"\S+://\S+")
_NOTHING = Cued(0.0, frozenset(), surely=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A whole line that its command accepts, what speaks for it, and the words it leaves out.

    `surely` means that the words say so, `guessed` that the line has something nobody said. The
    line of a command that the user may not run is only its name. `problem` is why the line is
    not possible right now: it is only there to say so.
    """

    command: Command
    line: str
    score: float
    left_out: tuple[str, ...] = ()
    surely: bool = False
    guessed: bool = False
    allowed: bool = True
    problem: OpsError | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A text as the reader takes it: one plain line, spelled right, its words and things.

    What a link is made of is no words, and why a change is made is not read.
    """

    line: str
    words: tuple[Word, ...]
    things: tuple[Found, ...]
    cued: Mapping[str, Cued]

    @property
    def said(self) -> list[str]:
        """The words in small letters."""
        return [word.small for word in self.words]

    @property
    def content(self) -> list[str]:
        """The words that are more than filler, in small letters."""
        return [word.small for word in lines.without_filler(self.words)]


async def read_text(message: Message, text: str, cues: Cues) -> Text:
    """Read a text; raises InvalidInput if it has too many words."""
    line = lines.normal(without_habits(text))
    said, _ = take_reason(line)
    # Places in what is said are places in the line only if the reason is at its end.
    corrected = cues.corrected(lines.words(said), line) if line.startswith(said) else line
    words = lines.words(_LINK.sub(" ", take_reason(corrected)[0]))
    names = await names_for(message)
    found = things_in(words, names, cues.known, find_trace_ids(corrected))
    return Text(corrected, words, found, cues.found(word.small for word in words))


async def candidates(
    registry: Registry, message: Message, text: Text, favourite: Command | None = None
) -> list[Candidate]:
    """Return the lines that a text may mean; `favourite` is the command that it names."""
    tried = sorted(_likely(registry, text, favourite), key=lambda each: -each.score)[:MOST_TRIED]
    filled = await asyncio.gather(*(_filled(registry, message, text, each) for each in tried))
    best: dict[str, Candidate] = {}
    for each in sorted(filter(None, filled), key=lambda each: -each.score):
        best.setdefault(each.line, each)
    return list(best.values())


def _likely(registry: Registry, text: Text, favourite: Command | None) -> Iterable[Candidate]:
    """Yield the commands that something speaks for."""
    surely = any(cued.surely for cued in text.cued.values()) or favourite is not None
    for command in registry.commands:
        cued = text.cued.get(command.name, _NOTHING)
        weight = cued.weight + PERHAPS * (command is favourite)
        about = {each.thing for each in text.things} & set(command.intent.about)
        if command.changes and not (
            cued.surely or command is favourite or (weight and Thing.SHARE in about)
        ):
            continue  # a change is not even offered because of a hint
        alone = not surely and _alone(command.intent, text.things)
        if weight or alone:
            yield Candidate(
                command,
                command.name,
                weight + SURELY * alone + len(about) + _SHARE * (Thing.SHARE in about),
                surely=cued.surely or alone or command is favourite or Thing.SHARE in about,
            )


def _alone(intent: Intent, things: Sequence[Found]) -> bool:
    return any(each.thing in intent.alone for each in things)


async def _filled(
    registry: Registry, message: Message, text: Text, likely: Candidate
) -> Candidate | None:
    """Return the line with its arguments, None if its command would refuse it."""
    command = likely.command
    if not await may(message.actor, *command.needs):
        return Candidate(command, command.name, likely.score, surely=likely.surely, allowed=False)
    if command.read is None:
        return None
    problem = None
    try:
        async with asyncio.timeout(SECONDS):
            reading = await command.read(message, text.line)
            line = f"{command.name} {reading.line}".strip()
            reached, rest = registry.find(line)
            if reached is not command:
                return None
            await command.parse(message, rest)
    except (InvalidInput, NotFound, TimeoutError):
        return None
    except OpsError as error:  # the line is right, but this is not the moment for it
        problem = error
    cued = text.cued.get(command.name, _NOTHING).words
    left_out = tuple(word for word in reading.left_out if word.casefold() not in cued | _ANYTHING)
    named = {word for each in text.things if each.name for word in each.words}
    ignored = sum(word.casefold() in named for word in left_out)
    return Candidate(
        command,
        line,
        likely.score - _LEFT_OUT * (len(left_out) + ignored),
        left_out,
        surely=likely.surely or (likely.score > PERHAPS and not left_out),
        guessed=isinstance(reading, Guess),
        problem=problem,
    )
