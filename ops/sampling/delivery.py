"""Send a policy to all instances of a service, concurrently."""

import asyncio

from ops.backends.samplers import Sampler, server_name
from ops.errors import BackendUnavailable, OpsError
from ops.sampling.instances import Answer
from ops.sampling.proof import Proof
from ops.sites import Service
from ops.vocabulary.policies import Policy


async def deliver(service: Service, to: tuple[str, ...], policy: Policy) -> dict[str, Answer]:
    """Send the policy to each address; return what each answered."""
    answers = await asyncio.gather(*(tell(service, address, policy) for address in to))
    return dict(zip(to, answers, strict=True))


async def tell(service: Service, address: str, policy: Policy) -> Answer:
    """Send the policy to one instance; return its answer."""
    try:
        sampler = Sampler(address, service.tls, server_name(service), service.table)
        await sampler.change(policy)
    except BackendUnavailable as error:
        return Answer(Proof.REFUSED if error.answered else Proof.SILENT, str(error))
    except OpsError as error:
        return Answer(Proof.REFUSED, str(error))
    return Answer(Proof.CONFIRMED)
