"""Commands about who has an alert: have it, hand it over, take it over, give it back."""

import asyncio
import re
from dataclasses import dataclass, replace

from bot.answers.acknowledgements import given_back, has_it, take_over_line
from bot.commands.arguments import end_of, refuse_terms
from bot.commands.reads import read_alert
from bot.errors import error_reply
from bot.intents import Intent, Thing
from bot.registry import Message, NothingToRead, command
from bot.replies import FollowUp, Reply
from ops.acknowledgements import actions
from ops.alerts import actions as alerts
from ops.alerts.actions import AlertList
from ops.alerts.truth import headline
from ops.errors import Conflict, InvalidInput, NotFound
from ops.language.changes import as_reason, take_reason, take_term
from ops.language.reading import Reading
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.alerts import Alert
from ops.vocabulary.notifications import ALERTNAME
from ops.vocabulary.texts import shortened

WHICH = "which alert? Give its name or its ID"
_RECIPIENT = "who gets it?"
_USER = r"(?:^|\s)to[\s=]+@?([\w.@+-]{1,150})"
_TO = re.compile(rf"{_USER}(?=[\s,;]|$)", re.IGNORECASE)
_TO_AT_END = re.compile(rf"{_USER}(\s+site=\S+)?\s*$", re.IGNORECASE)
_IT = ("it", "this", "that", "one")


@dataclass(frozen=True, slots=True)
class Which:
    """An alert by its fingerprint or, if that is "", all alerts of a name."""

    name: str
    fingerprint: str
    site: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What to have, until when (Unix nanoseconds, 0 for until it resolves), and a note.

    What is not said, None and "", stays as it is.
    """

    which: Which
    until: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Handing:
    """What to hand over, the user who gets it, and a note."""

    which: Which
    to: str
    note: str


async def _parse_wish(message: Message, rest: str) -> Wish:
    """Read an alert, until when and a note."""
    given, note = take_reason(rest, message.clock)
    given, said = take_term(given, message.clock)
    refuse_terms(given)
    until = (end_of(said, message.clock) or 0) if said else None
    filter = await _filter(given)
    return Wish(_to_have(await _listed(message, filter), filter), until, note)


async def _parse_held(message: Message, rest: str) -> Which:
    """Read an alert that somebody has."""
    filter = await _filter(rest)
    return _held(await _listed(message, filter), filter)


async def _parse_taking(message: Message, rest: str) -> Handing:
    """Read an alert that somebody else has, and a note."""
    given, note = take_reason(rest)
    return Handing(await _parse_held(message, given), message.actor.name, note)


async def _parse_handing(message: Message, rest: str) -> Handing:
    """Read an alert that somebody has, the user who gets it, and a note."""
    given, note = take_reason(rest)
    to = _TO_AT_END.search(given)
    if to is None:
        raise InvalidInput(f"{_RECIPIENT} Give a user name: hand over QueueDeep to mia")
    which = f"{given[: to.start()]} {to[2] or ''}"
    return Handing(await _parse_held(message, which), to[1], note)


async def _filter(line: str) -> AlertFilter:
    given = line.strip()
    if not given or given.lower() in _IT:
        raise InvalidInput(WHICH)
    word, _, others = given.partition(" ")
    if alerts.FINGERPRINT.fullmatch(word):
        filter = parse_filter(others)
        if filter != AlertFilter(site=filter.site):
            raise InvalidInput("after an alert's ID, only site= can follow")
        return AlertFilter(words=(word,), site=filter.site)
    return await asyncio.to_thread(parse_filter, given)


async def _listed(message: Message, filter: AlertFilter) -> AlertList:
    """List the alerts that are meant, one by its ID among all of its site."""
    asked = AlertFilter(site=filter.site) if _id_of(filter) else filter
    return await alerts.list_alerts(message.actor, filter=asked)


def _id_of(filter: AlertFilter) -> str:
    return filter.words[0] if filter.words and alerts.FINGERPRINT.fullmatch(filter.words[0]) else ""


def _meant(found: AlertList, filter: AlertFilter) -> tuple[Alert, ...]:
    """Return the active alerts that are meant, all of one name; raises NotFound, InvalidInput."""
    id = _id_of(filter)
    meant = tuple(each for each in found.alerts if not id or each.fingerprint == id)
    names = list(dict.fromkeys(each.name for each in meant))
    if not names:
        raise NotFound(headline(0, found.doubts, nothing="no such alert is firing or pending"))
    if len(names) > 1:
        some = ", ".join(shortened(name, 80) for name in names[:3])
        raise InvalidInput(f"that matches several alerts: {some}. Name one of them")
    return meant


def _to_have(found: AlertList, filter: AlertFilter) -> Which:
    meant = _meant(found, filter)
    if not _id_of(filter) and _says_the_name_alone(found.filter):
        return Which(meant[0].name, "", found.site)
    if len(meant) == 1:
        return Which(meant[0].name, meant[0].fingerprint, found.site)
    raise InvalidInput(
        f"that matches {len(meant)} {shortened(meant[0].name, 80)} alerts; give the name alone "
        "for all of them, or the ID of one"
    )


def _says_the_name_alone(filter: AlertFilter) -> bool:
    names = [each for each in filter.matchers if each.name == ALERTNAME]
    return filter == AlertFilter(matchers=tuple(names), site=filter.site)


def _held(found: AlertList, filter: AlertFilter) -> Which:
    """Return what somebody has of the alerts that are meant."""
    meant = _meant(found, filter)
    held = {each.id: each for alert in meant if (each := found.held.of(alert))}
    if not held:
        raise Conflict(f"nobody has {shortened(meant[0].name, 80)}")
    groups = [each for each in held.values() if each.is_of_group]
    if len(held) > 1 and not groups:
        some = ", ".join(f"{each.person} has {each.fingerprint}" for each in held.values())
        raise InvalidInput(f"{shortened(some, 200)}. Give the ID of one")
    one = next(iter(groups or held.values()))
    return Which(one.name, one.fingerprint, found.site)


async def _read(message: Message, text: str) -> Reading:
    """Read an alert, until when and a note, in people's own words."""
    given, note = take_reason(text, message.clock)
    given, said = take_term(given, message.clock)
    read = await read_alert(message, given, WHICH)
    parts = (read.line, said.text if said else "", as_reason(note))
    return replace(read, line=" ".join(filter(None, parts)))


async def _read_held(message: Message, text: str) -> Reading:
    """Read the one alert that a text names."""
    return await read_alert(message, text, WHICH)


async def _read_handing(message: Message, text: str) -> Reading:
    """Read an alert, the user who gets it, and a note."""
    given, note = take_reason(text)
    every = [*_TO.finditer(given)]
    if not every:
        raise NothingToRead(_RECIPIENT)
    to = every[-1]  # "hand the alert to do with the queue over to mia, on staging"
    read = await _read_held(message, f"{given[: to.start()]} {given[to.end() :]}")
    parts = (read.line, f"to {to[1]}", as_reason(note))
    return replace(read, line=" ".join(filter(None, parts)))


@command(
    r"(?:ack|acknowledge|i(?:'ve)? +(?:have|got|take))(?: +(.+))?",
    "ack",
    parse=_parse_wish,
    read=_read,
    intent=Intent(
        surely="ack, acked, acknowledge, acking, acknowledging, i have, i got, i take, i'll take, "
        "mine, my alert, looking into, on it, claim, i'm on",
        perhaps="alert, take, have",
        about=(Thing.ALERT, Thing.TIME),
    ),
    usage='ALERT or ID [for=1h | until=18:00] [because="NOTE"] [site=NAME]',
    summary="acknowledge an alert: everybody sees that you have it",
    examples=(
        "ack QueueDeep",
        "i have QueueDeep",
        'ack QueueDeep for=1h because="looking at the store"',
        "ack 3f9a1c7e2b5d48aa01c2",
    ),
    details=(
        "With a name, you have all alerts of that name; with an ID, one.",
        "You have it until it resolves, or until the time you give.",
        "If you have it already, this changes its note or its end; permanent: until it resolves.",
        "If somebody else has it, the answer says who. Nothing is silenced.",
    ),
    changes=True,
    once=True,
    follows=True,
    needs=(actions.acknowledge,),
)
async def acknowledge(message: Message, wish: Wish) -> Reply:
    """Let the author have an alert; if somebody else has it, offer to take it over."""
    which = wish.which
    try:
        done = await actions.acknowledge(
            message.actor,
            name=which.name,
            fingerprint=which.fingerprint,
            note=wish.note or None,
            until=wish.until,
            site=which.site,
        )
    except Conflict as refused:
        line = take_over_line(which.name, which.fingerprint, which.site)
        return replace(error_reply(refused), follow_ups=(FollowUp("Take over", line),))
    return has_it(done)


@command(
    r"hand +over(?: +(.+))?",
    "hand over",
    parse=_parse_handing,
    read=_read_handing,
    intent=Intent(
        surely="hand over, hand off, handover, handoff, assign, reassign, pass on",
        about=(Thing.ALERT,),
    ),
    usage='ALERT or ID to USER [because="NOTE"] [site=NAME]',
    summary="hand an alert over to somebody else",
    examples=("hand over QueueDeep to mia",),
    details=("USER is a user name of OpsPortal, not a mention.",),
    changes=True,
    once=True,
    needs=(actions.hand_over,),
)
async def hand_over(message: Message, handing: Handing) -> Reply:
    """Let somebody else have an alert."""
    return await _handed(message, handing)


@command(
    r"take +over(?: +(.+))?",
    "take over",
    parse=_parse_taking,
    read=_read_held,
    intent=Intent(surely="take over, takeover", about=(Thing.ALERT,)),
    usage='ALERT or ID [because="NOTE"] [site=NAME]',
    summary="take an alert over from the person who has it",
    examples=("take over QueueDeep",),
    changes=True,
    once=True,
    needs=(actions.hand_over,),
)
async def take_over(message: Message, handing: Handing) -> Reply:
    """Let the author have an alert that somebody else has."""
    return await _handed(message, handing)


@command(
    r"(?:give +back|unack|unacknowledge)(?: +(.+))?",
    "give back",
    parse=_parse_held,
    read=_read_held,
    intent=Intent(
        surely="give back, unack, unacknowledge, give up, not mine",
        about=(Thing.ALERT,),
    ),
    usage="ALERT or ID [site=NAME]",
    summary="say that you no longer have an alert",
    examples=("give back QueueDeep",),
    changes=True,
    once=True,
    needs=(actions.give_back,),
)
async def give_back(message: Message, which: Which) -> Reply:
    """Let nobody have an alert that the author has."""
    done = await actions.give_back(
        message.actor, name=which.name, fingerprint=which.fingerprint, site=which.site
    )
    return given_back(done)


async def _handed(message: Message, handing: Handing) -> Reply:
    done = await actions.hand_over(
        message.actor,
        to=handing.to,
        name=handing.which.name,
        fingerprint=handing.which.fingerprint,
        note=handing.note,
        site=handing.which.site,
    )
    return has_it(done)
