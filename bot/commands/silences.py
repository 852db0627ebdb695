"""Commands about silences: list them, silence alerts, move the end of a silence, or end it."""

import re
from dataclasses import dataclass

from bot.answers.silences import made_silence, question, silence_list
from bot.commands.arguments import end_of, parse_site, refuse_terms, words_and_keys
from bot.commands.guesses import guess_of
from bot.commands.reads import (
    elsewhere,
    names_for,
    read_site,
    take_name,
    take_there,
    words_left,
)
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.alerts import actions as alerts
from ops.errors import InvalidInput, NotFound
from ops.language.changes import as_reason, take_reason, take_term
from ops.language.lines import normal, some, words
from ops.language.names import Kind, Names
from ops.language.reading import Reading
from ops.language.time_words import pieces
from ops.language.times import Clock, Spoken
from ops.silences import actions as silences
from ops.silences.actions import ShownSilence
from ops.silences.rules import site_with_silences
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.quoting import in_quotes, quote
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import HOUR

CONFIRM = "confirm"
_SILENCING = some("silence mute snooze hush shut suppress quiet alert alerts alerting stop hide")
_KEY = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SILENCED = (Kind.ALERT, Kind.SERVICE, Kind.SEVERITY)
_KEPT = "Give only matchers, an alert, a service or a severity, then how long: for=1h"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to silence until when (Unix nanoseconds), and why; `confirmed` makes it."""

    matchers: tuple[Matcher, ...]
    ends_at: int
    reason: str
    site: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Which:
    """A silence by its ID, and when it is to end (Unix nanoseconds)."""

    key: str
    ends_at: int
    site: str


async def _parse_wish(message: Message, rest: str) -> Wish:
    """Read matchers, for how long, and why; raises NotSetUp without Alertmanager."""
    asked = rest.strip().removesuffix(f" {CONFIRM}")
    given, reason = take_reason(asked, message.clock)
    given, said = take_term(given, message.clock)
    refuse_terms(given)
    filter = parse_filter(given)
    if filter != AlertFilter(matchers=filter.matchers, words=filter.words, site=filter.site):
        raise InvalidInput(_KEPT)
    if not (filter.matchers or filter.words):
        raise InvalidInput(f"which alerts? {_KEPT}")
    site_with_silences(filter.site)
    if filter.words:
        filter = (await alerts.list_alerts(message.actor, filter=filter)).filter
    if filter.words or filter.states:
        raise InvalidInput(_KEPT)
    ends_at = _end(said, message.clock, message.clock.now + HOUR)
    return Wish(filter.matchers, ends_at, reason, filter.site, asked != rest.strip())


async def _parse_which(message: Message, rest: str) -> Which:
    given, said = take_term(rest, message.clock)
    keys, named = words_and_keys(given, "site")
    if len(keys) != 1:
        raise InvalidInput("which silence? Give the ID of one; silences lists them")
    ends_at = _end(said, message.clock, 0)
    return Which(keys[0], ends_at, named.get("site", ""))


async def _read_wish(message: Message, text: str) -> Reading:
    """Read an alert, a service or a severity, for how long, and why."""
    names = await names_for(message)
    given, reason = take_reason(normal(text), message.clock)
    spoken = pieces(given)
    given, said = take_term(given, message.clock)
    refuse_terms(given)
    if said and not reason:  # `mute petstore 30m deploy running`
        end = max(said.used) + 1
        after = words(" ".join(spoken[end:]))
        if words_left(after) and not take_name(after, names, *_SILENCED, Kind.SITE)[0]:
            given = " ".join(spoken[: min(said.used)])
            reason = " ".join(spoken[end:])
    left = words(given)
    first, site, _ = take_there(left, names, *_SILENCED)
    there = Names((names.site(meant.site),)) if (meant := site or first) else names
    taken: list[str] = []
    for kind in _SILENCED:  # of one site, whose silence it is
        name, left = take_name(left, there, kind)
        taken += [name.name] if name else []
    if site:
        _, left = take_name(left, names, Kind.SITE)
    where = elsewhere(names, first, site).strip()
    tail = (where, said.text if said else "", as_reason(reason))

    def line(*names: str) -> str:
        return " ".join(filter(None, (*map(_as_word, names), *tail)))

    if taken:
        return Reading(line(*taken), words_left(left))
    if unknown := " ".join(words_left([word for word in left if word.small not in _SILENCING])):
        of_site = f" of {site.name}" if site else ""
        raise InvalidInput(
            f'no alert, service or severity{of_site} is called "{shortened(unknown, 80)}"'
        )
    found = await alerts.list_alerts(message.actor, filter=parse_filter(where))
    firing = (line(each.name) for each in found.firing)
    return guess_of(firing, words_left(left), "it is firing", f"which alerts? {_KEPT}")


def _as_word(name: str) -> str:
    """Write a name so that it never is the word that makes a silence."""
    return in_quotes(name) if name == CONFIRM else quote(name)


async def _read_which(message: Message, text: str) -> Reading:
    """Read the ID of a silence, or which alert it is of, and until when."""
    given, said = take_term(normal(text), message.clock)
    found = words(given)
    keys = [each for each in found if _KEY.fullmatch(each.text)]
    others = [each for each in found if each not in keys]
    names = await names_for(message)
    alert, site, left = take_there(others, names, Kind.ALERT, Kind.SERVICE)
    where = elsewhere(names, alert, site).strip()

    def line(key: str) -> str:
        return " ".join(filter(None, (key, where, said.text if said else "")))

    if len(keys) == 1:
        return Reading(line(keys[0].text), words_left(left))
    place = alert or site
    listed = await silences.list_silences(message.actor, site=place.site if place else "")
    meant = [each for each in listed.silences if alert is None or _is_of(each, alert.name)]
    if not meant:
        about = f"of {shortened(alert.name, 80)} " if alert else ""
        raise NotFound(f"no silence {about}is known; silences lists them all")
    keys_of = (line(each.silence.id) for each in meant)
    return guess_of(keys_of, words_left(left), _said_of(meant[0]), "which silence?")


def _is_of(shown: ShownSilence, name: str) -> bool:
    return any(each.value == name for each in shown.silence.matchers)


def _said_of(shown: ShownSilence) -> str:
    matchers = ", ".join(map(str, shown.silence.matchers))
    return shortened(f"it silences {matchers}", 120)


def _end(said: Spoken | None, clock: Clock, usual: int) -> int:
    """Return when a silence ends: Unix nanoseconds."""
    if said is None:
        return usual
    end = end_of(said, clock)
    if end is None:
        raise InvalidInput("a silence must end: write for=1h or until=18:00")
    return end


@command(
    r"(?:(?:show|list) +)?silences(?: +(.+))?",
    "silences",
    parse=parse_site,
    read=read_site,
    intent=Intent(surely="silences, silenced, muted, snoozed", about=(Thing.SITE,)),
    usage="[site=NAME]",
    summary="list silences: who made them, until when, how many alerts they hide",
    examples=("silences",),
    needs=(silences.list_silences,),
)
async def list_silences(message: Message, site: str) -> Reply:
    """List the silences that are in force or planned."""
    return silence_list(await silences.list_silences(message.actor, site=site))


@command(
    r"silence(?: +(.+))?",
    "silence",
    parse=_parse_wish,
    read=_read_wish,
    intent=Intent(
        surely="silence, mute, snooze, hush, shut up, stop alerting, suppress, hide alert",
        perhaps="quiet, alert, noisy, maintenance",
        about=(Thing.ALERT, Thing.SERVICE, Thing.SEVERITY, Thing.TIME),
    ),
    usage='ALERT or LABEL="VALUE" … [for=1h | until=18:00] [because="REASON"] [site=NAME]',
    summary="silence alerts for a while, after a preview of what that hides",
    examples=(
        'silence QueueDeep for=1h because="known, DB-212"',
        'silence alertname=SlowRequests instance=~"petstore-.*" until=18:00',
    ),
    details=(
        "The answer shows which alerts it would hide now. Its button creates the silence.",
        "A silence lasts an hour unless you say for how long. Over 24 hours it needs a reason.",
    ),
    changes=True,
    asks=True,
    needs=(silences.create_silence,),
)
async def silence(message: Message, wish: Wish) -> Reply:
    """Show what a silence would hide; with `confirm`, make it."""
    if not wish.confirmed:
        found = await silences.preview_silence(
            message.actor, matchers=wish.matchers, site=wish.site
        )
        return question(found, wish.ends_at, wish.reason)
    return made_silence(
        await silences.create_silence(
            message.actor,
            matchers=wish.matchers,
            ends_at=wish.ends_at,
            comment=wish.reason,
            confirmed=True,
            site=wish.site,
        )
    )


@command(
    r"extend +silence(?: +(.+))?",
    "extend silence",
    parse=_parse_which,
    read=_read_which,
    intent=Intent(
        surely="extend, extend silence, silence longer, mute longer, prolong silence",
        perhaps="longer, more",
        about=(Thing.ALERT, Thing.TIME),
    ),
    usage="ID [for=1h | until=18:00] [site=NAME]",
    summary="make a silence end an hour from now, or at another time",
    examples=("extend silence 65d7b155-e09f-4ee2-bc6b-0fb5f29b8553 for=2h",),
    changes=True,
    needs=(silences.extend_silence,),
)
async def extend_silence(message: Message, which: Which) -> Reply:
    """Move the end of a silence."""
    ends_at = which.ends_at or message.clock.now + HOUR
    return made_silence(
        await silences.extend_silence(
            message.actor, key=which.key, ends_at=ends_at, site=which.site
        )
    )


@command(
    r"end +silence(?: +(.+))?",
    "end silence",
    parse=_parse_which,
    read=_read_which,
    intent=Intent(
        surely="end silence, unsilence, unmute, unhush, unsnooze, expire silence, delete silence, "
        "remove silence, stop silence, lift silence, silence off",
        about=(Thing.ALERT,),
    ),
    usage="ID [site=NAME]",
    summary="end a silence now",
    examples=("end silence 65d7b155-e09f-4ee2-bc6b-0fb5f29b8553",),
    changes=True,
    once=True,
    needs=(silences.end_silence,),
)
async def end_silence(message: Message, which: Which) -> Reply:
    """End a silence: its alerts notify again."""
    done = await silences.end_silence(message.actor, key=which.key, site=which.site)
    return made_silence(done, ended=True)
