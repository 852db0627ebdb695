"""The bot's commands, in the order in which they are tried: `registry`, at the end.

Each command reads the words, calls one action and returns its result as a reply. Slack and the
console use the same registry. The two handlers here are about the commands themselves.
"""

from bot.answers.overview import BEGIN
from bot.commands.accounts import link
from bot.commands.acknowledgements import acknowledge, give_back, hand_over, take_over
from bot.commands.alerts import list_alerts, show_alert
from bot.commands.cards import apply, cancel
from bot.commands.causes import what_changed_before
from bot.commands.changes import rollouts, what_changed
from bot.commands.diagnosis import diagnose, slow
from bot.commands.endings import extend_sampling
from bot.commands.incidents import (
    close_incident,
    list_incidents,
    note_incident,
    pin_incident,
    reopen_incident,
    show_incident,
    start_incident,
)
from bot.commands.overview import show_overview
from bot.commands.raising import sampling_up
from bot.commands.reads import words_left
from bot.commands.sampling import (
    change_sampling,
    revert_sampling,
    sampling_off,
    show_history,
    show_sampling,
    undo_sampling,
)
from bot.commands.silences import end_silence, extend_silence, list_silences, silence
from bot.commands.subscriptions import list_subscriptions, subscribe, unsubscribe
from bot.commands.traces import compare, list_traces, show_logs, show_trace
from bot.commands.versions import version
from bot.intents import Intent
from bot.registry import Command, Message, Registry, command
from bot.replies import Reply, Row
from bot.understanding.reader import Reader
from ops.errors import NotFound
from ops.language.lines import normal, words
from ops.language.reading import Reading
from ops.vocabulary.texts import shortened


async def _parse(message: Message, rest: str) -> Command | None:
    """Read a command's name, or a line that reaches it; None without one."""
    if not rest:
        return None
    command, _ = registry.find(rest)
    if command not in registry.commands:
        none = f'there is no command "{shortened(rest, 80)}"'
        raise NotFound(f'{none}; "help" lists the commands')
    return command


async def _read(message: Message, text: str) -> Reading:
    """Read which command somebody asks about."""
    if about := reader.likeliest(text, help):
        return Reading(about.name)
    return Reading("", words_left(words(normal(text))))


@command(
    r"help(?: +(.+))?",
    "help",
    parse=_parse,
    read=_read,
    intent=Intent(
        surely="help, commands, command, menu, usage, how do i, how can i, how to, what can you "
        "do, what do you do, syntax, manual, docs, documentation, options, examples, example, "
        "who are you, help me",
        perhaps="explain, do, capabilities, features, ?",
    ),
    usage="[command]",
    summary="list the commands, or show how to use one",
    examples=("help", "help list traces"),
)
async def help(message: Message, about: Command | None) -> Reply:
    """List the commands, or explain one of them."""
    if about is None:
        rows = tuple(Row((command.name,), (command.summary,)) for command in registry.commands)
        how = ("To see how to use a command: help list traces",)
        columns = ("Command", "What it does")
        return Reply("Commands", rows, how, columns=columns, follow_ups=BEGIN)
    examples = tuple(Row((example,)) for example in about.examples)
    return Reply(f"{about.usage}: {about.summary}", examples, about.details)


async def unknown(message: Message, text: str) -> Reply:
    """Read a text that reaches no command as the line that was meant."""
    return await (reader.answer(message) if text else help.handler(message, None))


registry = Registry()
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
    subscribe,
    list_subscriptions,
    unsubscribe,
    list_alerts,
    acknowledge,
    hand_over,
    take_over,
    give_back,
    list_silences,
    extend_silence,
    end_silence,
    silence,
    start_incident,
    list_incidents,
    note_incident,
    pin_incident,
    close_incident,
    reopen_incident,
    show_incident,
    sampling_off,
    sampling_up,
    show_history,
    show_sampling,
    diagnose,
    slow,
    what_changed_before,
    what_changed,
    rollouts,
    show_overview,
    link,
)
registry.default(unknown)
reader = Reader(registry)
registry.helps(reader.help_with)
