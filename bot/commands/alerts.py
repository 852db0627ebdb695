"""The commands about alerts."""

import asyncio

from bot.answers.alert import one_alert
from bot.answers.alerts import alert_list
from bot.commands.arguments import after_small_word
from bot.commands.reads import names_for, read_alert
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.alerts import actions as alerts
from ops.errors import InvalidInput
from ops.language.reading import Reading
from ops.language.strict import exact_alerts, is_strict_alerts
from ops.overview import actions as overview
from ops.sites import sites
from ops.vocabulary.alert_filters import AlertFilter, parse_filter

_WHO = (
    "who has, who have, who is on, who took, who got, who is looking, who acked, who is handling, "
    "anyone on, anybody on, someone on, somebody on, anyone looking, anybody looking, whose"
)


async def _parse_one(message: Message, rest: str) -> tuple[str, AlertFilter]:
    """Read `ID [site=NAME]` or a filter."""
    word, _, others = rest.partition(" ")
    id = word if alerts.FINGERPRINT.fullmatch(word) else ""
    return id, await parse_known_filter(message, others if id else rest)


async def parse_known_filter(message: Message, rest: str) -> AlertFilter:
    """Read a filter all of whose words are known, as far as the alerts are."""
    line = after_small_word(rest)
    filter = await asyncio.to_thread(parse_filter, line)
    services = sites().site(filter.site).services
    if filter.words or filter.matchers:
        exact = await asyncio.to_thread(exact_alerts, line, services)
        if not exact and not is_strict_alerts(line, await names_for(message)):
            raise InvalidInput(f'"{line[:80]}" has a word that is not known')
    return filter


async def _read_one(message: Message, text: str) -> Reading:
    """Read the one alert that a text names."""
    return await read_alert(message, text, "which alert?")


async def _read_filter(message: Message, text: str) -> Reading:
    """Read a filter in people's own words."""
    return await overview.read_alert_filter(message.actor, text=text, clock=message.clock)


@command(
    r"(?:show +)?alert(?: +(.+))?",
    "show alert",
    parse=_parse_one,
    read=_read_one,
    intent=Intent(
        surely="has cleared, is cleared, has resolved, is resolved, is over, did clear, "
        "did resolve, since when, how often, is muted, is silenced, how long muted, "
        "how long silenced, how long firing",
        perhaps="alert, alarm, details, about, explain, runbook, status, history, start, "
        "started, since, when, still, cleared, resolved, gone, stopped, muted, silenced",
        about=(Thing.ALERT, Thing.SITE),
        alone=(Thing.ALERT,),
    ),
    usage="ID or NAME [site=NAME]",
    summary="show one alert with its rule and its history",
    examples=("show alert QueueDeep", "alert 3f9a1c7e2b5d48aa01c2"),
    details=("If several alerts match, they are listed.",),
    needs=(alerts.show_alert, alerts.list_alerts),
)
async def show_alert(message: Message, given: tuple[str, AlertFilter]) -> Reply:
    """Show the alert with this ID, or the only one that matches."""
    id, filter = given
    if id:
        return one_alert(await alerts.show_alert(message.actor, fingerprint=id, site=filter.site))
    listed = await alerts.list_alerts(message.actor, filter=filter)
    if len(listed.alerts) != 1 or filter == AlertFilter():
        return alert_list(listed)
    fingerprint = listed.alerts[0].fingerprint
    return one_alert(
        await alerts.show_alert(message.actor, fingerprint=fingerprint, site=listed.site)
    )


@command(
    r"(?:(?:show|list) +)?alerts?(?: +(.+))?",
    "alerts",
    parse=parse_known_filter,
    read=_read_filter,
    intent=Intent(
        surely="alerts, alert, alerting, alarms, alarm, firing, fires, on fire, pending, "
        f"going off, pages, paged, alertmanager, red, burning, who has what, {_WHO}",
        perhaps="critical, warning, severity, list, show, fire, active, open, ongoing, current",
        about=(Thing.SERVICE, Thing.SEVERITY, Thing.ALERT, Thing.SITE, Thing.TIME, Thing.CONDITION),
        alone=(Thing.SEVERITY,),
        reads_all=True,
    ),
    usage='[WORD …] [LABEL="VALUE" …] [state=firing] [last=1h] [age>10m] [site=NAME]',
    summary="list firing and pending alerts",
    examples=(
        "alerts",
        "alerts petstore",
        "alerts critical firing",
        'alerts severity=~"page|critical" team!=store last=1h',
        'alerts {alertname="QueueDeep",job=~"pet.*"} age>10m',
    ),
    details=(
        "A word alone is a state, a service, a severity, an alert or a label that an alert has.",
        "Matchers are as in Alertmanager: =, !=, and =~ and !~ for the whole value.",
        'They also match annotations: summary=~".*depth.*".',
        "Put a label in quotes if its name is state, since, last, age or site.",
    ),
    needs=(alerts.list_alerts,),
)
async def list_alerts(message: Message, filter: AlertFilter) -> Reply:
    """List the alerts that match."""
    return alert_list(await alerts.list_alerts(message.actor, filter=filter))
