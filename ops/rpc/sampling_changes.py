"""Answer a change of sampling with all instances: those that were sent it, and those that ask."""

import time
from collections.abc import Awaitable
from dataclasses import replace

from ops.actor import Actor
from ops.errors import NotConfirmed, OpsError
from ops.rpc.time_left import seconds_left
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange

LONGEST = 9.5  # seconds that an answer takes at most, if the caller waits so long
TO_ANSWER = 1.0  # second before the caller gives up


async def with_askers(actor: Actor, making: Awaitable[SamplingChange]) -> SamplingChange:
    """Make a change, and wait until the instances that ask have it as well.

    Raises NotConfirmed, with the whole change as its result, if it did not reach all instances.
    """
    end = time.monotonic() + min(LONGEST, seconds_left() - TO_ANSWER)
    try:
        change = await making
    except NotConfirmed as error:
        if not isinstance(error.result, SamplingChange):
            raise
        change = error.result
    try:
        asking = await sampling.askers(
            actor,
            revision=change.revision,
            service=change.service,
            site=change.site,
            patience=end - time.monotonic(),
        )
    except OpsError as error:
        raise NotConfirmed(
            f"revision {change.revision} is in force, but it is unknown which of the instances "
            f"that ask have it: {error}",
            change,
        ) from error
    whole = replace(change, instances=(*change.instances, *asking), asking=0)
    if not all(each.is_reached for each in whole.instances):
        raise NotConfirmed(whole.unconfirmed, whole)
    return whole
