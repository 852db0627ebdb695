"""Decide what a text means: run the one sure reading, or offer up to three as buttons."""

from dataclasses import replace

from bot.commands.part_ids import which_of, whole_ids
from bot.errors import error_reply, reply_or_error
from bot.registry import Command, Message, Registry
from bot.replies import MOST_GUESSED, FollowUp, Reply, Row, Sentence, parts
from bot.understanding.candidates import Candidate, Text, candidates, read_text
from bot.understanding.cues import SURELY, Cues
from bot.understanding.not_offered import WORDS, NotOffered, not_offered
from bot.understanding.small_talk import ANSWERS, small_talk
from ops.errors import InvalidInput, NotFound, OpsError
from ops.language.lines import normal, words
from ops.language.times import TIME_WORDS
from ops.language.trace_ids import Part, find_part, find_trace_id, replace_part
from ops.vocabulary.texts import shortened

MOST_OFFERED = 3
FAR_BEHIND = 4.0
AHEAD = 1.0  # of the next reading, for a reading to be sure
MOST_LEFT_OUT = 1 / 3  # of the words that are more than filler
_BEFORE_NEXT = 4  # follow-ups of the answer before the next best reading: Slack shows five
_HELP = FollowUp("Help", "help")
_UNCHANGED = "Nothing has changed yet."


class Reader:
    """Reads what reaches no command of a registry, and what a command refuses."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.cues = Cues(registry.commands, {*WORDS, *ANSWERS, *TIME_WORDS})

    async def answer(self, message: Message) -> Reply:
        """Answer a text that reaches no command."""
        text = message.text
        unknown = InvalidInput(
            f'there is no command "{shortened(text, 80)}"; "help" lists the commands'
        )
        if part := find_part(text):
            return await self._with_whole_id(message, part)
        try:
            read = await read_text(message, text, self.cues)
        except InvalidInput:
            return await self._nothing(message, unknown)
        if reply := small_talk(text.lower().split()) or small_talk(read.said):
            return reply
        named = {word for cued in read.cued.values() if cued.surely for word in cued.words}
        if refused := not_offered(frozenset(read.said), next(iter(read.content), ""), named):
            return await self._instead(message, read, refused)
        return await self._likeliest(message, read) or await self._nothing(message, unknown)

    async def _likeliest(self, message: Message, read: Text) -> Reply | None:
        """Answer what a text most likely means, None if it means no command."""
        tried = await candidates(self.registry, message, read)
        found = list(tried.found)
        if found and found[0].problem:
            return _not_now(found)
        refusal = tried.refused.get(tried.named.name) if tried.named else None
        if tried.named and refusal and found and self._says_more(read, tried.named, found[0]):
            return _refused(refusal, tried.named, [])
        if found and self._is_sure(read, found):
            return await self._run(message, found)
        said = bool(found) and found[0].surely
        if not said and (mentioned := await self._mentioned(message)):
            return mentioned
        if tried.named and refusal:
            return _refused(refusal, tried.named, found)
        return _offer(found) if _offered(found) else None

    def likeliest(self, text: str, besides: Command | None) -> Command | None:
        """Return the command that most of a text speaks for, None for none."""
        try:
            line = normal(text)
            found = self.cues.found(
                word.small for word in words(self.cues.corrected(words(line), line))
            )
        except InvalidInput:
            return None
        others = [each for each in self.registry.commands if each is not besides]
        weights = {each.name: found[each.name].weight for each in others if each.name in found}
        name = max(weights, key=weights.__getitem__, default="")
        return next((each for each in others if each.name == name), None)

    def stands_alone(self, text: str, command: Command) -> bool:
        """Return whether a text says by itself what it is about, and does not go on about a line.

        It names another command or a trace, or says the name of the command of that line again.
        """
        try:
            line = normal(text)
            said = [word.small for word in words(self.cues.corrected(words(line), line))]
        except InvalidInput:
            return False
        surely = {name for name, cued in self.cues.found(said).items() if cued.surely}
        again = command.name.split()[-1] in said
        return bool(find_trace_id(text) or again or (surely and command.name not in surely))

    async def lacks_a_thing(self, message: Message) -> bool:
        """Return whether a text means a command, and does not say what that is about."""
        try:
            read = await read_text(message, message.text, self.cues)
        except InvalidInput:
            return False
        if read.things or small_talk(message.text.lower().split()) or small_talk(read.said):
            return False
        tried = await candidates(self.registry, message, read)
        if tried.found:
            return bool(tried.found[0].guessed)
        return tried.named is not None and tried.named.name not in tried.refused

    def offer(self, line: str) -> Reply:
        """Ask whether a line is meant that its command accepts."""
        command, _ = self.registry.find(line)
        return _offer([Candidate(command, line, SURELY)])

    async def help_with(self, message: Message, command: Command, problem: OpsError) -> Reply:
        """Answer a text that its command refuses."""
        if part := find_part(message.text):
            return await self._with_whole_id(message, part)
        try:
            read = await read_text(message, message.text, self.cues)
        except InvalidInput:
            raise problem from None
        tried = await candidates(self.registry, message, read, command)
        found = [
            each
            for each in tried.found
            if each.command is command or self._adds(read, each.command, command)
        ]
        problem = tried.refused.get(command.name, problem)
        if not _offered(found) or found[0].problem:
            raise problem
        best = found[0]
        if command.changes and best.command is not command and command.name in tried.refused:
            return _refused(problem, command, found)  # a list is no answer to a change
        if self._is_sure(read, found, command):
            return await self._run(message, found)
        if best.command is not command:
            return _offer(found)
        if best.guessed:
            asked = f"{str(problem)[:1].upper()}{str(problem)[1:]}"
            return replace(_offer(found), notes=(asked,))
        return _refused(problem, command, found)

    def _says_more(self, read: Text, one: Command, other: Candidate) -> bool:
        """Return whether all words that speak for a reading, and others, speak for a command."""
        names = (one.name, other.command.name)
        words = [read.cued[name].words for name in names if name in read.cued]
        return len(words) == 2 and words[0] > words[1]

    def _adds(self, read: Text, other: Command, named: Command) -> bool:
        """Return whether more than the name of one command speaks for another."""
        if named.changes and other.changes:
            return False
        words = read.cued[other.name].words if other.name in read.cued else frozenset()
        things = {each.thing for each in read.things}
        return bool(
            words - set(named.name.split())
            or things & (set(other.intent.about) - set(named.intent.about))
        )

    def _is_sure(self, read: Text, found: list[Candidate], named: Command | None = None) -> bool:
        """Return whether to run the best reading: a read, or a change that is named or asks."""
        best, *others = found
        clear = best.command.asks or (best.command is named and not best.left_out)
        if best.command.changes and not clear:
            return False
        return (
            best.surely
            and not best.guessed
            and len(best.left_out) <= MOST_LEFT_OUT * len(read.content)
            and all(best.score - each.score >= AHEAD for each in others)
        )

    async def _run(self, message: Message, found: list[Candidate]) -> Reply:
        """Answer the best reading, saying how the text was read, and offer the next one."""
        best = found[0]
        reply = await reply_or_error(
            self.registry.run(message, best.line), best.command.name, best.line
        )
        if not best.allowed:
            return reply
        shown = list(reply.follow_ups)
        for other in [] if reply.card else _offered(found)[1:2]:
            shown.insert(_BEFORE_NEXT, FollowUp(f"Instead: {other.line}", other.line))
        return replace(read_as(best, reply), follow_ups=tuple(shown))

    async def _instead(self, message: Message, read: Text, refused: NotOffered) -> Reply:
        """Say that something is not offered, with the lines that are accepted instead."""
        named: dict[str, str] = {}
        for each in read.things:
            if each.name:
                named[each.thing.value] = each.name.name
                if each.name.of:  # the service of an instance, version or operation
                    named.setdefault("service", each.name.of)
        lines = [
            line for line in refused.lines(named) if await self.registry.accepts(message, line)
        ]
        offered = [(line, self.registry.find(line)[0]) for line in lines[:MOST_OFFERED]]
        return Reply(
            refused.sentence,
            tuple(Row((line, command.summary)) for line, command in offered),
            follow_ups=tuple(FollowUp(line, line) for line, _ in offered),
        )

    async def _with_whole_id(self, message: Message, part: Part) -> Reply:
        """Answer a text with the whole ID for the part of a trace ID in it."""
        try:
            found = await whole_ids(message, part)
        except NotFound as unknown:
            return replace(error_reply(unknown), follow_ups=(_HELP,))
        texts = [replace_part(message.text, each) for each in found]
        commands = [self.registry.find(text)[0] for text in texts]
        if self.registry.fallback in commands:
            texts = [f"show trace {each}" for each in found]
        if len(texts) > 1:
            return which_of(texts, f"The IDs of these traces have the digits {part}")
        [line] = texts
        command, _ = self.registry.find(line)
        if command.changes:
            return self.offer(line)
        reply = await reply_or_error(self.registry.run(message, line), command.name, line)
        return read_as(Candidate(command, line, SURELY, sentence=f"Read as `{line}`."), reply)

    async def _nothing(self, message: Message, problem: OpsError) -> Reply:
        """Say that a text is no command, or offer the trace that it mentions."""
        mentioned = await self._mentioned(message)
        return mentioned or replace(error_reply(problem), follow_ups=(_HELP,))

    async def _mentioned(self, message: Message) -> Reply | None:
        """Offer the trace whose ID is in a text, such as a line of a log."""
        trace_id = find_trace_id(message.text)
        line = f"show trace {trace_id}"
        if not trace_id or not await self.registry.accepts(message, line):
            return None
        shown = (FollowUp(line, line), _HELP)
        return Reply(f"Did you mean `{line}`?", failed=True, follow_ups=shown)


def _offered(found: list[Candidate]) -> list[Candidate]:
    """Return those that a button can show and that are not far behind the best."""
    best = found[0] if found else None
    return [
        each
        for each in found
        if each.allowed
        and not each.problem
        and len(each.line) <= MOST_GUESSED
        and best
        and each.surely >= best.surely
        and each.score > max(0, best.score - FAR_BEHIND)
    ][:MOST_OFFERED]


def _buttons(found: list[Candidate]) -> tuple[FollowUp, ...]:
    return tuple(FollowUp(each.line, each.line) for each in _offered(found))


def _offer(found: list[Candidate]) -> Reply:
    """Ask which of the best readings is meant."""
    shown = _offered(found)
    either = " or ".join(f"`{each.line}`" for each in shown)
    asks = f" {_UNCHANGED}" if any(each.command.changes for each in shown) else ""
    return Reply(
        f"Did you mean {either}?{asks}",
        tuple(Row((each.line, each.guessed or each.command.summary)) for each in shown),
        failed=True,
        follow_ups=(*_buttons(found), _HELP),
    )


def _refused(problem: OpsError, command: Command, found: list[Candidate]) -> Reply:
    """Say why a command refuses a text, with what can be read instead."""
    refused = error_reply(problem, command.name)
    return replace(refused, follow_ups=(*_buttons(found), *refused.follow_ups))


def _not_now(found: list[Candidate]) -> Reply:
    """Say why the best reading is not possible right now, with the others."""
    best = found[0]
    refused = error_reply(best.problem or OpsError(), best.command.name)
    return replace(read_as(best, refused), follow_ups=_buttons(found))


def read_as(read: Candidate, reply: Reply) -> Reply:
    """Let a reply say first how a text was read."""
    return replace(reply, summary=Sentence(f"{read.sentence} ", *parts(reply.summary)))
