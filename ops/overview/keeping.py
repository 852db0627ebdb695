"""What sampling has to do with it that a service has no traces of a time."""

import asyncio
from functools import partial

from ops.actor import Actor
from ops.errors import OpsError
from ops.overview.figures import known
from ops.overview.snapshot import if_allowed
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.sites import Site
from ops.vocabulary.policies import Policy, Strategy


async def look_for_sampling(actor: Actor, site: Site, service: str, start: int, end: int) -> str:
    """Return it in words, "" if the user may not see sampling, or if it keeps all traces.

    `service` is its name in the site file or in traces, "" for the default one.
    """
    own = [each for each in site.services.values() if service in (each.name, each.jaeger_name)]
    name = own[0].name if own else "" if service else site.default_service
    allowed = sampling.READ in (await rights_of(actor.user_id)).permissions and bool(name)

    async def change_at(at: int) -> SamplingChange | OpsError | None:
        which = partial(sampling.policy_at, actor, at=at, service=name, site=site.name)
        return await if_allowed(allowed, which)

    changes = await asyncio.gather(change_at(start), change_at(end))
    return words_of(name, [each.policy for each in map(known, changes) if each])


def words_of(service: str, policies: list[Policy]) -> str:
    """Return `sampling of petstore is off`, `sampling keeps 10% of the traces of petstore`.

    The policies are those at the start and at the end; "" if one of them keeps everything.
    """
    if not policies or any(each.highest == 1 for each in policies):
        return ""
    if all(each.strategy is Strategy.NEVER and not each.operations for each in policies):
        return f"sampling of {service} is off"
    return f"sampling keeps {policies[-1].base} of the traces that begin in {service}"
