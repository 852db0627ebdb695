"""The command about alerts."""

import asyncio
from dataclasses import replace

from bot.answers.alerts import alert_list
from bot.commands.arguments import after_small_word, is_service
from bot.registry import Message, command
from bot.replies import Reply
from ops.alerts import actions as alerts
from ops.sites import sites
from ops.vocabulary.matchers import AlertFilter, Matcher, parse_filter


@command(
    r"(?:(?:show|list) +)?alerts?(?: +(.+))?",
    "alerts",
    usage='[SERVICE] [LABEL="VALUE" …] [state=firing] [since=now-1h] [site=NAME]',
    summary="list firing and pending alerts",
    examples=(
        "alerts",
        "alerts petstore",
        'alerts severity=~"page|critical" state=firing since=now-1h',
        "alerts team!=store runbook",
    ),
    details=("A label alone finds the alerts that have it; =~ and !~ match the whole value.",),
    needs=(alerts.list_alerts,),
)
async def list_alerts(message: Message, rest: str) -> Reply:
    """List the alerts that match; a service as the first word means its labels."""
    filter = await asyncio.to_thread(_alert_filter, rest)
    return alert_list(await alerts.list_alerts(message.actor, filter=filter), filter)


def _alert_filter(rest: str) -> AlertFilter:
    """Read a filter; a service of the site as the first word means its labels."""
    rest = after_small_word(rest)
    word, _, others = rest.partition(" ")
    if is_service(word):
        filter = parse_filter(others)
        service = sites().site(filter.site).service(word)
        labels = tuple(Matcher(name, "=", value) for name, value in service.alerts.items())
        return replace(filter, matchers=labels + filter.matchers)
    return parse_filter(rest)
