"""Route a text to its command: the first pattern that matches wins, else the default.

The patterns run under RE2 in time linear in the text, so that no message can block the bot.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import re2

from bot.errors import reply_or_error, stranger_reply
from bot.replies import FollowUp, Reply
from bot.text import normalise
from ops import limits
from ops.accounts.account import SlackAccount
from ops.actor import Actor
from ops.guard import check, name_of, record_refusal

ALIKE = 0.7  # similarity from which a command is suggested; 1 is identical
LONGEST_NAME = 3  # words: "list of traces"
LONGEST_LEAD = 5  # words: "could you please show me traces"
_WITHIN = 0.72  # for a command inside the text: "show me the alerts" means "alerts"
_LONGEST_HEAD = 40
_LONGEST_SLIP = 400  # a suggestion for a longer text would not be readable on a button
_WORD_APART = 0.1
_SAYING_APART = 0.1  # "change samplng" is a typo of "change sampling", not the saying "change"
_OPTIONS = re2.Options()
_OPTIONS.case_sensitive = False
_OPTIONS.dot_nl = True  # a quoted value may have several lines
_OPTIONS.log_errors = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message to the bot: its author, clean text and Slack event ({} in the console).

    `stranger` is the reason why the author is not an OpsPortal user, "" if they are one;
    `newcomer` is the Slack account of a stranger who may link it.
    """

    actor: Actor
    text: str
    event: Mapping[str, Any] = field(default_factory=dict, repr=False)
    stranger: str = ""
    newcomer: SlackAccount | None = None


Handler = Callable[[Message, str], Awaitable[Reply]]
"""Called with the message and the text of the pattern's group ("" if it did not match)."""


class RegistryError(Exception):
    """The commands contradict each other or their own help, so the bot does not start."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command: a pattern and its handler, with their help.

    `usage` is its form, `examples` are lines that must reach it, `details` are sentences for its
    help. A command that `changes` something is never repeated without asking, unless it can
    only take effect `once`. Slack users who are not linked may use a command for `newcomers`.
    A user who may do none of the actions it `needs` is refused before the rest is read.
    """

    pattern: Any
    handler: Handler
    name: str = ""
    usage: str = ""
    summary: str = ""
    examples: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    changes: bool = False
    once: bool = False
    newcomers: bool = False

    @property
    def audit_name(self) -> str:
        """The name under which the audit log records a refusal: "bot.list_traces"."""
        return f"bot.{self.name.replace(' ', '_') or 'unknown'}"


def command(  # noqa: PLR0913  all but two are named where it is called
    pattern: str,
    name: str,
    *,
    usage: str = "",
    summary: str,
    examples: tuple[str, ...],
    details: tuple[str, ...] = (),
    needs: tuple[Callable[..., Awaitable[Any]], ...] = (),
    changes: bool = False,
    once: bool = False,
    newcomers: bool = False,
) -> Callable[[Handler], Command]:
    """Make a handler the command for texts that match the whole pattern, ignoring case.

    The pattern uses RE2's syntax and has at most one group, which the handler gets besides
    the message. Raises RegistryError for a pattern that cannot be used.
    """
    try:
        compiled = re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        raise RegistryError(f'the pattern of "{name}" is not RE2: {error}') from None
    if compiled.groups > 1:
        raise RegistryError(f'the pattern of "{name}" has more than one group')

    def made(handler: Handler) -> Command:
        return Command(
            compiled,
            handler,
            name,
            f"{name} {usage}".strip(),
            summary,
            examples,
            details,
            tuple(map(name_of, needs)),
            changes=changes,
            once=once,
            newcomers=newcomers,
        )

    return made


class Registry:
    """The commands in order of registration, and one default handler for everything else."""

    def __init__(self, sayings: Mapping[str, str] | None = None) -> None:
        """Create a registry; `sayings` maps phrases to the lines they mean, see bot.sayings."""
        self.sayings = sayings or {}
        self.commands: list[Command] = []
        self.fallback: Command | None = None

    def add(self, *commands: Command) -> None:
        """Register commands; they are tried in this order."""
        self.commands.extend(commands)

    def default(self, handler: Handler) -> Handler:
        """Register the one handler for texts that no command matches."""
        if self.fallback is not None:
            raise RegistryError(f"{handler.__name__} is a second default handler")
        self.fallback = Command(re2.compile(""), handler)
        return handler

    def check(self) -> None:
        """Raise RegistryError unless there is a default and each example reaches its command."""
        if self.fallback is None:
            raise RegistryError("there is no default handler")
        for command in self.commands:
            if not command.examples:
                raise RegistryError(f'"{command.name}" has no example for its help')
            for example in command.examples:
                reached, _ = self.find(normalise(example))
                if reached is not command:
                    raise RegistryError(f'the example "{example}" does not reach "{command.name}"')
        for saying, line in self.sayings.items():
            if self.find(saying)[0] is not self.fallback:
                raise RegistryError(f'the saying "{saying}" is a command')
            if self.find(_filled(line, ""))[0] is self.fallback:
                raise RegistryError(f'the saying "{saying}" leads to no command')

    def changes(self, text: str) -> bool:
        """Return whether the command that a text reaches changes something."""
        return self.find(text)[0].changes

    def asks_again(self, text: str) -> bool:
        """Return whether to ask before repeating a text that a killed process may have run."""
        command, _ = self.find(text)
        return command.changes and not command.once

    def find(self, text: str) -> tuple[Command, str]:
        """Return the command that a normalised line reaches, else the default, and its group.

        A text that is too long is not searched for a command.
        """
        if len(text) > limits.LONGEST_TEXT:
            return _TOO_LONG, ""
        for command in self.commands:
            if match := command.pattern.fullmatch(text):
                rest = match[1] if command.pattern.groups else ""
                return command, rest or ""
        if self.fallback is None:
            raise RegistryError("there is no default handler")
        return self.fallback, text

    def nearest(self, text: str) -> str:
        """Return the line that was probably meant: "list traces error" for "lst trace error".

        Returns "" if no command is near. Show the line, but never run it. The search takes some
        milliseconds, so run it in a thread.
        """
        if len(text) > _LONGEST_SLIP:
            return ""
        _, _, line = max(self._guesses(text), default=(0.0, 0, ""))
        return line

    async def answer(self, message: Message) -> Reply:
        """Answer with the first command that matches; errors become replies too.

        Strangers are refused here, with the reason, unless the command is for newcomers; the
        audit log records the refusal.
        """
        command, rest = self.find(message.text)
        if message.stranger and not (command.newcomers and message.newcomer):
            await record_refusal(message.actor, command.audit_name, message.stranger)
            offered = [each for each in self.commands if each.newcomers and message.newcomer]
            buttons = (FollowUp(each.name.capitalize(), each.name) for each in offered)
            return stranger_reply(message.stranger, message.newcomer, *buttons)
        again = "" if command.changes else message.text
        return await reply_or_error(_permitted(command, message, rest), command.name, again)

    def _guesses(self, text: str) -> Iterator[tuple[float, int, str]]:
        """Yield guesses: the similarity, the number of words replaced, and the resulting line.

        A guess replaces the first words by a similar command, or drops them: "could you list
        traces".
        """
        words = text.split(maxsplit=LONGEST_NAME)
        for taken in range(1, min(len(words), LONGEST_NAME) + 1):
            head = " ".join(words[:taken])[:_LONGEST_HEAD].lower()
            rest = " ".join(words[taken:])
            for command in self.commands:
                near = max(self._alike(head, name) for name in self._names(command))
                line = f"{command.name} {rest}".rstrip()
                if near >= ALIKE and self.find(line)[0] is command:
                    yield near, taken, line
            for saying, meant in self.sayings.items():
                near, line = self._alike(head, saying), _filled(meant, rest)
                if near >= ALIKE and self.find(line)[0] is not self.fallback:
                    yield near - _SAYING_APART, taken, line
        words = text.split(maxsplit=LONGEST_LEAD)
        for skipped in range(1, len(words)):
            line = " ".join(words[skipped:])
            line = _filled(self.sayings.get(line.lower(), line), "")
            if self.find(line)[0] is not self.fallback:
                yield _WITHIN, 0, line
                return

    def _names(self, command: Command) -> Iterator[str]:
        """Yield the command's name, and its last word if that alone reaches the command."""
        yield command.name
        last = command.name.rpartition(" ")[2]
        if self.find(last)[0] is command:
            yield last

    @staticmethod
    def _alike(head: str, name: str) -> float:
        """Return the similarity; each extra or missing word counts like a letter or two."""
        apart = abs(head.count(" ") - name.count(" "))
        return SequenceMatcher(None, head, name).ratio() - _WORD_APART * apart


async def _permitted(command: Command, message: Message, rest: str) -> Reply:
    """Check the permission, then run the command; without it the words are not read."""
    if command.needs:
        await check(message.actor, *command.needs, text=message.text)
    return await command.handler(message, rest)


async def _refuse(message: Message, _: str) -> Reply:
    raise limits.too_long("your message", message.text)


_TOO_LONG = Command(re2.compile(""), _refuse)


def _filled(line: str, rest: str) -> str:
    """Put the rest of a text into the {} of a line."""
    return " ".join(line.replace("{}", rest).split())
