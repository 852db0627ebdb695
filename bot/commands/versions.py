"""The command about running versions."""

from bot.answers.versions import version_list
from bot.commands.arguments import Where, parse_service
from bot.registry import Message, command
from bot.replies import Reply
from ops.versions import actions as versions


@command(
    r"(?:(?:show|list) +)?versions?(?: +(.+))?",
    "version",
    parse=parse_service,
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
