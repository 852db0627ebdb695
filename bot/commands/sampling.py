"""Commands about sampling: show it, change it, end or undo a change."""

from bot.answers.requests import requested_change
from bot.answers.sampling import sampling_change, sampling_history, service_sampling
from bot.commands.arguments import (
    Where,
    parse_range,
    parse_service,
    service_and_keys,
    with_times,
)
from bot.commands.reads import read_where, read_where_and_when
from bot.commands.wishes import (
    WayBack,
    Wish,
    parse_off,
    parse_undo,
    parse_way_back,
    parse_wish,
    read_off,
    read_wish,
)
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.patience import patient
from ops.requests import actions as requests
from ops.requests.actions import RequestedChange
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.vocabulary.timerange import TimeRange

PAST_CHANGES = 3
HISTORY = 10
PATIENCE = 1.5  # seconds to wait for the volume: the card is what matters
_WAYS_BACK = (
    "This is done immediately if the site allows changes without a card; else a card asks first."
)
_ALWAYS_ASKS = 'This site always asks first, even with "now".'


def _history(rest: str) -> tuple[Where, TimeRange | None]:
    where, named = service_and_keys(rest, "last", "from", "to")
    return where, parse_range(named, None)


@command(
    r"change +sampling(?: +(.+))?",
    "change sampling",
    parse=parse_wish,
    read=read_wish,
    intent=Intent(
        surely="change sampling, set sampling, increase sampling, decrease sampling, "
        "raise sampling, lower sampling, reduce sampling, turn up sampling, turn down sampling, "
        "turn on sampling, enable sampling, start sampling, sampling to, sample, "
        "trace everything, keep traces, keep everything, boost sampling, "
        "bump sampling, adjust sampling, more sampling, less sampling, make sampling",
        perhaps="sampling",
        about=(Thing.SHARE, Thing.SERVICE, Thing.SITE),
    ),
    usage=(
        '[SERVICE] never | always | float RATE | PERCENT% ["OPERATION"=RATE] '
        '[for=15m | until=18:00 | permanent] [because="REASON"] [now] [site=NAME]'
    ),
    summary="change the share of new traces that is kept, after confirmation",
    examples=(
        "change sampling float 0.1",
        'change sampling petstore 100% for=15m because="SlowSearch since 1.3.0"',
        "change sampling petstore always until=18:00",
        'change sampling petstore 10% "GET /health"=0.1%',
        "change sampling always now",
        "change sampling never service=petstore",
    ),
    details=(
        "A card asks first. You or an approver can apply it within five minutes.",
        "A raise ends after 30 minutes unless you say for how long, until when (in your time "
        'zone), or "permanent". Then the service returns to its permanent sampling; if it has '
        "none, say what follows: for=15m then=10%.",
        'With "now" the change is made immediately, if the site allows that.',
        "Operations can have a rate of their own if all instances of the service ask for their "
        "sampling. Agents that can do one rate only refuse such a change.",
        "Above the service's ceiling, somebody else has to approve it within ten minutes.",
    ),
    changes=True,
    needs=(sampling.change_policy,),
)
async def change_sampling(message: Message, wish: Wish) -> Reply:
    """Ask on a card whether to set a service's policy; `now` sets it."""
    return await _asked(message, wish)


@command(
    r"sampling +off(?: +(.+))?",
    "sampling off",
    parse=parse_off,
    read=read_off,
    intent=Intent(
        surely="sampling off, turn off sampling, disable sampling, stop sampling, "
        "switch off sampling, turn off tracing, disable tracing, stop tracing, kill sampling, "
        "no sampling, sample nothing, pause sampling",
        perhaps="off, stop, disable",
        about=(Thing.SERVICE, Thing.SITE),
    ),
    usage='[SERVICE] [for=15m | until=18:00] [because="REASON"] [site=NAME]',
    summary="keep no new traces of a service, after confirmation",
    examples=("sampling off petstore", "sampling off petstore for=1h"),
    changes=True,
    needs=(sampling.change_policy,),
)
async def sampling_off(message: Message, wish: Wish) -> Reply:
    """Ask on a card whether to keep no traces."""
    return await _asked(message, wish)


@command(
    r"revert +sampling(?: +(.+))?",
    "revert sampling",
    parse=parse_way_back,
    read=read_where,
    intent=Intent(
        surely="revert sampling, revert, restore sampling, reset sampling, reset, "
        "back to normal, sampling back, put back, sampling normal, end sampling change",
        perhaps="restore, normal, back, default, permanent, sampling",
        about=(Thing.SERVICE, Thing.SITE),
    ),
    usage='[SERVICE] [to REVISION] [because="REASON"] [site=NAME]',
    summary="end a temporary change now, or go back to a revision",
    examples=(
        "revert sampling petstore",
        "revert sampling petstore to 12",
    ),
    details=(
        "The numbers of the revisions are in sampling history. What a revision set is set again, "
        "for as long as it was set for; that is a new revision.",
        _WAYS_BACK,
    ),
    changes=True,
    needs=(sampling.change_policy,),
)
async def revert_sampling(message: Message, way: WayBack) -> Reply:
    """Return to the permanent policy, or to what a revision set."""
    done = await requests.revert_or_ask(
        message.actor,
        service=way.where.service,
        site=way.where.site,
        revision=way.revision,
        reason=way.reason,
    )
    return await _done(message, done, way.at_once)


@command(
    r"sampling +history(?: +(.+))?",
    "sampling history",
    parse=with_times(_history),
    read=read_where_and_when,
    intent=Intent(
        surely="sampling history, sampling changes, who changed sampling, changed sampling, "
        "who changed, sampling changed, sampling log, audit, audit log, who set sampling, "
        "who sampling, did change sampling, someone change sampling, anyone change sampling",
        perhaps="history, sampling, who, past, when, last",
        about=(Thing.SERVICE, Thing.SITE, Thing.TIME),
    ),
    usage="[SERVICE] [last=1d] [from=TIME to=TIME] [site=NAME]",
    summary="show the last changes of sampling: who, when, why, until when",
    examples=("sampling history petstore", "sampling history yesterday"),
    needs=(sampling.changes,),
)
async def show_history(message: Message, asked: tuple[Where, TimeRange | None]) -> Reply:
    """Show the last changes, each with a way back to it."""
    where, range = asked
    now = await sampling.current(message.actor, service=where.service, site=where.site, patience=0)
    found = await sampling.changes(
        message.actor, service=now.service, site=now.site, limit=HISTORY, range=range
    )
    return sampling_history(now, found, range, more=len(found) == HISTORY)


@command(
    r"undo +sampling(?: +(.+))?",
    "undo sampling",
    parse=parse_undo,
    read=read_where,
    intent=Intent(
        surely="undo, undo sampling, undo change, roll back sampling, rollback sampling, go back, "
        "take back, unchange",
        perhaps="last, previous, change, sampling, before",
        about=(Thing.SERVICE, Thing.SITE),
    ),
    usage="[SERVICE] [site=NAME]",
    summary="restore the last policy that was in force",
    examples=("undo sampling", "undo sampling petstore"),
    details=(_WAYS_BACK,),
    changes=True,
    needs=(sampling.change_policy,),
)
async def undo_sampling(message: Message, where: Where) -> Reply:
    """Restore the last policy that was in force."""
    done = await requests.undo_or_ask(message.actor, service=where.service, site=where.site)
    return await _done(message, done)


@command(
    r"(?:show +)?sampling(?: +(.+))?",
    "sampling",
    parse=parse_service,
    read=read_where,
    intent=Intent(
        surely="sampling, sampled, sampler, sample rate, sampling rate, policy, trace rate",
        perhaps="rate, ratio, how much, kept, sample, do sample, how many",
        about=(Thing.SERVICE, Thing.SITE),
    ),
    usage="[SERVICE] [site=NAME]",
    summary="show the share of new traces that is kept, and the last changes",
    examples=("sampling", "sampling petstore"),
    needs=(sampling.current,),
)
async def show_sampling(message: Message, where: Where) -> Reply:
    """Show the policy last sent to each instance, and the last changes."""
    found = await sampling.current(message.actor, service=where.service, site=where.site)
    changes = await sampling.changes(
        message.actor, service=found.service, site=found.site, limit=PAST_CHANGES
    )
    back = await sampling.undo_policy(message.actor, service=found.service, site=found.site)
    return service_sampling(found, changes, back)


async def _asked(message: Message, wish: Wish) -> Reply:
    """Ask for a change, or make it at once."""
    done = await (requests.change_or_ask if wish.at_once else requests.ask)(
        message.actor,
        policy=wish.policy,
        service=wish.where.service,
        site=wish.where.site,
        term=wish.term,
        reason=wish.reason,
        then=wish.then,
    )
    return await _done(message, done, wish.at_once)


async def _done(
    message: Message, done: RequestedChange | SamplingChange, at_once: bool = False
) -> Reply:
    """Show what was made at once, or its card.

    The card says why it is there in spite of `now`, unless it needs approval: that is said anyway.
    """
    if isinstance(done, SamplingChange):
        return sampling_change(done)
    return await card(message, done, _ALWAYS_ASKS if at_once and not done.over else "")


async def card(message: Message, asked: RequestedChange, why: str) -> Reply:
    """Show the card of a change, with what it would do to the volume."""
    effect = await sampling.forecast(
        message.actor,
        policy=asked.policy,
        service=asked.service,
        site=asked.site,
        patience=patient(PATIENCE),
    )
    return requested_change(asked, why, effect)
