"""The command about running versions."""

from bot.answers.versions import version_list
from bot.commands.arguments import service_and_site
from bot.registry import Message, command
from bot.replies import Reply
from ops.versions import actions as versions


@command(
    r"(?:(?:show|list) +)?versions?(?: +(.+))?",
    "version",
    usage="[SERVICE] [site=NAME]",
    summary="show the running versions of one service, or of all",
    examples=("version", "version petstore"),
    needs=(versions.show_versions,),
)
async def version(message: Message, rest: str) -> Reply:
    """Show one service's versions, or every service's."""
    service, site = service_and_site(rest)
    if service:
        one = await versions.show_versions(message.actor, service=service, site=site)
        return version_list((one,))
    return version_list(await versions.list_versions(message.actor, site=site))
