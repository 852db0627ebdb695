"""Read what somebody wants of sampling: a policy for how long and why, or a way back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

from bot.commands.arguments import Where, service_and_site, words_and_keys
from bot.commands.reads import names_for, take_there, where_line, words_left
from bot.registry import Guess, Message, NothingToRead
from ops.language.changes import as_reason, take_reason, take_term, take_then
from ops.language.lines import Word, normal, words
from ops.language.names import Kind, Names
from ops.language.reading import Reading
from ops.language.shares import read_share
from ops.language.spoken import checked
from ops.language.times import Clock, Spoken, said_end
from ops.requests import actions as requests
from ops.sampling import actions as sampling
from ops.sampling import terms
from ops.sampling.terms import PERMANENT, Term
from ops.vocabulary import timerange
from ops.vocabulary.policies import NEVER, Policy, parse_policy, take_operations

POLICY_WORDS = ("never", "always", "float", "rate")
_TO = re.compile(r"(?:^|\s)to[ =]+([0-9]{1,18})(?=\s|$)", re.IGNORECASE)
_ON = frozenset(("on", "enable", "start", "activate"))


@dataclass(frozen=True, slots=True)
class Wish:
    """A policy for a service, how long it is to last and why; `at_once` means without a card."""

    where: Where
    policy: Policy
    term: Term
    reason: str
    then: Policy | None
    at_once: bool


@dataclass(frozen=True, slots=True)
class WayBack:
    """A service that is to go back to a revision, or with 0 to its permanent policy."""

    where: Where
    revision: int
    reason: str
    at_once: bool


async def parse_wish(message: Message, rest: str) -> Wish:
    """Read `[SERVICE] POLICY …`."""
    return await _wish(message, *take_reason(rest, message.clock))


async def parse_off(message: Message, rest: str) -> Wish:
    """Read the same without a policy, which is to keep nothing."""
    given, reason = take_reason(rest, message.clock)
    return await _wish(message, f"{given} {NEVER}", reason)


async def parse_way_back(message: Message, rest: str) -> WayBack:
    """Read `[SERVICE] [to REVISION] …`."""
    given, reason = take_reason(rest)
    revision = _TO.search(given)
    words = _TO.sub(" ", given).split()
    at_once = _taken(words, "now")
    where = service_and_site(" ".join(words))
    number = int(revision[1]) if revision else 0
    back = await sampling.way_back(
        message.actor, service=where.service, site=where.site, revision=number
    )
    back["reason"] = reason
    await _check(message, where, **back)
    return WayBack(where, number, reason, at_once)


async def parse_undo(message: Message, rest: str) -> Where:
    """Read `[SERVICE] [site=NAME]`."""
    where = service_and_site(rest)
    before = await requests.policy_before(message.actor, service=where.service, site=where.site)
    await _check(message, where, policy=before)
    return where


async def _check(message: Message, where: Where, **wish: Unpack[terms.Wish]) -> None:
    """Raise what asking for it would raise."""
    await requests.check(message.actor, service=where.service, site=where.site, **wish)


async def read_wish(message: Message, text: str) -> Reading:
    """Read `[SERVICE] POLICY …`."""
    head, tail = _without_term(text, message.clock)
    names, found = await names_for(message), words(head)
    share = read_share(found)
    if share is None:
        return _everything(names, found, tail)
    others = [each for each in found if each not in share.words]
    service, site, left = take_there(others, names, Kind.SERVICE)
    line = f"{where_line(names, service, site)} {share.policy} {tail}"
    return Reading(" ".join(line.split()), words_left(left))


def _everything(names: Names, found: Sequence[Word], tail: str) -> Reading:
    """Guess that all traces are to be kept if sampling is only to be switched on."""
    if not _ON & {word.small for word in found}:
        raise NothingToRead("how much is to be kept?")
    others = [each for each in found if each.small not in _ON]
    service, site, left = take_there(others, names, Kind.SERVICE)
    line = f"{where_line(names, service, site)} always {tail}"
    return Guess(" ".join(line.split()), words_left(left), why="keep every new trace, after asking")


async def read_off(message: Message, text: str) -> Reading:
    """Read `[SERVICE] …`."""
    head, tail = _without_term(text, message.clock)
    names = await names_for(message)
    service, site, left = take_there(words(head), names, Kind.SERVICE)
    return Reading(f"{where_line(names, service, site)} {tail}".strip(), words_left(left))


def _without_term(text: str, clock: Clock) -> tuple[str, str]:
    """Return a line without how long a change lasts and why, and both as they are accepted."""
    given, reason = take_reason(normal(text), clock)
    given, then = take_then(given)
    head, term = take_term(given, clock)
    tail = (
        term.text if term else "",
        f"then={then}" if then else "",
        as_reason(reason),
    )
    return head, " ".join(filter(None, tail))


async def _wish(message: Message, given: str, reason: str) -> Wish:
    """Read the words without the reason."""
    given, shares = take_operations(given)
    given, then = take_then(given)
    given, said = take_term(given, message.clock)
    words, named = words_and_keys(given, "service", "site", "for", "until", "then")
    term = _term(said, named, message.clock)
    at_once = _taken(words, "now")
    if "service" not in named and len(words) > 1 and is_name(words[0]):
        named["service"] = words.pop(0)
    policy = parse_policy(" ".join(words)).by_operation(shares)
    where = Where(named.get("service", ""), named.get("site", ""))
    now = await sampling.current(message.actor, service=where.service, site=where.site)
    wish = Wish(
        Where(now.service, now.site),
        policy,
        term or terms.usual(now.baseline, policy),
        reason,
        parse_policy(then or named["then"]) if then or "then" in named else None,
        at_once and not (said and said.guessed),
    )
    asked: terms.Wish = {"policy": policy, "term": wish.term, "reason": reason, "then": wish.then}
    await _check(message, wish.where, **asked)
    return wish


def _term(said: Spoken | None, named: Mapping[str, str], clock: Clock) -> Term | None:
    """Return how long the change is to last, None if nobody says."""
    key, _, value = checked(said).text.partition("=") if said else ("", "", "")
    given = {key: value} if said else named
    if "for" in given:
        return Term(timerange.parse_duration(given["for"]))
    if "until" in given:
        return Term(end=said_end(given["until"], clock))
    return PERMANENT if said else None


def _taken(words: list[str], word: str) -> bool:
    """Remove a word from a line's words; returns whether it was there."""
    there = [each for each in words if each.lower() == word]
    for each in there:
        words.remove(each)
    return bool(there)


def is_name(word: str) -> bool:
    """Return whether a word may be a service's name rather than part of a policy."""
    return word[0].isalpha() and word.lower() not in POLICY_WORDS
