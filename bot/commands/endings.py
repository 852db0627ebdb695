"""The command that lets a timed change of sampling last longer."""

import re

from bot.answers.requests import requested_change
from bot.answers.sampling import sampling_change
from bot.commands.arguments import Where, service_and_keys
from bot.commands.reads import read_where
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.errors import InvalidInput
from ops.requests import actions as requests
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange


async def _parse(message: Message, rest: str) -> tuple[Where, int]:
    """Read `[SERVICE] [revision=12]`; raises Conflict if no change with an end is in force."""
    where, named = service_and_keys(rest, "revision")
    await sampling.way_back(message.actor, service=where.service, site=where.site)
    return where, _number(named.get("revision", "0"))


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise InvalidInput(f'"{text[:80]}" is not the number of a revision')
    return int(text)


@command(
    r"extend +sampling(?: +(.+))?",
    "extend sampling",
    parse=_parse,
    read=read_where,
    intent=Intent(
        surely="extend sampling, extend, longer, minutes more, more minutes, more time, prolong, "
        "keep sampling",
        about=(Thing.SERVICE, Thing.SITE),
    ),
    usage="[SERVICE] [site=NAME]",
    summary="extend a temporary change by 15 minutes",
    examples=("extend sampling petstore",),
    details=('The button "15 minutes more" does the same.',),
    changes=True,
    needs=(sampling.change_policy,),
)
async def extend_sampling(message: Message, given: tuple[Where, int]) -> Reply:
    """Move the end of the timed change in force; `revision=12` only if it is that one."""
    where, revision = given
    done = await requests.ask_longer(
        message.actor, revision=revision, service=where.service, site=where.site
    )
    return sampling_change(done) if isinstance(done, SamplingChange) else requested_change(done)
