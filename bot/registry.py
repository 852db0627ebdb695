"""Which words reach which handler: tried in order, the first match wins, else the default."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.errors import reply_or_error, stranger_reply
from bot.replies import Reply
from bot.text import normalise
from ops.actor import Actor
from ops.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class Message:
    """One message to the bot: who wrote it, its clean text, Slack's event ({} in the console).

    `stranger` says why the actor is nobody we know, "" when they are known.
    """

    actor: Actor
    text: str
    event: Mapping[str, Any] = field(default_factory=dict, repr=False)
    stranger: str = ""


Handler = Callable[[Message, str], Awaitable[Reply]]
"""Gets the message and the text of the pattern's group ("" when it took no part)."""


class RegistryError(Exception):
    """The commands contradict each other or their own help; the bot does not start."""


@dataclass(frozen=True, slots=True)
class Command:
    """A registered command.

    `usage` is its form, `examples` are lines that must reach it, `details` sentences for its help.
    What `changes` something is never done a second time without asking.
    """

    pattern: re.Pattern[str]
    handler: Handler
    name: str = ""
    usage: str = ""
    summary: str = ""
    examples: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    changes: bool = False


class Registry:
    """Commands in the order of their registration, and one handler for everything else."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.fallback: Command | None = None

    def command(
        self,
        pattern: str,
        name: str,
        *,
        usage: str = "",
        summary: str,
        examples: tuple[str, ...],
        details: tuple[str, ...] = (),
        changes: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Register a handler for texts that match the pattern as a whole, in any case.

        The pattern has one group or none: what the handler gets besides the message.
        """
        compiled = re.compile(pattern, re.IGNORECASE)
        if compiled.groups > 1:
            raise RegistryError(f'the pattern of "{name}" has more than one group')

        def register(handler: Handler) -> Handler:
            written = f"{name} {usage}".strip()
            self.commands.append(
                Command(compiled, handler, name, written, summary, examples, details, changes)
            )
            return handler

        return register

    def default(self, handler: Handler) -> Handler:
        """Register the handler of every text that no command matches; there is one."""
        if self.fallback is not None:
            raise RegistryError(f"{handler.__name__} is a second default handler")
        self.fallback = Command(re.compile(""), handler)
        return handler

    def check(self) -> None:
        """Raise RegistryError unless there is a default and every help example reaches its own."""
        if self.fallback is None:
            raise RegistryError("there is no default handler")
        for command in self.commands:
            if not command.examples:
                raise RegistryError(f'"{command.name}" has no example for its help')
            for example in command.examples:
                reached, _ = self._find(normalise(example))
                if reached is not command:
                    raise RegistryError(f'the example "{example}" does not reach "{command.name}"')

    def nearest(self, text: str) -> str:
        """Return `; did you mean "list traces"?` for a text like a command, else ""."""
        words = text.lower().split(maxsplit=3)[:2]
        names = [command.name for command in self.commands]
        return did_you_mean(" ".join(words), names) or did_you_mean(" ".join(words[:1]), names)

    def changes(self, text: str) -> bool:
        """Whether the command that a text reaches changes something."""
        return self._find(text)[0].changes

    async def answer(self, message: Message) -> Reply:
        """Let the first command that matches answer; whatever goes wrong becomes a reply.

        A stranger's command goes as far as the guard, which refuses and records it; what the
        stranger reads is only why they are one.
        """
        command, rest = self._find(message.text)
        reply = await reply_or_error(command.handler(message, rest), command.name)
        return stranger_reply(message.stranger) if message.stranger else reply

    def _find(self, text: str) -> tuple[Command, str]:
        for command in self.commands:
            if match := command.pattern.fullmatch(text):
                rest = match[1] if command.pattern.groups else ""
                return command, rest or ""
        if self.fallback is None:
            raise RegistryError("there is no default handler")
        return self.fallback, text
