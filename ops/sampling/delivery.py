"""Send a policy to all instances of a service, concurrently."""

import asyncio

from ops.backends.samplers import Sampler, resolve, server_name
from ops.errors import OpsError
from ops.sites import Service
from ops.vocabulary.policies import Policy


async def addresses(service: Service) -> tuple[str, ...]:
    """Return every instance's address, sorted; raises BackendUnavailable if DNS fails."""
    return tuple(sorted(await resolve(service)))


async def deliver(service: Service, to: tuple[str, ...], policy: Policy) -> dict[str, str]:
    """Send the policy to each address; return "" for each that confirmed, else why not."""
    answers = await asyncio.gather(*(_tell(service, address, policy) for address in to))
    return dict(zip(to, answers, strict=True))


async def _tell(service: Service, address: str, policy: Policy) -> str:
    try:
        sampler = Sampler(address, service.tls, server_name(service), service.table)
        await sampler.change(policy)
    except OpsError as error:
        return str(error)
    return ""
