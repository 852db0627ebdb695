"""Commands about incidents: open one, read it, write in it, pin a trace, close it, open it again.

In an incident's thread its number can be left out.
"""

import re
from dataclasses import dataclass

from bot.answers.incidents import incident_list, noted, opened, shown_story
from bot.commands.arguments import linked_id, parse_site
from bot.commands.reads import elsewhere, names_for, read_site, take_there
from bot.commands.threads import own_thread, place, refuse_shared
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.errors import InvalidInput, NotFound
from ops.incidents import actions
from ops.incidents.actions import NO_ORIGIN, Incident, Origin, OriginKind
from ops.language.lines import normal, words
from ops.language.names import Kind
from ops.language.reading import Reading
from ops.language.trace_ids import find_trace_id
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
_NOTE = re.compile(r"\bnote\b", re.IGNORECASE)
_WHICH_TRACE = "which trace? Give its ID"
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


async def _parse_start(message: Message, rest: str) -> Wish:
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


async def _read_start(message: Message, text: str) -> Reading:
    """Read `open an incident for petstore`, `declare an incident: checkout is slow`."""
    title = _SAID.sub("", text, count=1).strip()
    if not title:
        raise InvalidInput(_WHAT)
    names = await names_for(message)
    service, site, _ = take_there(words(normal(title)), names, Kind.SERVICE)
    known = {*title.split()}
    add = f" service={service.name}" if service and service.name not in known else ""
    return Reading(f"{title}{add}{elsewhere(names, service, site)}")


async def _parse_which(message: Message, rest: str) -> Which:
    """Read `[NUMBER] [TEXT] [site=NAME]`."""
    text, given = _keys(rest)
    unknown = given.keys() - {"site"}
    if unknown:
        raise InvalidInput(f'unknown key "{min(unknown)}"; accepted: site')
    found = _NUMBER.fullmatch(text)
    number, text = (int(found[1]), found[2]) if found else (0, text)
    return Which(number, text.strip(), sites().site(given.get("site", "")).name)


async def _parse_number(message: Message, rest: str) -> Which:
    """Read `[NUMBER] [site=NAME]`, for a command that takes no more."""
    which = await _parse_which(message, rest)
    if which.text:
        raise InvalidInput(f'"{which.text[:80]}" is not the number of an incident')
    return which


async def _parse_note(message: Message, rest: str) -> Which:
    """Read `[NUMBER] [site=NAME] note TEXT`: nothing in the text is a key."""
    before, text = _around("note", rest)
    which = await _parse_number(message, before)
    written = text.strip(" :\n").strip()
    if len(written) > 1 and written[0] == written[-1] == '"':
        written = written[1:-1]
    if not written:
        raise InvalidInput("what should the note say? incident note only petstore-3 is slow")
    return Which(which.number, written, which.site)


async def _parse_pin(message: Message, rest: str) -> Which:
    """Read `[NUMBER] [site=NAME] pin TRACE`."""
    before, text = _around("pin", rest)
    which = await _parse_number(message, before)
    if not text.strip():
        raise InvalidInput(_WHICH_TRACE)
    return Which(which.number, linked_id(text.strip()), which.site)


async def _read_note(message: Message, text: str) -> Reading:
    """Read `note: rolled back`, `please note that only petstore-3 is slow`."""
    _, note = _around("note", text) if _NOTE.search(text) else _around("down", text)
    return Reading(re.sub(r"^[\s:,]*(?:that\b)?\s*", "", note))


async def _read_pin(message: Message, text: str) -> Reading:
    """Read the trace that a text names."""
    trace_id = find_trace_id(text)
    if not trace_id:
        raise InvalidInput(_WHICH_TRACE)
    return Reading(trace_id)


def _around(verb: str, rest: str) -> tuple[str, str]:
    """Return what comes before and after the first of these verbs."""
    before, text = re.split(rf"\b{verb}\b", rest, maxsplit=1, flags=re.IGNORECASE)
    return before, text


def _keys(line: str) -> tuple[str, dict[str, str]]:
    """Take the pairs out of a line; returns the other words and the pairs."""
    given = {found[1]: found[2].strip('"') for found in _KEY.finditer(line)}
    return " ".join(_KEY.sub(" ", line).split()), given


@command(
    r"(?:incident +(?:start|open|declare)|(?:start|open|declare) +incident)(?: +(.+))?",
    "incident start",
    parse=_parse_start,
    read=_read_start,
    intent=Intent(
        surely="open an incident, open incident, start an incident, declare an incident, "
        "declare incident, new incident, raise an incident, create an incident",
        perhaps="incident, declare",
        about=(Thing.SERVICE,),
    ),
    usage="TITLE [service=NAME] [alert=ID | group=NAME | trace=ID] [site=NAME]",
    summary="open an incident; the thread you open it in becomes its thread",
    examples=("incident start petstore slow", "incident start group=QueueDeep"),
    details=(
        "It gathers alerts, rollouts, sampling changes, acknowledgements and notes by itself.",
        "In its thread you can leave out its number. A note needs a mention of the bot.",
    ),
    changes=True,
    needs=(actions.open_incident,),
)
async def start_incident(message: Message, wish: Wish) -> Reply:
    """Open an incident."""
    refuse_shared(message)
    made = await actions.open_incident(
        message.actor,
        title=wish.title,
        services=wish.services,
        origin=wish.origin,
        thread=await own_thread(message),
        site=wish.site,
    )
    return opened(made)


@command(
    r"(?:(?:show|list) +)?incidents(?: +(.+))?",
    "incidents",
    parse=parse_site,
    read=read_site,
    intent=Intent(surely="incidents, open incidents", about=(Thing.SITE,)),
    usage="[site=NAME]",
    summary="list incidents, open ones first",
    examples=("incidents",),
    needs=(actions.list_incidents,),
)
async def list_incidents(message: Message, site: str) -> Reply:
    """List incidents."""
    refuse_shared(message)
    return incident_list(await actions.list_incidents(message.actor, site=site))


@command(
    r"incident +((?:#?[0-9]{1,9} +)?(?:site=\S+ +)?note(?:[ :].*)?)",
    "incident note",
    parse=_parse_note,
    read=_read_note,
    intent=Intent(surely="note, note that, write down, take a note"),
    usage="TEXT, or incident NUMBER note TEXT",
    summary="add a note to an incident",
    examples=("incident note only petstore-3, the new build", "incident 3 note store is fine"),
    changes=True,
    needs=(actions.add_note,),
)
async def note_incident(message: Message, which: Which) -> Reply:
    """Write a note."""
    number, site = await _meant(message, which)
    done = await actions.add_note(message.actor, text=which.text, number=number, site=site)
    return noted(done, "Noted")


@command(
    r"incident +((?:#?[0-9]{1,9} +)?(?:site=\S+ +)?pin(?: +.*)?)",
    "incident pin",
    parse=_parse_pin,
    read=_read_pin,
    intent=Intent(surely="pin, pin trace", about=(Thing.TRACE_ID,)),
    usage="TRACE, or incident NUMBER pin TRACE",
    summary="pin a trace to an incident",
    examples=("incident pin 17b4f65b0d9f038e2a7bc5ea84309af2",),
    changes=True,
    needs=(actions.pin_trace,),
)
async def pin_incident(message: Message, which: Which) -> Reply:
    """Pin a trace."""
    number, site = await _meant(message, which)
    done = await actions.pin_trace(message.actor, trace_id=which.text, number=number, site=site)
    return noted(done, "Pinned")


@command(
    r"(?:incident +close|close +(?:the +)?incident)(?: +(.+))?",
    "incident close",
    parse=_parse_number,
    intent=Intent(surely="close incident, close the incident, incident over, end the incident"),
    usage="[NUMBER] [site=NAME]",
    summary="close an incident",
    examples=("incident close", "incident close 3"),
    changes=True,
    needs=(actions.close_incident,),
)
async def close_incident(message: Message, which: Which) -> Reply:
    """Close an incident."""
    number, site = await _meant(message, which)
    await actions.close_incident(message.actor, number=number, site=site)
    return shown_story(await actions.show_story(message.actor, number=number, site=site))


@command(
    r"(?:incident +reopen|reopen +(?:the +)?incident)(?: +(.+))?",
    "incident reopen",
    parse=_parse_number,
    usage="[NUMBER] [site=NAME]",
    summary="reopen a closed incident",
    examples=("incident reopen 3",),
    changes=True,
    needs=(actions.reopen,),
)
async def reopen_incident(message: Message, which: Which) -> Reply:
    """Open an incident again."""
    number, site = await _meant(message, which)
    await actions.reopen(message.actor, number=number, site=site)
    return shown_story(await actions.show_story(message.actor, number=number, site=site))


@command(
    r"(?:show +(?:me +)?)?(?:the +)?incident(?: +(.+))?",
    "incident",
    parse=_parse_number,
    intent=Intent(perhaps="incident"),
    usage="[NUMBER] [site=NAME]",
    summary="show an incident: its state, and what happened",
    examples=("incident", "incident 3"),
    needs=(actions.show_story,),
)
async def show_incident(message: Message, which: Which) -> Reply:
    """Show an incident."""
    number, site = await _meant(message, which)
    return shown_story(await actions.show_story(message.actor, number=number, site=site))


async def _meant(message: Message, which: Which) -> tuple[int, str]:
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
