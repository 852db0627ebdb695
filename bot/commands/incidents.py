"""Commands about incidents: open one, read it, write in it, pin a trace, close it, open it again.

In an incident's thread its number can be left out.
"""

from bot.answers.incidents import incident_list, noted, opened, shown_story
from bot.commands.arguments import parse_site
from bot.commands.incident_words import (
    Which,
    Wish,
    meant,
    parse_note,
    parse_number,
    parse_one,
    parse_pin,
    parse_start,
    read_closed,
    read_note,
    read_open,
    read_pin,
    read_start,
)
from bot.commands.reads import read_site
from bot.commands.threads import own_thread, refuse_shared
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.incidents import actions


@command(
    r"(?:incident +(?:start|open|declare)|(?:start|open|declare) +incident)(?: +(.+))?",
    "incident start",
    parse=parse_start,
    read=read_start,
    intent=Intent(
        surely="open an incident, open incident, start incident, declare incident, new incident, "
        "raise incident, create incident, have an incident, begin incident, make incident",
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
    parse=parse_note,
    read=read_note,
    intent=Intent(surely="note, note that, write down, take a note"),
    usage="TEXT, or incident NUMBER note TEXT",
    summary="add a note to an incident",
    examples=("incident note only petstore-3, the new build", "incident 3 note store is fine"),
    changes=True,
    needs=(actions.add_note,),
)
async def note_incident(message: Message, which: Which) -> Reply:
    """Write a note."""
    number, site = await meant(message, which)
    done = await actions.add_note(message.actor, text=which.text, number=number, site=site)
    return noted(done, "Noted")


@command(
    r"incident +((?:#?[0-9]{1,9} +)?(?:site=\S+ +)?pin(?: +.*)?)",
    "incident pin",
    parse=parse_pin,
    usage="TRACE, or incident NUMBER pin TRACE",
    summary="pin a trace to an incident",
    examples=("incident pin 17b4f65b0d9f038e2a7bc5ea84309af2",),
    read=read_pin,
    intent=Intent(surely="pin, pin trace, pin it, pin this", about=(Thing.TRACE_ID,)),
    changes=True,
    needs=(actions.pin_trace,),
)
async def pin_incident(message: Message, which: Which) -> Reply:
    """Pin a trace."""
    number, site = await meant(message, which)
    done = await actions.pin_trace(message.actor, trace_id=which.text, number=number, site=site)
    return noted(done, "Pinned")


@command(
    r"(?:incident +close|close +(?:the +)?incident)(?: +(.+))?",
    "incident close",
    parse=parse_one,
    read=read_open,
    intent=Intent(
        surely="close incident, close it, incident over, end incident, incident done, "
        "incident fixed, incident resolved, resolve incident",
    ),
    usage="[NUMBER] [site=NAME]",
    summary="close an incident",
    examples=("incident close", "incident close 3"),
    changes=True,
    needs=(actions.close_incident,),
)
async def close_incident(message: Message, which: Which) -> Reply:
    """Close an incident."""
    number, site = await meant(message, which)
    await actions.close_incident(message.actor, number=number, site=site)
    return shown_story(await actions.show_story(message.actor, number=number, site=site))


@command(
    r"(?:incident +reopen|reopen +(?:the +)?incident)(?: +(.+))?",
    "incident reopen",
    parse=parse_number,
    read=read_closed,
    intent=Intent(surely="reopen, open again, reopen incident, incident again, incident back"),
    usage="[NUMBER] [site=NAME]",
    summary="reopen a closed incident",
    examples=("incident reopen 3",),
    changes=True,
    needs=(actions.reopen,),
)
async def reopen_incident(message: Message, which: Which) -> Reply:
    """Open an incident again."""
    number, site = await meant(message, which)
    await actions.reopen(message.actor, number=number, site=site)
    return shown_story(await actions.show_story(message.actor, number=number, site=site))


@command(
    r"(?:show +(?:me +)?)?(?:the +)?incident(?: +(.+))?",
    "incident",
    parse=parse_one,
    read=read_open,
    intent=Intent(
        surely="incident status, incident timeline, incident about, what incident, "
        "which incident, incident state, incident now, incident update, incident summary, the "
        "incident",
        perhaps="incident",
    ),
    usage="[NUMBER] [site=NAME]",
    summary="show an incident: its state, and what happened",
    examples=("incident", "incident 3"),
    needs=(actions.show_story,),
)
async def show_incident(message: Message, which: Which) -> Reply:
    """Show an incident."""
    number, site = await meant(message, which)
    return shown_story(await actions.show_story(message.actor, number=number, site=site))
