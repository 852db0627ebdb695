"""Commands about what changed: everything, or only rollouts."""

from dataclasses import dataclass, replace

from bot.answers.changes import changes_reply
from bot.commands.arguments import Where, parse_range, with_times, words_and_keys
from bot.commands.reads import read_where_and_when
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.errors import InvalidInput
from ops.language.reading import Reading
from ops.overview import actions as overview
from ops.overview.actions import EVERY_KIND, LAST_DAY, ChangeKind
from ops.vocabulary.timerange import TimeRange

_KINDS = {
    "rollouts": ChangeKind.ROLLOUTS,
    "sampling": ChangeKind.SAMPLING,
    "alerts": ChangeKind.ALERTS,
    "silences": ChangeKind.SILENCES,
    "acknowledgements": ChangeKind.ACKNOWLEDGEMENTS,
    "incidents": ChangeKind.INCIDENTS,
}

_ALERTS = ("fired", "alert", "alerts", "alerted", "firing", "off", "went", "resolved")


@dataclass(frozen=True, slots=True)
class _Asked:
    """Of which service or site, when, and which kinds, all if none is named."""

    where: Where
    range: TimeRange
    kinds: tuple[ChangeKind, ...] = ()


def _asked(rest: str) -> _Asked:
    words, named = words_and_keys(rest, "service", "site", "last", "from", "to")
    kinds = [_KINDS[word.lower()] for word in words if word.lower() in _KINDS]
    services = [word for word in words if word.lower() not in _KINDS]
    if len(services) + ("service" in named) > 1:
        raise InvalidInput(f'"{rest[:80]}" names more than one service; give one or none')
    where = Where(named.pop("service", " ".join(services)), named.pop("site", ""))
    where.check()
    return _Asked(where, parse_range(named, LAST_DAY), tuple(kinds))


async def _read(message: Message, text: str) -> Reading:
    """Read a service, a time, and whether it is about alerts only."""
    reading = await read_where_and_when(message, text)
    kinds = {"alerts" for word in reading.left_out if word.casefold() in _ALERTS}
    line = " ".join((reading.line, *kinds)).strip()
    left_out = tuple(word for word in reading.left_out if word.casefold() not in _ALERTS)
    return replace(reading, line=line, left_out=left_out)


@command(
    r"(?:(?:(?:show|list) +)?changes|what(?:'s| +has)? +changed)(?: +(.+))?",
    "changes",
    parse=with_times(_asked),
    read=_read,
    intent=Intent(
        surely="fired, went off, was firing, changes, changed, what changed, what happened, "
        "happened, history, timeline, time line, "
        "what broke, broke, events, news, new",
        perhaps="recently, lately, recent, last, diff",
        about=(Thing.SERVICE, Thing.SITE, Thing.TIME),
    ),
    usage="[SERVICE] [KIND ...] [last=24h] [from=TIME to=TIME] [site=NAME]",
    summary="show what changed: rollouts, sampling, alerts, silences, acknowledgements, incidents",
    examples=("changes", "what changed in petstore", "changes petstore sampling last=2d"),
    details=(
        f"KIND is one of {', '.join(_KINDS)}; without one, everything is shown.",
        "The answer comes from OpsPortal's own memory, and says how far back that goes.",
        "Silences come from Alertmanager, which remembers them for some days.",
        "Without a time, it covers the last 24 hours.",
    ),
    needs=(overview.show_changes,),
)
async def what_changed(message: Message, asked: _Asked) -> Reply:
    """Show what changed on a site or in a service."""
    return await _changes(message, asked, asked.kinds or EVERY_KIND)


@command(
    r"(?:(?:show|list) +)?(?:rollouts|deploys|deployments|releases)(?: +(.+))?",
    "rollouts",
    parse=with_times(_asked),
    read=read_where_and_when,
    intent=Intent(
        surely="rollouts, rollout, deploys, deployments, deployment, releases, released, "
        "rolled out, was deployed, got deployed, shipped, ship, last deploy, latest deploy, "
        "recent deploy, any deploy, when deploy, deploy history",
        perhaps="deploy, deployed, release, new, recently, lately, when, today, last, version",
        about=(Thing.SERVICE, Thing.SITE, Thing.TIME, Thing.VERSION),
    ),
    usage="[SERVICE] [last=24h] [from=TIME to=TIME] [site=NAME]",
    summary="show which services started to run another version, and when",
    examples=("rollouts", "deploys petstore last=7d"),
    needs=(overview.show_changes,),
)
async def rollouts(message: Message, asked: _Asked) -> Reply:
    """Show the rollouts of a site or of a service."""
    return await _changes(message, asked, (ChangeKind.ROLLOUTS,))


async def _changes(message: Message, asked: _Asked, kinds: tuple[ChangeKind, ...]) -> Reply:
    found = await overview.show_changes(
        message.actor,
        kinds=kinds,
        range=asked.range,
        service=asked.where.service,
        site=asked.where.site,
    )
    return changes_reply(found)
