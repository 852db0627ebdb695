"""The command that samples what an alert or a service is about at 100% for a while."""

import asyncio
from dataclasses import dataclass, replace

from bot.answers.raising import raised
from bot.commands.reads import elsewhere, names_for, take_there, where_line, words_left
from bot.commands.sampling import card
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.alerts import actions as alerts
from ops.errors import NotFound
from ops.language.lines import normal, words
from ops.language.names import Kind
from ops.language.reading import Reading
from ops.overview import actions as overview
from ops.sampling import actions as sampling
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.quoting import quote


@dataclass(frozen=True, slots=True)
class Subject:
    """An alert by its ID, or a service."""

    fingerprint: str
    service: str
    site: str


async def _parse(message: Message, rest: str) -> Subject:
    """Read an ID, a service, or a filter of alerts, of which the worst is meant."""
    filter = await asyncio.to_thread(parse_filter, rest)
    site = sites().site(filter.site)
    words = filter.words
    if replace(filter, site="", words=()) == AlertFilter() and len(words) < 2:
        name = words[0] if words else ""
        if alerts.FINGERPRINT.fullmatch(name):
            return Subject(name, "", site.name)
        if not name or name in site.services:
            return Subject("", site.service(name).name, site.name)
    found = await alerts.list_alerts(message.actor, filter=filter)
    if not found.alerts:
        raise NotFound(f'no service and no active alert of {site.name} is called "{rest[:80]}"')
    return Subject(found.alerts[0].fingerprint, "", site.name)


async def _read(message: Message, text: str) -> Reading:
    """Read the alert or the service that a text names."""
    names, found = await names_for(message), words(normal(text))
    alert, site, left = take_there(found, names, Kind.ALERT)
    if alert:
        return Reading(f"{quote(alert.name)}{elsewhere(names, alert, site)}", words_left(left))
    service, site, left = take_there(found, names, Kind.SERVICE)
    return Reading(where_line(names, service, site), words_left(left))


@command(
    r"sampling +up(?: +(.+))?",
    "sampling up",
    parse=_parse,
    read=_read,
    intent=Intent(
        surely="sampling up, turn up, sample up, raise sampling, sample more, more sampling, "
        "more traces, crank up, bump sampling, increase sampling, sample at the roots, "
        "catch failing traces",
        about=(Thing.ALERT, Thing.SERVICE, Thing.SITE),
    ),
    usage='[SERVICE | ALERT | ID | LABEL="VALUE" …] [site=NAME]',
    summary="sample a service, or the services of an alert, at 100% for 15 minutes",
    examples=("sampling up petstore", "sampling up QueueDeep"),
    details=(
        "Sampling is decided where a trace starts, so this changes the services in which the "
        "failing traces start, each with a change of its own.",
        "The reason names the alert and the release. Afterwards each service returns to its "
        "previous sampling.",
        "If the site allows changes without a card, this is done immediately; otherwise a card "
        "asks first. Above a service's ceiling, somebody else has to approve it.",
    ),
    changes=True,
    needs=(sampling.change_policy,),
)
async def sampling_up(message: Message, of: Subject) -> Reply:
    """Raise sampling where the failing traces begin."""
    about = [of.service] if of.service else []
    proposed = await overview.propose_raise(
        message.actor, fingerprint=of.fingerprint, about=about, site=of.site
    )
    since = timerange.now_ns() // timerange.SECOND * timerange.SECOND
    done = await overview.raise_sampling(
        message.actor,
        services=proposed.services,
        fingerprint=of.fingerprint,
        about=about,
        site=of.site,
    )
    [first, *others] = done
    if first.request and not others:
        return await card(message, first.request, proposed.why)
    return raised(proposed, done, since)
