"""Read what follows the commands about incidents: a title, a number, a note, a trace."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.commands.arguments import linked_id
from bot.commands.guesses import guess_of
from bot.commands.reads import elsewhere, names_for, take_name, take_there, words_left
from bot.commands.threads import place, refuse_shared
from bot.registry import Message
from ops.errors import InvalidInput, NotFound
from ops.incidents import actions
from ops.incidents.actions import NO_ORIGIN, Incident, Origin, OriginKind
from ops.language.lines import normal, words
from ops.language.names import Kind
from ops.language.reading import Reading
from ops.language.trace_ids import find_trace_ids
from ops.sites import sites
from ops.vocabulary.figures import listed
from ops.vocabulary.quoting import QUOTED

_KEY = re.compile(rf"(?:^|\s)(alert|group|trace|service|site)=({QUOTED}|\S+)")
_NUMBER = re.compile(r"#?([0-9]{1,9})\b\s*(.*)", re.DOTALL)
_SAID = re.compile(
    r".*?\bincident\b[\s:,-]*(?:(?:start|open|declare)\b\s*)?"
    r"(?:(?:for|about|on|with|because|that|of|titled|called)\b\s*)?",
    re.IGNORECASE | re.DOTALL,
)
_ON = re.compile(r"\b(?:on|in)\s+(\S+)", re.IGNORECASE)
_INCIDENT = re.compile(r"\bincident\b", re.IGNORECASE)
_NOTE = re.compile(r"\bnote\b", re.IGNORECASE)
_WHICH_TRACE = "which trace? Give its ID: incident pin 17b4f65b0d9f038e2a7bc5ea84309af2"
_WHAT = "what is wrong? Write a few words: incident start petstore slow"


@dataclass(frozen=True, slots=True)
class Wish:
    """An incident to open."""

    title: str
    services: tuple[str, ...]
    origin: Origin
    site: str


@dataclass(frozen=True, slots=True)
class Which:
    """An incident by its number, 0 for the one of the thread or the only open one; and a text."""

    number: int
    text: str
    site: str


async def parse_start(message: Message, rest: str) -> Wish:
    """Read what is wrong, with which services, or from which alert, group or trace."""
    title, given = _keys(rest)
    site = sites().site(given.pop("site", "") or _site_in(title))
    named = [site.service(given.pop("service")).name] if "service" in given else []
    if len(given) > 1:
        raise InvalidInput("an incident is opened from one alert, one group or one trace")
    named += [word for word in re.split(r"[\s,:]+", title) if word in site.services]
    origin = NO_ORIGIN
    for kind, key in given.items():
        origin = Origin(OriginKind(kind), linked_id(key) if kind == OriginKind.TRACE else key)
    if not (title or named or origin.key):
        raise InvalidInput(_WHAT)
    return Wish(title, tuple(dict.fromkeys(named)), origin, site.name)


def _site_in(title: str) -> str:
    """Return the site that a title names, `petstore slow on staging`; "" for none."""
    said = (found[1].rstrip(".,;:!?") for found in _ON.finditer(title))
    return next((name for name in said if name in sites().all), "")


async def read_start(message: Message, text: str) -> Reading:
    """Read `open an incident for petstore`, `declare an incident: checkout is slow`."""
    typed = message.text if _INCIDENT.search(message.text) else text  # a title is not corrected
    title = _SAID.sub("", typed, count=1).strip()
    if not title:
        raise InvalidInput(_WHAT)
    names = await names_for(message)
    service, site, _ = take_there(words(normal(title)), names, Kind.SERVICE)
    known = {*title.split()}
    add = f" service={service.name}" if service and service.name not in known else ""
    return Reading(f"{title}{add}{elsewhere(names, service, site)}")


async def parse_which(message: Message, rest: str) -> Which:
    """Read `[NUMBER] [TEXT] [site=NAME]`."""
    text, given = _keys(rest)
    unknown = given.keys() - {"site"}
    if unknown:
        raise InvalidInput(f'unknown key "{min(unknown)}"; accepted: site')
    found = _NUMBER.fullmatch(text)
    number, text = (int(found[1]), found[2]) if found else (0, text)
    return Which(number, text.strip(), sites().site(given.get("site", "")).name)


async def parse_number(message: Message, rest: str) -> Which:
    """Read `[NUMBER] [site=NAME]`, for a command that takes no more."""
    which = await parse_which(message, rest)
    if which.text:
        raise InvalidInput(f'"{which.text[:80]}" is not the number of an incident')
    return which


async def parse_note(message: Message, rest: str) -> Which:
    """Read `[NUMBER] [site=NAME] note TEXT`: nothing in the text is a key."""
    before, text = _around("note", rest)
    which = await parse_number(message, before)
    written = text.strip(" :\n").strip()
    if len(written) > 1 and written[0] == written[-1] == '"':
        written = written[1:-1]
    if not written:
        raise InvalidInput("what should the note say? incident note only petstore-3 is slow")
    number, site = await meant(message, which)
    return Which(number, written, site)


async def parse_pin(message: Message, rest: str) -> Which:
    """Read `[NUMBER] [site=NAME] pin TRACE`."""
    before, text = _around("pin", rest)
    which = await parse_number(message, before)
    if not text.strip():
        raise InvalidInput(_WHICH_TRACE)
    return Which(which.number, linked_id(text.strip()), which.site)


async def parse_one(message: Message, rest: str) -> Which:
    """Read `[NUMBER] [site=NAME]`; without a number, it is the thread's or the only open one."""
    which = await parse_number(message, rest)
    number, site = await meant(message, which)
    return Which(number, "", site)


async def read_open(message: Message, text: str) -> Reading:
    """Read the number of an incident; without one, it is the thread's, or one that is open."""
    number, site, left = await _numbered(message, text)
    if number or await _of_thread(message):
        return Reading(f"{number} {site}".strip(), left)
    found = await _incidents(message, site, open=True)
    return _guess(found, site, left, "it is open")


async def read_closed(message: Message, text: str) -> Reading:
    """Read the number of an incident; without one, guess one that was closed lately."""
    number, site, left = await _numbered(message, text)
    if number:
        return Reading(f"{number} {site}".strip(), left)
    found = await _incidents(message, site, open=False)
    closed = sorted(found, key=lambda each: -each.closed_at)
    return _guess(closed, site, left, "it was closed")


async def _numbered(message: Message, text: str) -> tuple[str, str, tuple[str, ...]]:
    """Return the number of an incident, "" for none, its site as a key, and the other words."""
    found, names = words(normal(text)), await names_for(message)
    numbers = [each for each in found if _NUMBER.fullmatch(each.text)][:1]
    others = [each for each in found if each not in numbers]
    site, left = take_name(others, names, Kind.SITE)
    for word in left:
        if any(letter.isdigit() for letter in word.text):
            raise InvalidInput(f'"{word.text[:80]}" is not the number of an incident')
    number = numbers[0].text.lstrip("#") if numbers else ""
    return number, elsewhere(names, site).strip(), words_left(left)


def _guess(found: Sequence[Incident], site: str, left_out: tuple[str, ...], why: str) -> Reading:
    """Return a reading as one of several incidents; of a single one it is no guess."""
    lines = [f"{each.number} {site}".strip() for each in found]
    if len(lines) < 2:
        return Reading("".join(lines) or site, left_out)
    return guess_of(lines, left_out, why, _WHAT)


async def _incidents(message: Message, site: str, *, open: bool) -> list[Incident]:
    listed = await actions.list_incidents(message.actor, site=site.removeprefix("site="))
    return [each for each in listed.incidents if each.is_open is open]


async def read_note(message: Message, text: str) -> Reading:
    """Read `please note that only petstore-3 is slow`."""
    typed = message.text if _NOTE.search(message.text) else text  # a note is not corrected
    _, note = _around("note", typed) if _NOTE.search(typed) else _around("down", typed)
    return Reading(re.sub(r"^[\s:,]*(?:that\b)?\s*", "", note))


async def read_pin(message: Message, text: str) -> Reading:
    """Read the ID of the trace to pin."""
    ids = find_trace_ids(text)
    if not ids:
        raise InvalidInput(_WHICH_TRACE)
    return Reading(ids[0])


def _around(verb: str, rest: str) -> tuple[str, str]:
    """Return what comes before and after the first of these verbs."""
    before, text = re.split(rf"\b{verb}\b", rest, maxsplit=1, flags=re.IGNORECASE)
    return before, text


def _keys(line: str) -> tuple[str, dict[str, str]]:
    """Take the pairs out of a line; returns the other words and the pairs."""
    given = {found[1]: found[2].strip('"') for found in _KEY.finditer(line)}
    return " ".join(_KEY.sub(" ", line).split()), given


async def meant(message: Message, which: Which) -> tuple[int, str]:
    """Return the number and the site of the incident that is meant; raises NotFound."""
    refuse_shared(message)
    if which.number:
        return which.number, which.site
    if of_thread := await _of_thread(message):
        return of_thread.number, of_thread.site
    found = (await actions.list_incidents(message.actor, site=which.site)).incidents
    still = [each for each in found if each.is_open]
    if not still:
        raise NotFound("no incident is open; incident start petstore slow opens one")
    if len(still) > 1:
        some = listed(str(each.number) for each in still[:5])
        raise InvalidInput(f"several incidents are open ({some}): give the number of one")
    return still[0].number, which.site


async def _of_thread(message: Message) -> Incident | None:
    channel, ts = place(message)
    return await actions.find_by_thread(message.actor, channel=channel, ts=ts) if ts else None
