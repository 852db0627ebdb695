"""Route a text to its command: the first pattern that matches wins, else the default.

The patterns run under RE2 in time linear in the text, so that no message can block the bot.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import re2

from bot.errors import reply_or_error, stranger_reply
from bot.intents import NO_INTENT, Intent
from bot.replies import FollowUp, Reply
from bot.text import normalise
from ops import limits
from ops.accounts.account import SlackAccount
from ops.actor import Actor
from ops.errors import InvalidInput, NotFound, OpsError
from ops.guard import check, may, name_of, record_refusal
from ops.language.reading import Reading
from ops.language.times import Clock
from ops.language.zones import UTC
from ops.vocabulary.timerange import now_ns

_OPTIONS = re2.Options()
_OPTIONS.case_sensitive = False
_OPTIONS.dot_nl = True  # a quoted value may have several lines
_OPTIONS.log_errors = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message to the bot: its author, clean text and Slack event ({} in the console).

    `stranger` is the reason why the author is not an OpsPortal user, "" if they are one;
    `newcomer` is the Slack account of a stranger who may link it. `zone` is the author's.
    """

    actor: Actor
    text: str
    event: Mapping[str, Any] = field(default_factory=dict, repr=False)
    stranger: str = ""
    newcomer: SlackAccount | None = None
    zone: ZoneInfo = UTC

    @property
    def clock(self) -> Clock:
        """The present, as the author's clock shows it."""
        return Clock(now_ns(), self.zone)


Parse = Callable[[Message, str], Awaitable[Any]]
"""Read the text of the pattern's group ("" if it did not match) against what is known now.

Returns the handler's arguments; raises OpsError for everything that the command would refuse.
"""

Read = Callable[[Message, str], Awaitable[Reading]]
"""Read a text in people's own words as the text of the pattern's group; raises OpsError."""


class NothingToRead(InvalidInput):
    """A text lacks what a command cannot do without; its `parse` says that in its own words."""


@dataclass(frozen=True, slots=True)
class Guess(Reading):
    """A reading with something in it that nobody said, `why`: it is offered, never run.

    `others` are lines that may be meant as well.
    """

    why: str = ""
    others: tuple[str, ...] = ()


Handler = Callable[[Message, Any], Awaitable[Reply]]
"""Called with the message and what the command's `parse` returned."""


async def as_typed(message: Message, rest: str) -> str:
    """Return the text as it is: the parse of a command that takes any."""
    return rest


Helper = Callable[[Message, "Command", OpsError], Awaitable[Reply]]
"""Answer a message whose command refuses it, given the problem."""


class RegistryError(Exception):
    """The commands contradict each other or their own help, so the bot does not start."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command: a pattern, the parse of what follows, and the handler; with their help.

    What `parse` refuses, `read` may write in the form that it accepts; the reply then says so.
    Neither of them changes anything.
    `usage` is its form, `examples` are lines that must reach it, `details` are sentences for its
    help. A command that `changes` something is never repeated without asking, unless it can
    only take effect `once`; what one that `follows` is about may have been said before. One that
    `asks` changes nothing before somebody presses a button of its answer. Slack users who are not
    linked may use a command for `newcomers`.
    A user who may do none of the actions it `needs` is refused before the rest is read.
    """

    pattern: Any
    handler: Handler
    parse: Parse = as_typed
    read: Read | None = None
    intent: Intent = NO_INTENT
    name: str = ""
    usage: str = ""
    summary: str = ""
    examples: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    changes: bool = False
    once: bool = False
    follows: bool = False
    asks: bool = False
    newcomers: bool = False

    @property
    def audit_name(self) -> str:
        """The name under which the audit log records a refusal: "bot.list_traces"."""
        return f"bot.{self.name.replace(' ', '_') or 'unknown'}"


def command(  # noqa: PLR0913  all but two are named where it is called
    pattern: str,
    name: str,
    *,
    parse: Parse = as_typed,
    read: Read | None = None,
    intent: Intent = NO_INTENT,
    usage: str = "",
    summary: str,
    examples: tuple[str, ...],
    details: tuple[str, ...] = (),
    needs: tuple[Callable[..., Awaitable[Any]], ...] = (),
    changes: bool = False,
    once: bool = False,
    follows: bool = False,
    asks: bool = False,
    newcomers: bool = False,
) -> Callable[[Handler], Command]:
    """Make a handler the command for texts that match the whole pattern, ignoring case.

    The pattern uses RE2's syntax and has at most one group, which `parse` gets besides the
    message. Raises RegistryError for a pattern that cannot be used.
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
            parse,
            read,
            intent,
            name,
            f"{name} {usage}".strip(),
            summary,
            examples,
            details,
            tuple(map(name_of, needs)),
            changes=changes,
            once=once,
            follows=follows,
            asks=asks,
            newcomers=newcomers,
        )

    return made


class Registry:
    """The commands in order of registration, and one default handler for everything else."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.fallback: Command | None = None
        self.helper: Helper | None = None

    def add(self, *commands: Command) -> None:
        """Register commands; they are tried in this order."""
        self.commands.extend(commands)

    def default(self, handler: Handler) -> Handler:
        """Register the one handler for texts that no command matches."""
        if self.fallback is not None:
            raise RegistryError(f"{handler.__name__} is a second default handler")
        self.fallback = Command(re2.compile(""), handler)
        return handler

    def helps(self, helper: Helper) -> Helper:
        """Register what answers a text that its command refuses."""
        self.helper = helper
        return helper

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
        reply = await reply_or_error(self._answer(message, command, rest), command.name, again)
        ran = message.text if command in self.commands else ""
        return replace(reply, line=reply.line or ran)

    async def run(self, message: Message, line: str) -> Reply:
        """Run a line that was read into a message as if it had been typed; raises OpsError."""
        command, rest = self.find(line)
        await _permit(command, message)
        reply = await command.handler(message, await command.parse(message, rest))
        return replace(reply, line=line)

    async def accepts(self, message: Message, line: str) -> bool:
        """Return whether the author may run a line, and its command would accept it."""
        command, rest = self.find(line)
        if command is self.fallback or not await may(message.actor, *command.needs):
            return False
        try:
            await command.parse(message, rest)
        except OpsError:
            return False
        return True

    async def _answer(self, message: Message, command: Command, rest: str) -> Reply:
        """Check the permission, without which the words are not read; then run the command."""
        await _permit(command, message)
        try:
            arguments = await command.parse(message, rest)
        except (InvalidInput, NotFound) as problem:
            if self.helper is None:
                raise
            return await self.helper(message, command, problem)
        return await command.handler(message, arguments)


async def _permit(command: Command, message: Message) -> None:
    if command.needs:
        await check(message.actor, *command.needs, text=message.text)


async def _refuse(message: Message, _: str) -> Reply:
    raise limits.too_long("your message", message.text)


_TOO_LONG = Command(re2.compile(""), _refuse)
