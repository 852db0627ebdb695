"""The command about alerts."""

import asyncio

from bot.answers.alerts import alert_list
from bot.commands.arguments import after_small_word
from bot.registry import Message, command
from bot.replies import Reply
from ops.alerts import actions as alerts
from ops.vocabulary.alert_filters import parse_filter


@command(
    r"(?:(?:show|list) +)?alerts?(?: +(.+))?",
    "alerts",
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
async def list_alerts(message: Message, rest: str) -> Reply:
    """List the alerts that match."""
    filter = await asyncio.to_thread(parse_filter, after_small_word(rest))
    return alert_list(await alerts.list_alerts(message.actor, filter=filter))
