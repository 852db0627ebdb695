"""The bot's commands: each reads the words, calls one action and returns its result as a reply.

`registry` lists the commands for both Slack and the console.
"""

import asyncio
import re
from dataclasses import replace

from bot import answers, cards
from bot.errors import error_reply
from bot.overview import BEGIN, MOST_LINES, overview_reply, rights_sentence
from bot.registry import Message, Registry
from bot.replies import FollowUp, Reply, Row, shortened
from bot.sayings import SAYINGS
from bot.snapshots import look_back
from ops.accounts.actions import give_code
from ops.alerts import actions as alerts
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotFound, OpsError, did_you_mean
from ops.guard import check
from ops.overview import actions as overview
from ops.sampling import actions as sampling
from ops.sites import sites
from ops.traces import actions as traces
from ops.versions import actions as versions
from ops.vocabulary.filters import KEYS, parse_query, slip_of
from ops.vocabulary.matchers import AlertFilter, Matcher, parse_filter
from ops.vocabulary.policies import parse_policy

POLICY_WORDS = ("never", "always", "float", "rate")
SMALL_WORDS = ("of", "for", "on", "in", "to", "with")
EXPLAINED = 10  # failing traces of a list that show their error's sentence
PAST_CHANGES = 3
MOST_GUESSED = 200

_IN_ADDRESS = re.compile(r"[^?#]*/traces?/([^/?#]+)")
_TRACE_ID = re.compile(r"[0-9A-Fa-f]{16,32}")

registry = Registry(SAYINGS)


@registry.command(
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
    near, _ = registry.find(await asyncio.to_thread(registry.nearest, rest))
    if near in registry.commands:
        hint = f'did you mean "{near.name}"?'
        return _suggestion(NotFound(f"{there_is_none}; {hint}"), f"help {near.name}")
    names = ", ".join(command.name for command in registry.commands)
    raise NotFound(f"{there_is_none}; the commands are {names}")


@registry.command(
    r"(?:list +traces?|traces)(?: +(.+))?",
    "list traces",
    usage="[SERVICE] [KEY=VALUE …] [error] [last=1h] [limit=20] [site=NAME]",
    summary="search for traces, newest first",
    examples=(
        "list traces petstore error last=15m",
        "list traces service=petstore operation=AddPets min=100ms limit=5",
        "list traces http.status_code=500 trace-min=1s from=now-2h to=now-1h",
        "list traces operation=NAME start=11/24/2026-13:00:00 end=now limit=10 tags=[error,a=b]",
    ),
    details=(
        "min and max limit the duration of a span, trace-min and trace-max that of the trace.",
        'Any other KEY=VALUE is a tag. All tags must match. Quote spaces: a="b c".',
        "Times: now-15m, 2026-11-24T13:00:00Z, 11/24/2026-13:00:00 or Unix time; UTC by default.",
        "before=TIME/ID continues a list after the trace with that ID, which matched at that time.",
    ),
    needs=(traces.list_traces,),
)
async def list_traces(message: Message, rest: str) -> Reply:
    """Search for traces; the first word may be a service from the site file."""
    query = parse_query(_with_service(rest))
    found = await traces.list_traces(message.actor, query=query, explain=EXPLAINED)
    return answers.trace_list(found)


@registry.command(
    r"(?:show +traces?|trace)(?: +(.+))?",
    "show trace",
    usage="ID [site=NAME]",
    summary="show a trace: its verdict, errors and links",
    examples=("show trace 17b4f65b0d9f038e2a7bc5ea84309af2",),
    needs=(traces.show_trace,),
)
async def show_trace(message: Message, rest: str) -> Reply:
    """Show one trace, with the versions and alerts at that time."""
    trace_id, site = _trace_id(rest)
    trace = await traces.show_trace(message.actor, trace_id=trace_id, site=site)
    return answers.one_trace(trace, await look_back(message.actor, trace))


@registry.command(
    r"(?:(?:show|list) +)?logs?(?: +(.+))?",
    "show logs",
    usage="ID [site=NAME]",
    summary="show every log line of a trace",
    examples=("show logs 17b4f65b0d9f038e2a7bc5ea84309af2",),
    needs=(traces.show_logs,),
)
async def show_logs(message: Message, rest: str) -> Reply:
    """Show a trace's log lines."""
    trace_id, site = _trace_id(rest)
    found = await traces.show_logs(message.actor, trace_id=trace_id, site=site)
    return await asyncio.to_thread(answers.trace_logs, found)


@registry.command(
    r"compare(?: +traces?)?(?: +(.+))?",
    "compare",
    usage="ID [ID] [site=NAME]",
    summary="compare two traces, or one trace with its usual timing",
    examples=(
        "compare 17b4f65b0d9f038e2a7bc5ea84309af2 9c01d2f4a7e3b8655d0e4f1a2b3c4d5e",
        "compare 17b4f65b0d9f038e2a7bc5ea84309af2",
    ),
    details=("One ID is compared with the latest successful traces of the same root operation.",),
    needs=(traces.compare_traces,),
)
async def compare(message: Message, rest: str) -> Reply:
    """Compare two traces, or one trace with its usual timing."""
    words, named = _words(" ".join(map(_linked_id, rest.split())), "site")
    ids = [word for word in words if word.lower() not in ("with", "and")]
    if len(ids) == 1:
        usual = await traces.compare_with_usual(message.actor, trace_id=ids[0], **named)
        return answers.beside_usual(usual)
    return answers.comparison(await traces.compare_traces(message.actor, trace_ids=ids, **named))


@registry.command(
    r"change +sampling(?: +(.+))?",
    "change sampling",
    usage="[SERVICE] never | always | float RATE | PERCENT% [now] [site=NAME]",
    summary="change the share of new traces that is kept, after confirmation",
    examples=(
        "change sampling float 0.1",
        "change sampling petstore 25%",
        "change sampling always now",
        "change sampling never service=petstore",
    ),
    details=(
        "A card asks first. You or an approver can apply it within five minutes.",
        'With "now" the change is made immediately, if the site allows that.',
    ),
    changes=True,
    needs=(sampling.change_policy,),
)
async def change_sampling(message: Message, rest: str) -> Reply:
    """Ask on a card whether to send a policy to all instances of a service; `now` sends it."""
    words, named = _words(rest, "service", "site")
    at_once = bool(words) and words[-1].lower() == "now"
    if at_once:
        words.pop()
    if "service" not in named and len(words) > 1 and _is_name(words[0]):
        named["service"] = words.pop(0)
    service, site = named.get("service", ""), named.get("site", "")
    policy = parse_policy(" ".join(words))
    if at_once and sites().site(site).change_now:
        change = await sampling.change_policy(
            message.actor, policy=policy, service=service, site=site
        )
        return answers.sampling_change(change)
    note = 'This site always asks first, even with "now".' if at_once else ""
    return await cards.propose(message.actor, policy, service, site, note)


@registry.command(
    r"undo +sampling(?: +(.+))?",
    "undo sampling",
    usage="[SERVICE] [site=NAME]",
    summary="restore the last policy that was in force, after confirmation",
    examples=("undo sampling", "undo sampling petstore"),
    changes=True,
    needs=(sampling.change_policy,),
)
async def undo_sampling(message: Message, rest: str) -> Reply:
    """Ask on a card whether to restore the last policy that was in force."""
    service, site = _service(rest)
    await check(message.actor, cards.OWN, service=service, site=site)
    before = await sampling.way_back(message.actor, service=service, site=site)
    if before is None:
        raise Conflict(
            "there is nothing to undo, because no other policy of "
            f"{sites().site(site).service(service).name} is known to have been in force"
        )
    return await cards.propose(message.actor, before, service, site)


@registry.command(
    r"apply(?: +(.+))?",
    "apply",
    usage="CARD",
    summary="make the change on a card",
    examples=("apply 3f9a1c7e2b",),
    details=("The Apply button does the same.",),
    changes=True,
    once=True,
    needs=(sampling.change_policy, sampling.approve_change),
)
async def apply(message: Message, rest: str) -> Reply:
    """Make a card's change, once."""
    return await cards.apply(message.actor, rest.lower())


@registry.command(
    r"cancel(?: +(.+))?",
    "cancel",
    usage="CARD",
    summary="dismiss the change on a card",
    examples=("cancel 3f9a1c7e2b",),
    details=("The Cancel button does the same.",),
    changes=True,
    once=True,
    needs=(sampling.change_policy, sampling.approve_change),
)
async def cancel(message: Message, rest: str) -> Reply:
    """Dismiss a card's change."""
    return await cards.cancel(message.actor, rest.lower())


@registry.command(
    r"(?:(?:show|list) +)?versions?(?: +(.+))?",
    "version",
    usage="[SERVICE] [site=NAME]",
    summary="show the running versions of one service, or of all",
    examples=("version", "version petstore"),
    needs=(versions.show_versions,),
)
async def version(message: Message, rest: str) -> Reply:
    """Show one service's versions, or every service's."""
    service, site = _service(rest)
    if service:
        one = await versions.show_versions(message.actor, service=service, site=site)
        return answers.version_list((one,))
    return answers.version_list(await versions.list_versions(message.actor, site=site))


@registry.command(
    r"(?:(?:show|list) +)?alerts?(?: +(.+))?",
    "alerts",
    usage='[SERVICE] [LABEL="VALUE" …] [state=firing] [since=now-1h] [site=NAME]',
    summary="list firing and pending alerts",
    examples=(
        "alerts",
        "alerts petstore",
        'alerts severity=~"page|critical" state=firing since=now-1h',
        "alerts team!=store runbook",
    ),
    details=("A label alone finds the alerts that have it; =~ and !~ match the whole value.",),
    needs=(alerts.list_alerts,),
)
async def list_alerts(message: Message, rest: str) -> Reply:
    """List the alerts that match; a service as the first word means its labels."""
    filter = await asyncio.to_thread(_alert_filter, rest)
    return answers.alert_list(await alerts.list_alerts(message.actor, filter=filter), filter)


@registry.command(
    r"(?:show +)?sampling(?: +(.+))?",
    "sampling",
    usage="[SERVICE] [site=NAME]",
    summary="show the share of new traces that is kept, and the last changes",
    examples=("sampling", "sampling petstore"),
    needs=(sampling.current,),
)
async def show_sampling(message: Message, rest: str) -> Reply:
    """Show the policy last sent to each instance, and the last changes."""
    if not all(map(_is_name, rest.split())):
        line = f"change sampling {rest}"
        form = InvalidInput(f'to change sampling, write "{shortened(line, MOST_GUESSED)}"')
        return _suggestion(form, line)
    service, site = _service(rest)
    found = await sampling.current(message.actor, service=service, site=site)
    changes = await sampling.changes(
        message.actor, service=found.service, site=found.site, limit=PAST_CHANGES
    )
    back = await sampling.way_back(message.actor, service=found.service, site=found.site)
    return answers.service_sampling(found, changes, back)


@registry.command(
    r"(?:show +)?overview(?: +(.+))?",
    "overview",
    usage="[site=NAME]",
    summary="show every service at a glance, and your permissions",
    examples=("overview",),
    needs=(overview.show_overview,),
)
async def show_overview(message: Message, rest: str) -> Reply:
    """Show the site at a glance; the Home tab shows the same."""
    words, named = _words(rest, "site")
    if words:
        raise InvalidInput(f'unknown word "{shortened(rest, 80)}"; accepted: site=NAME')
    found = await overview.show_overview(message.actor, site=named.get("site", ""), most=MOST_LINES)
    return overview_reply(found, await rights_sentence(message.actor))


@registry.command(
    r"link(?: +(?:me|my +account))?",
    "link",
    summary="get a code that links your Slack account to your OpsPortal user",
    examples=("link", "link my account"),
    details=(
        "The code comes by direct message. Enter it in the dashboard under Account, Slack, "
        "within ten minutes.",
    ),
    newcomers=True,
)
async def link(message: Message, rest: str) -> Reply:
    """Give a link code to a Slack user who has no OpsPortal user yet."""
    if message.newcomer is None:
        return Reply(f"You are already {message.actor.name} here; there is nothing to link")
    code = await in_database(give_code, message.actor, account=message.newcomer)
    return answers.link_code(code)


@registry.default
async def unknown(message: Message, text: str) -> Reply:
    """Suggest the nearest command for a text that is none; a guess is never run."""
    if not text:
        return await help(message, "")
    near = await asyncio.to_thread(registry.nearest, _service_last(text))
    near = near or _about_trace(text) or _about_service(text)
    hint = f'did you mean "{shortened(near, MOST_GUESSED)}"?'
    problem = f'there is no command "{shortened(text, 80)}"; '
    problem += hint if near else '"help" lists the commands'
    return _suggestion(InvalidInput(problem), near)


def _suggestion(problem: OpsError, line: str) -> Reply:
    """Return the error, with a button for the line that was meant unless it is too long."""
    whole = (FollowUp(line, line),) if 0 < len(line) <= MOST_GUESSED and line != "help" else ()
    return replace(error_reply(problem), follow_ups=(*whole, FollowUp("Help", "help")))


def _words(rest: str, *keys: str) -> tuple[list[str], dict[str, str]]:
    """Separate bare words from `key=value` pairs; raises InvalidInput for any other key."""
    words: list[str] = []
    named: dict[str, str] = {}
    for word in rest.split():
        key, equals, value = word.partition("=")
        if equals and key.lower() not in keys:
            raise InvalidInput(
                f'unknown key "{key[:80]}"'
                + (did_you_mean(key.lower(), keys) or f"; accepted: {' or '.join(keys)}")
            )
        if equals:
            named[key.lower()] = value
        elif word.lower() not in SMALL_WORDS:
            words.append(word)
    return words, named


def _alert_filter(rest: str) -> AlertFilter:
    """Read a filter; a service of the site as the first word means its labels."""
    rest = _after_small_word(rest)
    word, _, others = rest.partition(" ")
    if _is_service(word):
        filter = parse_filter(others)
        service = sites().site(filter.site).service(word)
        labels = tuple(Matcher(name, "=", value) for name, value in service.alerts.items())
        return replace(filter, matchers=labels + filter.matchers)
    return parse_filter(rest)


def _after_small_word(rest: str) -> str:
    """Drop the `of` from `of petstore`."""
    word, _, others = rest.partition(" ")
    return others if others and word.lower() in SMALL_WORDS else rest


def _is_name(word: str) -> bool:
    return word[0].isalpha() and word.lower() not in POLICY_WORDS


def _service(rest: str) -> tuple[str, str]:
    """Read `[SERVICE] [site=NAME]`."""
    words, named = _words(rest, "service", "site")
    if len(words) + ("service" in named) > 1:
        raise InvalidInput(f'"{rest[:80]}" names more than one service; give one or none')
    return named.get("service", " ".join(words)), named.get("site", "")


def _trace_id(rest: str) -> tuple[str, str]:
    """Read `ID [site=NAME]`; a link to the trace's page also works as the ID."""
    first, _, others = _after_small_word(rest).partition(" ")
    words, named = _words(others, "site")
    if not first or words:
        raise InvalidInput(
            "which trace? Give one trace ID, 1 to 32 hex digits, or a link to its page"
        )
    return _linked_id(first), named.get("site", "")


def _linked_id(word: str) -> str:
    """Return the trace ID in a link to a trace's page, any other word unchanged."""
    in_address = _IN_ADDRESS.match(word)
    return in_address[1] if in_address else word


def _about_trace(text: str) -> str:
    """Return the line that shows the trace whose ID or link ends the text, else ""."""
    trace_id = _linked_id(text.rpartition(" ")[2])
    return f"show trace {trace_id}" if _TRACE_ID.fullmatch(trace_id) else ""


def _about_service(text: str) -> str:
    """Return the line that shows a service's alerts if the text is just its name, else ""."""
    return f"alerts {text}" if _is_service(text) else ""


def _service_last(text: str) -> str:
    """Turn `petstore errors` into `errors petstore`, the order of the commands."""
    first, _, others = text.partition(" ")
    return f"{others} {first}" if others and _is_service(first) else text


def _is_service(word: str) -> bool:
    return any(word in site.services for site in sites().all.values())


def _with_service(rest: str) -> str:
    """Write a bare first word as `service=WORD`; raises InvalidInput if it is not a service."""
    rest = _after_small_word(rest)
    word, _, others = rest.partition(" ")
    if not word or word in KEYS or "=" in word or '"' in word or slip_of(word, ("error",)):
        return rest
    known = [name for site in sites().all.values() for name in site.services]
    if word not in known:
        raise InvalidInput(
            f'"{word[:80]}" is neither KEY=VALUE nor a service in the site file'
            + (did_you_mean(word, known) or f"; if Jaeger knows it, write service={word[:80]}")
        )
    return f"service={word} {others}"
