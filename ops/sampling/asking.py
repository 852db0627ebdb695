"""Wait for the instances that ask for their sampling: a change reaches them when they do."""

import asyncio
import time
from dataclasses import replace

from ops.actor import Actor
from ops.database import in_database
from ops.guard import ANY_PERSON, action, check
from ops.sampling import instances
from ops.sampling.facts import InstanceSampling
from ops.sites import sites

MAKING = ("sampling.change_policy", "sampling.approve_change")
EACH = 0.5  # seconds between two looks at the database
NOT_ASKED = "it has not asked since"


# Either permission is enough, so this action checks them itself.
@action("sampling.askers", permission=ANY_PERSON)
async def askers(
    actor: Actor, *, revision: int = 0, service: str = "", site: str = "", patience: float = 0
) -> tuple[InstanceSampling, ...]:
    """Return the instances that ask, and what they make of a revision that was just made.

    Waits until all of them have confirmed it, or fetched it if they cannot confirm anything, but at
    most `patience` seconds. Instances that are gone do not count, and those that begin to ask
    meanwhile do.
    """
    await check(actor, *MAKING)
    where = sites().site(site)
    name = where.service(service).name
    end = time.monotonic() + patience
    while where.remote:
        known = (await in_database(instances.known, where.name, {name: ()}))[name]
        found = tuple(_of_revision(each, revision) for each in known)
        left = end - time.monotonic()
        if left <= 0 or all(map(_is_done, found)):
            return found
        await asyncio.sleep(min(EACH, left))
    return ()


def _is_done(of_revision: InstanceSampling) -> bool:
    return of_revision.confirmed or (of_revision.is_asker and of_revision.is_reached)


def _of_revision(known: InstanceSampling, revision: int) -> InstanceSampling:
    if known.revision == revision:
        return replace(known, reason="" if known.confirmed else known.answer)
    return replace(known, confirmed=False, proof=None, reason=NOT_ASKED)
