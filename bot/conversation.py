"""Answer a message by what its conversation is about: follow-ups are read as whole lines.

    text ── accepted as it is? ──> run
      └── points at an item or a button? ──> its line ──┐
      └── adds to the line before? ──> both together ───┴── accepted? ──> run, "Read as `…`"
      └── else: as if nothing had been said before

A follow-up never changes anything: no line that does is made of one. The exception is a command
that `follows`, if the text names it and only what it is about was said before: "I have it".
"""

from dataclasses import replace

from bot.commands import reader
from bot.commands.arguments import is_service
from bot.errors import reply_or_error
from bot.follow_ups import About, addition, may_follow, merged, pointed_at, subject
from bot.registry import Guess, Message, Registry
from bot.replies import Reply, Sentence, parts
from ops.errors import OpsError
from ops.language.reading import Reading

_ADDS = ("and", "also", "but", "only", "just", "with")
_NARROWED_BY_WORDS = ("alerts",)  # in whose lines several words are several conditions
_SAYS_NOTHING = ("help",)  # that a conversation could be about
_POSSESSIVES = ("its", "their")


async def answer(message: Message, registry: Registry, before: About | None) -> Reply:
    """Return the reply to a message in a conversation about something, None for nothing yet."""
    return await follow_up(message, registry, before) or await registry.answer(message)


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
    said = Reading(line).sentence()
    return replace(reply, summary=Sentence(f"{said} ", *parts(reply.summary)), line=line)


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
