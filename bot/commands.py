"""What the bot can do: words in, one action, its result as a reply.

`registry` is the one list of commands for Slack and for the console.
"""

import asyncio
import re
from dataclasses import replace

from bot import answers, cards
from bot.errors import error_reply
from bot.moments import look_back
from bot.overview import BEGIN, MOST_LINES, overview_reply, rights_sentence
from bot.registry import Message, Registry
from bot.replies import FollowUp, Reply, Row, shortened
from bot.sayings import SAYINGS
from ops.alerts import actions as alerts
from ops.alerts.matching import AlertFilter, Matcher, parse_filter
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotFound, OpsError, did_you_mean
from ops.filters import KEYS, parse_query, slip_of
from ops.guard import check
from ops.overview import actions as overview
from ops.people import linking
from ops.sampling import actions as sampling
from ops.sampling.policy import parse_policy
from ops.sites import sites
from ops.traces import actions as traces
from ops.versions import actions as versions

POLICY_WORDS = ("never", "always", "float", "rate")
SMALL_WORDS = ("of", "for", "on", "in", "to", "with")
EXPLAINED = 10  # so many failing traces of a list get their error's sentence
PAST_CHANGES = 3
MOST_GUESSED = 200

_IN_ADDRESS = re.compile(r"[^?#]*/traces?/([^/?#]+)")
_TRACE_ID = re.compile(r"[0-9A-Fa-f]{16,32}")

registry = Registry(SAYINGS)


@registry.command(
    r"help(?: +(.+))?",
    "help",
    usage="[command]",
    summary="what I can do, or how to write one command",
    examples=("help", "help list traces"),
)
async def help(message: Message, rest: str) -> Reply:
    """List the commands, or show one of them."""
    if not rest:
        rows = tuple(Row((command.name,), (command.summary,)) for command in registry.commands)
        how = ("How to write one of them: help list traces",)
        columns = ("Command", "What it does")
        return Reply("What I can do", rows, how, columns=columns, follow_ups=BEGIN)
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
    raise NotFound(f"{there_is_none}; there is {names}")


@registry.command(
    r"(?:list +traces?|traces)(?: +(.+))?",
    "list traces",
    usage="[SERVICE] [KEY=VALUE …] [error] [last=1h] [limit=20]",
    summary="search for traces, newest first",
    examples=(
        "list traces petstore error last=15m",
        "list traces service=petstore operation=AddPets min=100ms limit=5",
        "list traces http.status_code=500 trace-min=1s from=now-2h to=now-1h",
        "list traces operation=NAME start=11/24/2026-13:00:00 end=now limit=10 tags=[error,a=b]",
    ),
    details=(
        "min and max bound one span, trace-min and trace-max the whole trace.",
        'Any other KEY=VALUE is a tag; several must all match; a space needs quotes: a="b c".',
        "Times: now-15m, 2026-11-24T13:00:00Z, 11/24/2026-13:00:00, Unix time; UTC if unsaid.",
    ),
    needs=(traces.list_traces,),
)
async def list_traces(message: Message, rest: str) -> Reply:
    """Search; a first word that is a service of the site file names the service."""
    query = parse_query(_with_service(rest))
    found = await traces.list_traces(message.actor, query=query, explain=EXPLAINED)
    return answers.trace_list(found)


@registry.command(
    r"(?:show +traces?|trace)(?: +(.+))?",
    "show trace",
    usage="ID [site=NAME]",
    summary="one trace: its verdict, its errors, its links",
    examples=("show trace 17b4f65b0d9f038e2a7bc5ea84309af2",),
    needs=(traces.show_trace,),
)
async def show_trace(message: Message, rest: str) -> Reply:
    """Show one trace, and what else was true then."""
    trace_id, site = _trace_id(rest)
    trace = await traces.show_trace(message.actor, trace_id=trace_id, site=site)
    return answers.one_trace(trace, await look_back(message.actor, trace))


@registry.command(
    r"(?:(?:show|list) +)?logs?(?: +(.+))?",
    "show logs",
    usage="ID [site=NAME]",
    summary="every log line of one trace",
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
    summary="two traces, or one with what is usual: where the time differs",
    examples=(
        "compare 17b4f65b0d9f038e2a7bc5ea84309af2 9c01d2f4a7e3b8655d0e4f1a2b3c4d5e",
        "compare 17b4f65b0d9f038e2a7bc5ea84309af2",
    ),
    details=("One alone is compared with the last of its root operation that succeeded.",),
    needs=(traces.compare_traces,),
)
async def compare(message: Message, rest: str) -> Reply:
    """Compare two traces, or one with what is usual."""
    words, named = _words(" ".join(map(_linked_id, rest.split())), "site")
    ids = [word for word in words if word.lower() not in ("with", "and")]
    if len(ids) == 1:
        usual = await traces.compare_with_usual(message.actor, trace_id=ids[0], **named)
        return answers.beside_usual(usual)
    return answers.comparison(await traces.compare_traces(message.actor, trace_ids=ids, **named))


@registry.command(
    r"change +sampling(?: +(.+))?",
    "change sampling",
    usage="[SERVICE] never | always | float RATE | RATE % [now] [site=NAME]",
    summary="change which share of new traces is kept, once somebody applies it",
    examples=(
        "change sampling float 0.1",
        "change sampling petstore 25%",
        "change sampling always now",
        "change sampling never service=petstore",
    ),
    details=(
        "A card asks first: who asked may apply it, or who may approve, within five minutes.",
        "With now it is done at once, where the site allows that.",
    ),
    changes=True,
    needs=(sampling.change_policy,),
)
async def change_sampling(message: Message, rest: str) -> Reply:
    """Ask on a card whether to tell every instance of the service; with `now`, tell them."""
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
    note = "This site asks first, also where one writes now." if at_once else ""
    return await cards.propose(message.actor, policy, service, site, note)


@registry.command(
    r"undo +sampling(?: +(.+))?",
    "undo sampling",
    usage="[SERVICE] [site=NAME]",
    summary="go back to the sampling before the last change, once somebody applies it",
    examples=("undo sampling", "undo sampling petstore"),
    changes=True,
    needs=(sampling.change_policy,),
)
async def undo_sampling(message: Message, rest: str) -> Reply:
    """Ask on a card whether to go back."""
    service, site = _service(rest)
    await check(message.actor, cards.OWN, service=service, site=site)
    before = await sampling.way_back(message.actor, service=service, site=site)
    if before is None:
        raise Conflict(
            "there is nothing to go back to: no other sampling of "
            f"{sites().site(site).service(service).name} is known to have been in force before"
        )
    return await cards.propose(message.actor, before, service, site)


@registry.command(
    r"apply(?: +(.+))?",
    "apply",
    usage="CARD",
    summary="make the change that a card asks about",
    examples=("apply 3f9a1c7e2b",),
    details=("The button Apply does the same.",),
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
    summary="let the change that a card asks about go",
    examples=("cancel 3f9a1c7e2b",),
    details=("The button Cancel does the same.",),
    changes=True,
    once=True,
    needs=(sampling.change_policy, sampling.approve_change),
)
async def cancel(message: Message, rest: str) -> Reply:
    """Let a card's change go."""
    return await cards.cancel(message.actor, rest.lower())


@registry.command(
    r"(?:(?:show|list) +)?versions?(?: +(.+))?",
    "version",
    usage="[SERVICE] [site=NAME]",
    summary="which version runs where, of one service or of all",
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
    summary="what fires and what is about to",
    examples=(
        "alerts",
        "alerts petstore",
        'alerts severity=~"page|critical" state=firing since=now-1h',
        "alerts team!=store runbook",
    ),
    details=("A bare label asks for alerts that have it; =~ and !~ match the whole value.",),
    needs=(alerts.list_alerts,),
)
async def list_alerts(message: Message, rest: str) -> Reply:
    """List the alerts that match; a first word that is a service stands for its labels."""
    filter = await asyncio.to_thread(_alert_filter, rest)
    return answers.alert_list(await alerts.list_alerts(message.actor, filter=filter), filter)


@registry.command(
    r"(?:show +)?sampling(?: +(.+))?",
    "sampling",
    usage="[SERVICE] [site=NAME]",
    summary="which share of new traces is kept, and who changed it last",
    examples=("sampling", "sampling petstore"),
    needs=(sampling.current,),
)
async def show_sampling(message: Message, rest: str) -> Reply:
    """Show what each instance was last told, and the last changes."""
    if not all(map(_is_name, rest.split())):
        line = f"change sampling {rest}"
        form = InvalidInput(f'a change is written as "{shortened(line, MOST_GUESSED)}"')
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
    summary="each service at a glance, and what you may do",
    examples=("overview",),
    needs=(overview.show_overview,),
)
async def show_overview(message: Message, rest: str) -> Reply:
    """Show the site at a glance; the Home tab is this too."""
    words, named = _words(rest, "site")
    if words:
        raise InvalidInput(f'"{shortened(rest, 80)}" is not site=NAME')
    found = await overview.show_overview(message.actor, site=named.get("site", ""), most=MOST_LINES)
    return overview_reply(found, await rights_sentence(message.actor))


@registry.command(
    r"link(?: +(?:me|my +account))?",
    "link",
    summary="a code by direct message, with which you link your Slack account to yours here",
    examples=("link", "link my account"),
    details=("It is entered in the dashboard, under Account, Slack, within ten minutes.",),
    newcomers=True,
)
async def link(message: Message, rest: str) -> Reply:
    """Give a code to somebody whom Slack knows and we do not."""
    if message.newcomer is None:
        return Reply(f"You are {message.actor.name} here: there is nothing to link")
    code = await in_database(linking.give_code, message.newcomer, message.actor)
    return answers.link_code(code)


@registry.default
async def unknown(message: Message, text: str) -> Reply:
    """Answer what no command understands with the nearest one; nothing is done on a guess."""
    if not text:
        return await help(message, "")
    near = await asyncio.to_thread(registry.nearest, _service_last(text))
    near = near or _about_trace(text) or _about_service(text)
    hint = f'did you mean "{shortened(near, MOST_GUESSED)}"?'
    problem = f'there is no command "{shortened(text, 80)}"; '
    problem += hint if near else '"help" lists what I can do'
    return _suggestion(InvalidInput(problem), near)


def _suggestion(problem: OpsError, line: str) -> Reply:
    """Say what is wrong, with the line that was meant as a button, where the problem shows it."""
    whole = (FollowUp(line, line),) if 0 < len(line) <= MOST_GUESSED and line != "help" else ()
    return replace(error_reply(problem), follow_ups=(*whole, FollowUp("Help", "help")))


def _words(rest: str, *keys: str) -> tuple[list[str], dict[str, str]]:
    """Tell bare words from `key=value`; raises InvalidInput for a key that is none of these."""
    words: list[str] = []
    named: dict[str, str] = {}
    for word in rest.split():
        key, equals, value = word.partition("=")
        if equals and key.lower() not in keys:
            raise InvalidInput(
                f'unknown key "{key[:80]}"'
                + (did_you_mean(key.lower(), keys) or f"; it is {' or '.join(keys)}")
            )
        if equals:
            named[key.lower()] = value
        elif word.lower() not in SMALL_WORDS:
            words.append(word)
    return words, named


def _alert_filter(rest: str) -> AlertFilter:
    """Read a filter; a bare first word that is a service of the site means its labels."""
    rest = _after_small_word(rest)
    word, _, others = rest.partition(" ")
    if _is_service(word):
        filter = parse_filter(others)
        service = sites().site(filter.site).service(word)
        labels = tuple(Matcher(name, "=", value) for name, value in service.alerts.items())
        return replace(filter, matchers=labels + filter.matchers)
    return parse_filter(rest)


def _after_small_word(rest: str) -> str:
    """Leave the `of` out of `of petstore`."""
    word, _, others = rest.partition(" ")
    return others if others and word.lower() in SMALL_WORDS else rest


def _is_name(word: str) -> bool:
    return word[0].isalpha() and word.lower() not in POLICY_WORDS


def _service(rest: str) -> tuple[str, str]:
    """Read `[SERVICE] [site=NAME]`."""
    words, named = _words(rest, "service", "site")
    if len(words) + ("service" in named) > 1:
        raise InvalidInput(f'"{rest[:80]}" names more than one service; name one or none')
    return named.get("service", " ".join(words)), named.get("site", "")


def _trace_id(rest: str) -> tuple[str, str]:
    """Read `ID [site=NAME]`, where a link to a trace's page will do as its id."""
    first, _, others = _after_small_word(rest).partition(" ")
    words, named = _words(others, "site")
    if not first or words:
        raise InvalidInput(
            "which trace is meant? Give one id, 1 to 32 hex digits, or the link to its page"
        )
    return _linked_id(first), named.get("site", "")


def _linked_id(word: str) -> str:
    """The id in a link to a trace's page; any other word as it is."""
    in_address = _IN_ADDRESS.match(word)
    return in_address[1] if in_address else word


def _about_trace(text: str) -> str:
    """Return the line that shows a trace, for its id or its page's link at the end; else ""."""
    trace_id = _linked_id(text.rpartition(" ")[2])
    return f"show trace {trace_id}" if _TRACE_ID.fullmatch(trace_id) else ""


def _about_service(text: str) -> str:
    """Return the line that shows a service's alerts, for its name alone; else ""."""
    return f"alerts {text}" if _is_service(text) else ""


def _service_last(text: str) -> str:
    """Turn `petstore errors` round: what is asked for comes first."""
    first, _, others = text.partition(" ")
    return f"{others} {first}" if others and _is_service(first) else text


def _is_service(word: str) -> bool:
    return any(word in site.services for site in sites().all.values())


def _with_service(rest: str) -> str:
    """Write a bare first word as `service=WORD`; raises InvalidInput when it is no service."""
    rest = _after_small_word(rest)
    word, _, others = rest.partition(" ")
    if not word or word in KEYS or "=" in word or '"' in word or slip_of(word, ("error",)):
        return rest
    known = [name for site in sites().all.values() for name in site.services]
    if word not in known:
        raise InvalidInput(
            f'"{word[:80]}" is neither KEY=VALUE nor a service of the site file'
            + (did_you_mean(word, known) or f"; for a service in Jaeger write service={word[:80]}")
        )
    return f"service={word} {others}"
