"""A service's numbers, from the queries that the site file names for it."""

import asyncio
import math
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from ops import timerange
from ops.backends.connections import connections
from ops.backends.prometheus import Matrix, Prometheus
from ops.errors import InvalidInput, NotSetUp, OpsError
from ops.sites import Service, Site

T = TypeVar("T")
STEPS = 60
STEP = timerange.MINUTE


@dataclass(frozen=True, slots=True)
class Figures:
    """`requests` per second, `failing` 0 to 1, `p95` nanoseconds; None: unknown or not asked.

    `p95_history` is the last hour, a value a minute, oldest first. `problems` says what failed.
    """

    requests: float | None = None
    failing: float | None = None
    p95: int | None = None
    p95_history: tuple[int | None, ...] = ()
    problems: tuple[str, ...] = ()


async def figures(site: Site, service: Service) -> Figures:
    """Ask all of a service's queries at the same time; what fails is a sentence."""
    if not (service.requests or service.failing or service.p95):
        return Figures()
    try:
        prometheus = connections().prometheus(site, site.source(service))
    except OpsError as error:
        return Figures(problems=(str(error),))
    requests, failing, p95, history = await asyncio.gather(
        settled(_number(prometheus, service.requests)),
        settled(_number(prometheus, service.failing)),
        settled(_number(prometheus, service.p95)),
        settled(_history(prometheus, service.p95)),
    )
    return Figures(
        known(requests),
        known(failing),
        _nanoseconds(known(p95)),
        known(history) or (),
        problems_of(requests, failing, p95, history),
    )


async def settled(answer: Awaitable[T]) -> T | OpsError:
    """Return the answer, or the error in its place."""
    try:
        return await answer
    except OpsError as error:
        return error


def known(answer: T | OpsError) -> T | None:
    """Return an answer that was settled, None for an error."""
    return None if isinstance(answer, OpsError) else answer


def problems_of(*answers: object) -> tuple[str, ...]:
    """Return the sentences of those that are errors, each once; what is not set up is none."""
    errors = (each for each in answers if isinstance(each, OpsError))
    return tuple(dict.fromkeys(str(each) for each in errors if not isinstance(each, NotSetUp)))


async def _number(prometheus: Prometheus, promql: str) -> float | None:
    if not promql:
        return None
    values = [sample.value for sample in (await prometheus.query(promql)).samples]
    _check_one(promql, len(values))
    return values[0] if values and math.isfinite(values[0]) else None


async def _history(prometheus: Prometheus, promql: str) -> tuple[int | None, ...]:
    """Ask for whole minutes, so that all who watch ask the same."""
    if not promql:
        return ()
    end = timerange.now_ns() // STEP * STEP
    start = end - (STEPS - 1) * STEP
    found = await prometheus.query_range(promql, start=start, end=end, step=STEP)
    _check_one(promql, len(found.series))
    values = dict(_points(found, start))
    return tuple(values.get(step) for step in range(STEPS)) if values else ()


def _points(found: Matrix, start: int) -> Iterable[tuple[int, int | None]]:
    for series in found.series:
        for time, value in series.points:
            yield (time - start) // STEP, _nanoseconds(value)


def _check_one(promql: str, count: int) -> None:
    if count > 1:
        raise InvalidInput(f"the query {promql} gives {count} series; it must give one number")


def _nanoseconds(seconds: float | None) -> int | None:
    if seconds is None or not math.isfinite(seconds):
        return None
    return round(seconds * timerange.SECOND)
