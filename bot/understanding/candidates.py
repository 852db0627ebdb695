"""Turn a text into lines that a command would run, the likeliest first."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.commands.reads import names_for
from bot.intents import Intent, Thing
from bot.registry import Command, Guess, Message, NothingToRead, Registry
from bot.understanding.cues import PERHAPS, SMALL, SURELY, Cued, Cues
from bot.understanding.habits import without_habits
from bot.understanding.things import Found, things_in
from ops.errors import InvalidInput, NotFound, OpsError
from ops.guard import may
from ops.language import lines
from ops.language.changes import take_reason
from ops.language.lines import Word
from ops.language.names import Kind, Likeness, Names
from ops.language.reading import Reading
from ops.language.trace_ids import find_trace_ids
from ops.patience import patient

SECONDS = 1.0  # the most that filling and checking one line may take
LONG = 500  # characters: reading more may take some milliseconds
MOST_TRIED = 6
MOST_TRIED_OF_LONG = 2  # that many words speak for everything
_NAMED = 20.0  # for a command that shows what a text names and cannot be read otherwise
_LEFT_OUT = 1.5  # what a word that a command cannot use speaks against it; a name twice that
_SHARE = 2.0  # what a share of traces adds for a command that takes one
_CONTRACTED = re.compile(r"\b(how|what|who|where|when|why)s\b(?!=)", re.IGNORECASE)
_TOKEN = re.compile(r"\S++")
_SPELT = Likeness.LETTERS
_NOTHING = Cued(0.0, frozenset(), surely=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A whole line that its command accepts, what speaks for it, and the words it leaves out.

    `sentence` says how the text was read,
    `surely` means that the words say so, `guessed` is something in it that nobody said. The
    line of a command that the user may not run is only its name. `problem` is why the line is
    not possible right now: it is only there to say so.
    """

    command: Command
    line: str
    score: float
    left_out: tuple[str, ...] = ()
    sentence: str = ""
    surely: bool = False
    guessed: str = ""
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
    def brief(self) -> str:
        """The line without words that set no condition, for a reader that would ask about them."""
        line = self.line
        for word in reversed(self.words):
            plain = not (word.quoted or word.operator) and word.small in SMALL
            if plain and line[word.start : word.end] == word.text:
                line = line[: word.start] + line[word.end :]
        return " ".join(line.split()) if line != self.line and '"' not in line else line

    @property
    def content(self) -> list[str]:
        """The words that are more than filler, in small letters."""
        return [word.small for word in lines.without_filler(self.words)]


async def read_text(message: Message, text: str, cues: Cues) -> Text:
    """Read a text, a long one in a thread; raises InvalidInput if it has too many words."""
    names = await names_for(message)
    if len(text) > LONG:
        return await asyncio.to_thread(_text, text, names, cues)
    return _text(text, names, cues)


def _text(text: str, names: Names, cues: Cues) -> Text:
    line = _CONTRACTED.sub(r"\1 is", lines.normal(without_habits(text)))
    said, _ = take_reason(line)
    # Places in what is said are places in the line only if the reason is at its end.
    corrected = line
    if line.startswith(said):
        corrected = cues.corrected(_misspelt(lines.words(said), names), line)
    words = lines.words(_without_links(take_reason(corrected)[0]))
    found = things_in(words, names, cues.known, find_trace_ids(corrected))
    return Text(corrected, words, found, cues.found(word.small for word in words))


def _misspelt(words: Sequence[Word], names: Names) -> list[Word]:
    """Return the words that may be misspelt: those that nothing is called."""
    kinds = (Kind.SERVICE, Kind.ALERT, Kind.OPERATION, Kind.SITE)
    return [each for each in words if not names.recognise(each.text, *kinds, least=_SPELT)]


def _without_links(line: str) -> str:
    return _TOKEN.sub(lambda token: "" if "://" in token[0] else token[0], line)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates, the likeliest first.

    `refused` says why commands refuse the text, by their name; `named` is the command that the
    words are about, if any.
    """

    found: tuple[Candidate, ...] = ()
    refused: Mapping[str, OpsError] = field(default_factory=dict)
    named: Command | None = None


async def candidates(
    registry: Registry, message: Message, text: Text, favourite: Command | None = None
) -> Candidates:
    """Return the lines that a text may mean; `favourite` is the command that it names."""
    most = MOST_TRIED_OF_LONG if len(text.line) > LONG else MOST_TRIED
    tried = sorted(_likely(registry, text, favourite), key=lambda each: -each.score)[:most]
    filled = await asyncio.gather(*(_filled(registry, message, text, each) for each in tried))
    accepted = [each for found in filled if isinstance(found, tuple) for each in found]
    if favourite is None:
        accepted += await _by_name(registry, message, text, accepted)
    best: dict[str, Candidate] = {}
    for each in sorted(accepted, key=lambda each: -each.score):
        best.setdefault(each.line, each)
    refused = {
        likely.command.name: each
        for likely, each in zip(tried, filled, strict=True)
        if isinstance(each, InvalidInput | NotFound) and not isinstance(each, NothingToRead)
    }
    said = (each.command for each in tried if text.cued.get(each.command.name, _NOTHING).surely)
    return Candidates(tuple(best.values()), refused, favourite or next(said, None))


async def _by_name(
    registry: Registry, message: Message, text: Text, accepted: Sequence[Candidate]
) -> list[Candidate]:
    """Return the lines that show what a text names, if every other line leaves that out."""
    named = {word for each in text.things if each.name for word in each.words}
    if any(named.isdisjoint(map(str.casefold, each.left_out)) for each in accepted):
        return []
    likely = [each for each in registry.commands if _alone(each.intent, text.things)]
    found = [
        await _filled(registry, message, text, Candidate(each, each.name, _NAMED))
        for each in likely
    ]
    return [each for those in found if isinstance(those, tuple) for each in those]


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
) -> tuple[Candidate, ...] | OpsError:
    """Return the line with its arguments, and others instead, or why its command refuses it."""
    command = likely.command
    if not await may(message.actor, *command.needs):
        denied = replace(likely, line=command.name, allowed=False)
        return (denied,)
    if command.read is None:
        return ()
    try:
        async with asyncio.timeout(patient(SECONDS)):
            line = text.brief if command.intent.reads_all else text.line
            reading = await command.read(message, line)
            others = reading.others if isinstance(reading, Guess) else ()
            found = [
                await _accepted(registry, message, text, likely, replace(reading, line=each))
                for each in (reading.line, *others)
            ]
    except TimeoutError:
        return ()
    except OpsError as refused:
        return refused
    return tuple(filter(None, found))


async def _accepted(
    registry: Registry, message: Message, text: Text, likely: Candidate, reading: Reading
) -> Candidate | None:
    """Return the line of a reading if its command accepts it; raises OpsError if it refuses it."""
    command = likely.command
    line = f"{command.name} {reading.line}".strip()
    reached, rest = registry.find(line)
    if reached is not command:
        return None
    problem = None
    try:
        await command.parse(message, rest)
    except (InvalidInput, NotFound):
        raise
    except OpsError as error:  # the line is right, but this is not the moment for it
        problem = error
    # A reader that knows all of its words says itself what it leaves out.
    cued = frozenset() if command.intent.reads_all else text.cued.get(command.name, _NOTHING).words
    left_out = tuple(word for word in reading.left_out if word.casefold() not in cued | SMALL)
    named = {word for each in text.things if each.name for word in each.words}
    ignored = sum(word.casefold() in named for word in left_out)
    return Candidate(
        command,
        line,
        likely.score - _LEFT_OUT * (len(left_out) + ignored),
        left_out,
        replace(reading, left_out=left_out, exact=False).sentence(command.name),
        surely=likely.surely or (likely.score > PERHAPS and not left_out),
        guessed=reading.why if isinstance(reading, Guess) else "",
        problem=problem,
    )
