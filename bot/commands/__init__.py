"""The bot's commands, in the order in which they are tried: `registry`, at the end.

Each command reads the words, calls one action and returns its result as a reply. Slack and the
console use the same registry. The two handlers here are about the commands themselves.
"""

import asyncio
import re

from bot.answers.overview import BEGIN
from bot.commands.accounts import link
from bot.commands.alerts import list_alerts, show_alert
from bot.commands.arguments import is_service, linked_id
from bot.commands.changes import rollouts, what_changed
from bot.commands.diagnosis import diagnose, slow
from bot.commands.endings import extend_sampling
from bot.commands.overview import show_overview
from bot.commands.sampling import (
    apply,
    cancel,
    change_sampling,
    revert_sampling,
    sampling_off,
    show_history,
    show_sampling,
    undo_sampling,
)
from bot.commands.silences import end_silence, extend_silence, list_silences, silence
from bot.commands.traces import compare, list_traces, show_logs, show_trace
from bot.commands.versions import version
from bot.errors import MOST_GUESSED, suggestion_reply
from bot.registry import Message, Registry, command
from bot.replies import Reply, Row, shortened
from bot.sayings import SAYINGS
from bot.suggestions import nearest
from ops.errors import InvalidInput, NotFound

_TRACE_ID = re.compile(r"[0-9A-Fa-f]{16,32}")


@command(
    r"help(?: +(.+))?",
    "help",
    usage="[command]",
    summary="list the commands, or show how to use one",
    examples=("help", "help list traces"),
)
async def help(message: Message, rest: str) -> Reply:
    """List the commands, or explain one of them."""
    if not rest:
        rows = tuple(Row((command.name,), (command.summary,)) for command in registry.commands)
        how = ("To see how to use a command: help list traces",)
        columns = ("Command", "What it does")
        return Reply("Commands", rows, how, columns=columns, follow_ups=BEGIN)
    command, _ = registry.find(rest)
    if command in registry.commands:
        examples = tuple(Row((example,)) for example in command.examples)
        return Reply(f"{command.usage}: {command.summary}", examples, command.details)
    there_is_none = f'there is no command "{shortened(rest, 80)}"'
    near, _ = registry.find(await asyncio.to_thread(nearest, registry, rest))
    if near in registry.commands:
        hint = f'did you mean "{near.name}"?'
        return suggestion_reply(NotFound(f"{there_is_none}; {hint}"), f"help {near.name}")
    names = ", ".join(command.name for command in registry.commands)
    raise NotFound(f"{there_is_none}; the commands are {names}")


async def unknown(message: Message, text: str) -> Reply:
    """Suggest the nearest command for a text that is none; a guess is never run."""
    if not text:
        return await help.handler(message, "")
    near = await asyncio.to_thread(nearest, registry, _service_last(text))
    near = near or _about_trace(text) or _about_service(text)
    hint = f'did you mean "{shortened(near, MOST_GUESSED)}"?'
    problem = f'there is no command "{shortened(text, 80)}"; '
    problem += hint if near else '"help" lists the commands'
    return suggestion_reply(InvalidInput(problem), near)


def _about_trace(text: str) -> str:
    """Return the line that shows the trace whose ID or link ends the text, else ""."""
    trace_id = linked_id(text.rpartition(" ")[2])
    return f"show trace {trace_id}" if _TRACE_ID.fullmatch(trace_id) else ""


def _about_service(text: str) -> str:
    """Return the line that shows a service's alerts if the text is just its name, else ""."""
    return f"alerts {text}" if is_service(text) else ""


def _service_last(text: str) -> str:
    """Turn `petstore errors` into `errors petstore`, the order of the commands."""
    first, _, others = text.partition(" ")
    return f"{others} {first}" if others and is_service(first) else text


registry = Registry(SAYINGS)
# The first pattern that matches wins, so a narrower one comes before a wider one.
registry.add(
    help,
    list_traces,
    show_trace,
    show_logs,
    compare,
    change_sampling,
    undo_sampling,
    revert_sampling,
    extend_sampling,
    apply,
    cancel,
    version,
    show_alert,
    list_alerts,
    list_silences,
    extend_silence,
    end_silence,
    silence,
    sampling_off,
    show_history,
    show_sampling,
    diagnose,
    slow,
    what_changed,
    rollouts,
    show_overview,
    link,
)
registry.default(unknown)
