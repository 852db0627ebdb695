"""Answer a message by what its conversation is about: follow-ups are read as whole lines.

    text ── accepted as it is? ──> run
      └── points at an item or a button? ──> its line ──┐
      └── adds to the line before? ──> both together ───┴── accepted? ──> run, "Read as `…`"
      └── else: as if nothing had been said before

    and, if it was addressed to the bot:
      └── says "it", or lacks what it is about? ── with that in its place ──> run, or offered

A follow-up never changes anything: a line that does is only offered. The exception is a command
that `follows`, if the text names it and only what it is about was said before: "I have it".
"""

from dataclasses import replace

from bot.commands import reader
from bot.commands.arguments import is_service
from bot.errors import reply_or_error
from bot.follow_ups import (
    HAVE_IT,
    About,
    addition,
    called,
    may_follow,
    merged,
    pointed_at,
    said_whole,
    subject,
    with_shown_id,
)
from bot.registry import Guess, Message, Registry
from bot.replies import MOST_GUESSED, Reply, Sentence, parts
from ops.errors import OpsError
from ops.language.reading import Reading

_ADDS = ("and", "also", "but", "only", "just", "with")
_NARROWED_BY_WORDS = ("alerts",)  # in whose lines several words are several conditions
_SAYS_NOTHING = ("help",)  # that a conversation could be about
_POSSESSIVES = ("its", "their")
_STILL = frozenset(("still", "yet", "anymore"))
_IT = ("it", "this", "that", "one", "this one", "that one")


async def answer(message: Message, registry: Registry, before: About | None) -> Reply:
    """Return the reply to a message in a conversation about something, None for nothing yet."""
    whole = with_shown_id(message.text, before)
    if whole != message.text:
        return _read_as(whole, await registry.answer(replace(message, text=whole)))
    return (
        await follow_up(message, registry, before)
        or await _about_it(message, registry, before)
        or await registry.answer(message)
    )


async def follow_up(message: Message, registry: Registry, before: About | None) -> Reply | None:
    """Return the reply to a message that means something by what was said before, else None."""
    if before is None or message.stranger or not may_follow(message.text):
        return None
    if await registry.accepts(message, message.text):
        return None
    line = await _line(message, registry, before)
    if not line or not await registry.accepts(message, line):
        return None
    command, _ = registry.find(line)
    named, _ = registry.find(message.text)
    if command.changes and not (command.follows and command is named):
        return None
    reply = await reply_or_error(registry.run(message, line), command.name, line)
    return _read_as(line, reply)


def _read_as(line: str, reply: Reply) -> Reply:
    said = Reading(line).sentence()
    if reply.summary.startswith("Read as"):
        return reply
    return replace(reply, summary=Sentence(f"{said} ", *parts(reply.summary)), line=line)


async def _about_it(message: Message, registry: Registry, before: About | None) -> Reply | None:
    """Return the reply to a text that is about what was shown before, else None.

    It points at a button, says "it" or "this", or lacks what its command is about: `mute it till
    6`, `who has it?`, `close it`, `ack`. Changes are offered, unless the command asks itself.
    """
    if before is None or message.stranger or not may_follow(message.text):
        return None
    if await registry.accepts(message, message.text):
        return None
    line = await _whole(message, registry, before)
    command, _ = registry.find(line)
    if not line or command is registry.fallback:
        return await registry.answer(replace(message, text=line)) if line else None
    if not await registry.accepts(message, line):
        return None
    named, _ = registry.find(message.text)
    follows = command.asks or (command.follows and command is named)
    if command.changes and not follows:
        return reader.offer(line) if len(line) <= MOST_GUESSED else None
    reply = await reply_or_error(registry.run(message, line), command.name, line)
    return _read_as(line, reply)


async def _whole(message: Message, registry: Registry, before: About) -> str:
    """Return a text with what it is about, "" if that is not what was shown before."""
    text = message.text
    if line := pointed_at(text, before):
        return line
    named, rest = registry.find(text)
    if named.follows and (rest.lower() in _IT or not rest):
        line = dict(before.steps).get(HAVE_IT, "")
        if registry.find(line)[0] is named:
            return line
    it = called(before) or _service(before.line)
    if not it or not (named in registry.commands or reader.likeliest(text, None)):
        return ""
    if whole := said_whole(text, it):
        return whole
    continues = not _STILL.isdisjoint(text.lower().strip("?!. ").split())
    lacks = named in registry.commands or continues or await reader.lacks_a_thing(message)
    return f"{text} {it}" if lacks else ""


async def _line(message: Message, registry: Registry, before: About) -> str:
    """Return the line that a text means after another one, "" for none."""
    if line := pointed_at(message.text, before):
        return line
    reached, _ = registry.find(message.text)
    if reached in registry.commands:
        return ""
    command, rest = registry.find(before.line)
    added, lead = addition(message.text)
    first, _, name = added.partition(" ")
    if command.read is None or command.changes or command.name in _SAYS_NOTHING or not added:
        return ""
    joined = lead in _ADDS or first.lower() in _POSSESSIVES
    if not joined and reader.stands_alone(message.text, command):
        return ""
    try:
        old = await command.read(message, rest) if rest else Reading("")
        asked = name if first.lower() in _POSSESSIVES else added if lead in _ADDS else ""
        other, more = registry.find(asked)
        if other in registry.commands and not more and (service := _service(old.line)):
            return f"{asked} {service}"
        new = await command.read(message, added)
    except OpsError:
        return ""
    whole = subject(new.line) and not lead
    if whole or new.left_out or not new.line or isinstance(new, Guess):
        return ""
    adds = command.name in _NARROWED_BY_WORDS and (lead in _ADDS or not lead)
    return f"{command.name} {merged(old.line, new.line, replaces_words=not adds)}"


def _service(line: str) -> str:
    """Return the service that a strict line is about, "" for none."""
    return subject(line) or next(filter(is_service, line.split()), "")
