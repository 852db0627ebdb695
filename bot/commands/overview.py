"""The command for the overview, which also opens the Home tab."""

from django.apps import apps

from bot.answers.overview import overview_reply
from bot.commands.arguments import parse_site
from bot.commands.reads import read_site
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.actor import Actor
from ops.guard import ACTIONS
from ops.overview import actions as overview
from ops.rights import rights_of

MOST_LINES = 30


@command(
    r"(?:show +)?overview(?: +(.+))?",
    "overview",
    parse=parse_site,
    read=read_site,
    intent=Intent(
        surely="overview, what is on, dashboard, services, summary, at a glance, "
        "my access, my permissions, my rights, permissions, who am i, whoami, status, health",
        perhaps="state, site, show, systems, access, home",
        about=(Thing.SITE,),
        alone=(Thing.SITE,),
    ),
    usage="[site=NAME]",
    summary="show every service at a glance, and your permissions",
    examples=("overview",),
    needs=(overview.show_overview,),
)
async def show_overview(message: Message, site: str) -> Reply:
    """Show the site at a glance; the Home tab shows the same."""
    found = await overview.show_overview(message.actor, site=site, most=MOST_LINES)
    return overview_reply(found, await rights_sentence(message.actor))


async def rights_sentence(actor: Actor) -> str:
    """Return the actor's name and permissions: `You are olga and can see traces`."""
    rights = await rights_of(actor.user_id)
    used = {action.permission for action in ACTIONS.values()}
    may = [
        label.removeprefix("Can ")
        for model in apps.get_models()
        for codename, label in model._meta.permissions
        if f"{model._meta.app_label}.{codename}" in rights.permissions & used
    ]
    able = f"can {', '.join(may)}" if may else "have no permissions yet"
    return f"You are {actor.name} and {able}"
