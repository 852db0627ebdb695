"""The commands that show what is wrong with a service or a site, and what is slow."""

from bot.answers.diagnosis import diagnosis, site_diagnosis
from bot.answers.slowness import slowness
from bot.commands.arguments import Where, parse_service
from bot.commands.reads import read_where
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.overview import actions as overview


@command(
    r"(?:diagnose|diagnosis(?: +of)?|what(?:'?s| +is) +wrong)(?: +(.+))?",
    "diagnose",
    parse=parse_service,
    read=read_where,
    intent=Intent(
        surely="wrong, diagnose, diagnosis, broken, breaking, problem, problems, issue, issues, "
        "trouble, outage, down, healthy, unhealthy, dead, dying, crashing, degraded, why, is ok, "
        "is okay, is fine, is up, ok everything, ok all, everything fine, all good, all green, "
        "how is doing, how are doing, how is everything, how are things, "
        "is working, still working, what going on, what happening, what up, investigate, "
        "still failing, still bad, still down, look first, start looking, what first, "
        "root cause, happening, error rate, failure rate, error ratio, weird, strange, odd",
        perhaps="status, health, state, check, how is, how are, broke, wtf, acting, bad",
        about=(Thing.SERVICE, Thing.INSTANCE, Thing.SITE),
        alone=(Thing.SERVICE,),
    ),
    usage="[SERVICE] [site=NAME]",
    summary="show what is wrong: alerts, failing and slow traces, rollouts, instances",
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


@command(
    r"(?:show +)?slow(?:est)?(?: +(?:operations|requests|traces))?(?: +(.+))?",
    "slow operations",
    parse=parse_service,
    read=read_where,
    intent=Intent(
        surely="slow, slowness, slowest, sluggish, why slow, why slower, latency, p50, p95, p99, "
        "percentile, performance, response time, response times, taking long, takes long, "
        "takes so long, takes longer, taking longer, slow operations",
        perhaps="slower, long, hanging, lag, why, operations, requests, calls, traces",
        about=(Thing.SERVICE, Thing.INSTANCE, Thing.SITE),
    ),
    usage="[SERVICE] [site=NAME]",
    summary="show which operations take longer than in the hour before, and the slowest traces",
    examples=("slow operations petstore", "slow petstore", "slowest requests of petstore"),
    details=("The traces of the last 15 minutes are compared with those of the hour before.",),
    needs=(overview.diagnose,),
)
async def slow(message: Message, where: Where) -> Reply:
    """Show how long a service's operations take."""
    found = await overview.diagnose(message.actor, service=where.service, site=where.site)
    return slowness(found)
