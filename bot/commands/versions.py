"""The command about running versions."""

from bot.answers.versions import version_list
from bot.commands.arguments import Where, parse_service
from bot.commands.reads import read_where
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.versions import actions as versions


@command(
    r"(?:(?:show|list) +)?versions?(?: +(.+))?",
    "version",
    parse=parse_service,
    read=read_where,
    intent=Intent(
        surely="version, versions, which release, build, builds, image, tag running, commit",
        perhaps="what is on, "
        "release, running, runs, run, deployed, live, instances, instance, list",
        about=(Thing.SERVICE, Thing.INSTANCE, Thing.VERSION, Thing.SITE),
        alone=(Thing.VERSION, Thing.INSTANCE),
    ),
    usage="[SERVICE] [site=NAME]",
    summary="show the running versions of one service, or of all",
    examples=("version", "version petstore"),
    needs=(versions.show_versions,),
)
async def version(message: Message, where: Where) -> Reply:
    """Show one service's versions, or every service's."""
    if where.service:
        one = await versions.show_versions(message.actor, service=where.service, site=where.site)
        return version_list((one,))
    return version_list(await versions.list_versions(message.actor, site=where.site))
