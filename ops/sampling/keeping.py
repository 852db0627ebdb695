"""How many traces services keep a second."""

import asyncio
from collections.abc import Iterable, Mapping

from ops.actor import Actor
from ops.guard import DEADLINE, action
from ops.sampling.facts import ServiceSampling
from ops.sampling.measuring import lately_measured
from ops.sampling.volume import forecast_of
from ops.sites import sites

READ = "sampling.view_sampling"


@action("sampling.kept", permission=READ)
async def kept(
    actor: Actor,
    *,
    sampling: Iterable[ServiceSampling],
    site: str = "",
    patience: float = DEADLINE,
) -> Mapping[str, float]:
    """Return how many traces a second each service starts and keeps, where that is known."""
    where = sites().site(site)
    policies = {each.service: each.policy for each in sampling}
    known = {where.service(name): policy for name, policy in policies.items() if policy}
    found = await asyncio.gather(*(lately_measured(where, each, patience) for each in known))
    volumes: dict[str, float] = {}
    for (service, policy), each in zip(known.items(), found, strict=True):
        if each.answer is None:
            continue
        requests, seen, _ = each.answer
        after = forecast_of(service.name, requests, seen, None, policy).after
        if after and seen.started is not None:
            volumes[service.name] = after.traces
    return volumes
