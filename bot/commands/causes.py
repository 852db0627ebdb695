"""The command that shows what changed before an alert."""

import asyncio
from dataclasses import dataclass

from bot.answers.causes import causes
from bot.commands.arguments import words_and_keys
from bot.commands.reads import names_for, read_alert
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.errors import InvalidInput, NotFound, NotPermitted, OpsError
from ops.language.names import Kind
from ops.language.reading import Reading
from ops.overview import actions as overview
from ops.overview.actions import TracesOfAlert
from ops.sites import sites
from ops.vocabulary.quoting import unquote


@dataclass(frozen=True, slots=True)
class _Which:
    """An alert's name on a site."""

    name: str
    site: str


async def _parse(message: Message, rest: str) -> _Which:
    """Read `ALERT [site=NAME]`; raises NotFound for an alert that is surely not known."""
    given, named = words_and_keys(rest, "site")
    if not given:
        raise InvalidInput("which alert? Give the name of one; alerts lists them")
    site = sites().site(named.get("site", "")).name
    name = unquote(" ".join(given))
    names = await names_for(message)
    known = any(each.name == name for each in names.recognise(name, Kind.ALERT, site=site))
    if not known and "alerts" not in names.site(site).missing:
        raise NotFound(f'no alert "{name[:80]}" is known; alerts lists them')
    return _Which(name, site)


async def _read(message: Message, text: str) -> Reading:
    """Read the alert that a text names."""
    return await read_alert(message, text, "which alert?")


@command(
    r"(?:what(?:'s| +has)? +changed +before|causes(?: +of)?)(?: +(.+))?",
    "what changed before",
    parse=_parse,
    read=_read,
    intent=Intent(
        surely="why firing, why fire, why fires, why fired, why alerting, why alert, why go off, "
        "why went off, why start, why started, what changed, changed before, happened before, "
        "cause, causes, caused, led to",
        perhaps="why is, why did, why does, before, what",
        about=(Thing.ALERT, Thing.SITE),
    ),
    usage="ALERT [site=NAME]",
    summary="show what changed before an alert, and how its traces differ from the hour before",
    examples=("what changed before QueueDeep", "causes of QueueDeep"),
    details=(
        "First it lists rollouts, sampling changes, silences and other alerts of the 15 minutes "
        "before the alert.",
        "Then it compares the traces since the rollout, or since 5 minutes before the alert, with "
        "those of the hour before, and shows only differences that are not due to chance.",
    ),
    needs=(overview.show_surroundings, overview.compare_alert_traces),
)
async def what_changed_before(message: Message, which: _Which) -> Reply:
    """Show what changed before an alert."""
    around = await overview.show_surroundings(message.actor, name=which.name, site=which.site)
    compared = await asyncio.gather(
        *(_compared(message, around.fingerprint, line.service, which) for line in around.lines)
    )
    return causes(around, compared)


async def _compared(
    message: Message, fingerprint: str, service: str, which: _Which
) -> TracesOfAlert:
    try:
        return await overview.compare_alert_traces(
            message.actor, fingerprint=fingerprint, service=service, site=which.site
        )
    except NotPermitted:
        raise
    except OpsError as error:
        return TracesOfAlert.failed(service, error)
