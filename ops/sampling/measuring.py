"""Ask the backends what a forecast needs: requests a second, and the latest traces."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ops.backends.clients import clients
from ops.backends.prometheus.numbers import number_of
from ops.caching import Known
from ops.errors import NotSetUp, OpsError
from ops.patience import patient
from ops.sampling.ceiling import Over, over
from ops.sampling.facts import ServiceSampling
from ops.sampling.volume import Seen, look_at
from ops.sites import Service, Site
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy

T = TypeVar("T")
WINDOW = timerange.HOUR
MOST = 50  # traces
KEPT = 60.0  # seconds
CHECKED_AGE = 10.0
CHECKED_WITHIN = 5.0  # what is not measured by then is unknown
Measured = tuple[float | None, Seen, tuple[str, ...]]
STEP = timerange.MINUTE  # so that everyone who types asks for the same


async def lately_measured(
    site: Site, service: Service, patience: float, age: float = KEPT
) -> Known[Measured]:
    """Return what `measured` does, at most `age` seconds old; nothing if it takes too long."""
    return await clients().lasting.answer(
        ("measured", site.name, service), lambda: measured(site, service), patience, age
    )


async def over_now(
    site: Site, service: Service, now: ServiceSampling, policy: Policy, then: Policy | None
) -> Over | None:
    """Return why a change needs somebody else's approval, None if it needs none.

    What follows counts too, unless it is what is permanent already.
    """
    if service.sampling_ceiling is None:
        return None
    found = await lately_measured(site, service, patient(CHECKED_WITHIN), CHECKED_AGE)
    requests, seen, _ = found.answer or (None, Seen(), ())
    policies = (policy, then) if then and not now.baseline else (policy,)
    return over(
        service.name, service.sampling_ceiling, policies, requests, seen, len(now.instances)
    )


async def measured(site: Site, service: Service) -> Measured:
    """Return the requests a second, what the traces are like, and what could not be asked."""
    problems: list[str] = []

    async def asked(read: Callable[[], Awaitable[T]], otherwise: T) -> T:
        try:
            return await read()
        except NotSetUp:
            return otherwise
        except OpsError as error:
            problems.append(str(error))
            return otherwise

    requests, seen = await asyncio.gather(
        asked(lambda: _requests(site, service), None), asked(lambda: _seen(site, service), Seen())
    )
    return requests, seen, tuple(problems)


async def _requests(site: Site, service: Service) -> float | None:
    if not service.requests:
        return None
    source = site.source(service)
    problems: list[OpsError] = []
    for copy in (source, *site.twins(source)):
        answers = await clients().prometheus(site, copy).queries([service.requests])
        found = number_of(service, "requests", answers)
        if not isinstance(found, OpsError):
            return found
        problems.append(found)
    raise problems[0]


async def _seen(site: Site, service: Service) -> Seen:
    end = (timerange.now_ns() // STEP + 1) * STEP
    found = (
        await clients()
        .jaeger(site)
        .measure(service.jaeger_name, start=end - WINDOW, end=end, most=MOST)
    )
    return look_at(service.jaeger_name, found.traces, found.size)
