"""Read what follows the commands about who has an alert: an alert, a user, until when, a note."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.commands.arguments import end_of, refuse_terms
from bot.commands.guesses import guess_of
from bot.commands.reads import elsewhere, names_for, take_there, words_left
from bot.registry import Guess, Message, NothingToRead
from ops.alerts import actions as alerts
from ops.alerts.actions import AlertList
from ops.alerts.truth import headline
from ops.errors import Conflict, InvalidInput, NotFound
from ops.language.changes import as_reason, take_reason, take_term
from ops.language.lines import Word, normal, some, without_filler, words
from ops.language.names import Kind, Name
from ops.language.reading import Reading
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.alerts import Alert
from ops.vocabulary.notifications import ALERTNAME
from ops.vocabulary.quoting import quote
from ops.vocabulary.texts import shortened

WHICH = "which alert? Give its name or its ID"
_RECIPIENT = "who gets it?"
_USER = r"(?:^|\s)to[\s=]+@?([\w.@+-]{1,150})"
_TO = re.compile(rf"{_USER}(?=[\s,;]|$)", re.IGNORECASE)
_TO_AT_END = re.compile(rf"{_USER}(\s+site=\S+)?\s*$", re.IGNORECASE)
_IT = ("it", "this", "that", "one")
_SAYING = some(
    """
    ack acked acking acknowledge acknowledging alert alerts back claim claiming drop give go got
    hand handing handle handling handover handoff into it's let longer looking mine more no not off
    over pass release still take taking takeover transfer unack unacknowledge anymore assign
    reassign
    """
)
"""Words of a text that names no alert."""


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


async def parse_wish(message: Message, rest: str) -> Wish:
    """Read an alert, until when and a note."""
    given, note = take_reason(rest, message.clock)
    given, said = take_term(given, message.clock)
    refuse_terms(given)
    until = (end_of(said, message.clock) or 0) if said else None
    filter = await _filter(given)
    return Wish(_to_have(await _listed(message, filter), filter), until, note)


async def parse_held(message: Message, rest: str) -> Which:
    """Read an alert that somebody has."""
    filter = await _filter(rest)
    return _held(await _listed(message, filter), filter)


async def parse_taking(message: Message, rest: str) -> Handing:
    """Read an alert that somebody else has, and a note."""
    given, note = take_reason(rest)
    return Handing(await parse_held(message, given), message.actor.name, note)


async def parse_handing(message: Message, rest: str) -> Handing:
    """Read an alert that somebody has, the user who gets it, and a note."""
    given, note = take_reason(rest)
    to = _TO_AT_END.search(given)
    if to is None:
        raise InvalidInput(f"{_RECIPIENT} Give a user name: hand over QueueDeep to mia")
    which = f"{given[: to.start()]} {to[2] or ''}"
    return Handing(await parse_held(message, which), to[1], note)


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


async def read(message: Message, text: str) -> Reading:
    """Read an alert, until when and a note, in people's own words."""
    given, note = take_reason(text, message.clock)
    given, said = take_term(given, message.clock)
    refuse_terms(given)
    alert, there, left = await _named(message, given)
    tail = (there, said.text if said else "", as_reason(note))

    def line(name: str) -> str:
        return " ".join(filter(None, (quote(name), *tail)))

    if alert:
        return Reading(line(alert.name), words_left(left))
    found = await _all_of(message, there, left)
    free = (line(each.name) for each in found.firing if not found.held.of(each))
    return guess_of(free, words_left(left), "it is firing, and nobody has it", WHICH)


async def _named(message: Message, text: str) -> tuple[Name | None, str, Sequence[Word]]:
    """Return the alert that a text names, its site as a key, and the other words."""
    names = await names_for(message)
    alert, site, left = take_there(words(normal(text)), names, Kind.ALERT)
    return alert, elsewhere(names, alert, site).strip(), left


async def _all_of(message: Message, where: str, left: Sequence[Word]) -> AlertList:
    """Return the alerts of a site; raises NothingToRead for words that may name an unknown one."""
    if without_filler(left, _SAYING):
        raise NothingToRead(WHICH)
    return await alerts.list_alerts(message.actor, filter=parse_filter(where))


async def read_held(message: Message, text: str) -> Reading:
    """Read the one alert that a text names."""
    alert, there, left = await _named(message, text)
    if alert:
        return Reading(f"{quote(alert.name)} {there}".strip(), words_left(left))
    found = await _all_of(message, there, left)
    held = [(each.name, one) for each in found.alerts if (one := found.held.of(each))]
    own = [name for name, one in held if one.person == message.actor.name]
    meant = (f"{quote(each)} {there}".strip() for each in own or [name for name, _ in held])
    why = "you have it" if own else "somebody has it"
    return guess_of(meant, words_left(left), why, WHICH)


async def read_handing(message: Message, text: str) -> Reading:
    """Read an alert, the user who gets it, and a note."""
    given, note = take_reason(text)
    every = [*_TO.finditer(given)]
    if not every:
        raise NothingToRead(_RECIPIENT)
    to = every[-1]  # "hand the alert to do with the queue over to mia, on staging"
    read = await read_held(message, f"{given[: to.start()]} {given[to.end() :]}")
    tail = f"to {to[1]} {as_reason(note)}".strip()
    whole = replace(read, line=f"{read.line} {tail}")
    if isinstance(whole, Guess):
        return replace(whole, others=tuple(f"{each} {tail}" for each in whole.others))
    return whole
