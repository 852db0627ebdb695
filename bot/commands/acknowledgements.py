"""Commands about who has an alert: have it, hand it over, take it over, give it back."""

from dataclasses import replace

from bot.answers.acknowledgements import given_back, has_it, take_over_line
from bot.commands.acknowledgement_words import (
    Handing,
    Which,
    Wish,
    parse_handing,
    parse_held,
    parse_taking,
    parse_wish,
    read,
    read_handing,
    read_held,
)
from bot.errors import error_reply
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import FollowUp, Reply
from ops.acknowledgements import actions
from ops.errors import Conflict


@command(
    r"(?:ack|acknowledge|i(?:'ve)? +(?:have|got|take))(?: +(.+))?",
    "ack",
    parse=parse_wish,
    read=read,
    intent=Intent(
        surely="ack, acked, acknowledge, acking, acknowledging, i have, i got, got it, got this, "
        "i take, i will take, i am taking, mine, my alert, looking into, i looking at, i look at, "
        "i on it, i am on, claim, i handle, i handling, i am handling, taking it",
        perhaps="alert, take, have, looking at, on it",
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
    parse=parse_handing,
    read=read_handing,
    intent=Intent(
        surely="hand over, hand off, handover, handoff, assign, reassign, pass on, give to, "
        "hand to, pass to",
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
    parse=parse_taking,
    read=read_held,
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
    parse=parse_held,
    read=read_held,
    intent=Intent(
        surely="give back, unack, unacknowledge, give up, not mine, drop, let go, release alert",
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
