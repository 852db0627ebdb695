"""The command that says what is wrong with a service or a site."""

from bot.answers.diagnosis import diagnosis, site_diagnosis
from bot.commands.arguments import Where, parse_service
from bot.registry import Message, command
from bot.replies import Reply
from ops.overview import actions as overview


@command(
    r"(?:diagnose|diagnosis(?: +of)?|what(?:'?s| +is) +wrong)(?: +(.+))?",
    "diagnose",
    parse=parse_service,
    usage="[SERVICE] [site=NAME]",
    summary="say what is wrong: alerts, failing and slow traces, rollouts, instances",
    examples=("diagnose petstore", "what's wrong with petstore", "diagnose"),
    details=(
        "Of a service, the traces of the last 15 minutes are compared with the hour before.",
        "Without a service, it lists the services that have problems, the worst first.",
        "What did not answer within 3 seconds is named: then it is not sure that nothing is wrong.",
    ),
    needs=(overview.diagnose,),
)
async def diagnose(message: Message, where: Where) -> Reply:
    """Say what is wrong with a service, or which services of a site have problems."""
    if not where.service:
        return site_diagnosis(await overview.diagnose_site(message.actor, site=where.site))
    found = await overview.diagnose(message.actor, service=where.service, site=where.site)
    return diagnosis(found)
