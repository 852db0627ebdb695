"""A service's numbers, from the queries in the site file."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ops.backends.clients import clients
from ops.backends.prometheus import Matrix, Series, Vector
from ops.backends.prometheus.numbers import number_of, own_series, several
from ops.errors import NotSetUp, OpsError
from ops.sites import PrometheusSource, Service, Site
from ops.vocabulary import timerange

T = TypeVar("T")
Vectors = Mapping[str, Vector | OpsError]
Matrices = Mapping[str, Matrix | OpsError]
NUMBERS = ("requests", "failing", "p95")
STEPS = 60
STEP = timerange.MINUTE


@dataclass(frozen=True, slots=True)
class Figures:
    """`requests` per second, `failing` 0 to 1, `p95` nanoseconds; None: unknown or no query.

    `p95_history` is the last hour, one value per minute, oldest first. `problems` says what
    failed; `failed` names which of the three did.
    """

    requests: float | None = None
    failing: float | None = None
    p95: int | None = None
    p95_history: tuple[int | None, ...] = ()
    problems: tuple[str, ...] = ()
    failed: frozenset[str] = frozenset()


async def figures(site: Site, services: Iterable[Service]) -> Mapping[str, Figures]:
    """Run all queries of these services concurrently; a query that fails becomes a sentence.

    If a source answers none of them, another one of its pair is asked.
    """
    found: dict[str, Figures] = {}
    asked: dict[PrometheusSource, list[Service]] = {}
    for service in services:
        try:
            if service.requests or service.failing or service.p95:
                asked.setdefault(site.source(service), []).append(service)
        except OpsError as error:
            found[service.name] = Figures(problems=(str(error),), failed=frozenset(NUMBERS))

    # Whole minutes, so that everyone who watches sends the same queries.
    end = timerange.now_ns() // STEP * STEP
    start = end - (STEPS - 1) * STEP

    async def ask(source: PrometheusSource, services: Sequence[Service]) -> None:
        for copy in (source, *site.twins(source)):
            prometheus = clients().prometheus(site, copy)
            vectors, matrices = await asyncio.gather(
                prometheus.queries(_texts(services, *NUMBERS)),
                prometheus.query_ranges(_texts(services, "p95"), start=start, end=end, step=STEP),
            )
            if any(isinstance(each, Vector) for each in vectors.values()):
                break
        found.update({each.name: _figures(each, vectors, matrices, start) for each in services})

    await asyncio.gather(*(ask(source, services) for source, services in asked.items()))
    return found


def _texts(services: Iterable[Service], *keys: str) -> list[str]:
    return [text for service in services for key in keys if (text := getattr(service, key))]


def _figures(service: Service, vectors: Vectors, matrices: Matrices, start: int) -> Figures:
    numbers = {key: number_of(service, key, vectors) for key in NUMBERS}
    history = _history(service, matrices, start)
    return Figures(
        known(numbers["requests"]),
        known(numbers["failing"]),
        _nanoseconds(known(numbers["p95"])),
        known(history) or (),
        problems_of(*numbers.values(), history),
        frozenset(key for key, number in numbers.items() if isinstance(number, OpsError)),
    )


async def settled(ask: Callable[[], Awaitable[T]]) -> T | OpsError:
    """Return the answer, or the OpsError in its place.

    It takes a function, because a call that is cancelled before it starts asks nothing.
    """
    try:
        return await ask()
    except OpsError as error:
        return error


def known(answer: T | OpsError | None) -> T | None:
    """Return a settled answer, or None if it is an error."""
    return None if isinstance(answer, OpsError) else answer


def problems_of(*answers: object) -> tuple[str, ...]:
    """Return the sentences of all errors, without duplicates; NotSetUp does not count."""
    errors = (each for each in answers if isinstance(each, OpsError))
    return tuple(dict.fromkeys(str(each) for each in errors if not isinstance(each, NotSetUp)))


def _history(service: Service, answers: Matrices, start: int) -> tuple[int | None, ...] | OpsError:
    answer = answers.get(service.p95)
    if answer is None:
        return ()
    if isinstance(answer, OpsError):
        return answer
    series = own_series(service, "p95", answer.series)
    if len(series) > 1:
        return several(service.p95, len(series))
    values = dict(_points(series, start))
    return tuple(values.get(step) for step in range(STEPS)) if values else ()


def _points(series: Iterable[Series], start: int) -> Iterable[tuple[int, int | None]]:
    for each in series:
        for moment, value in each.points:
            yield (moment - start) // STEP, _nanoseconds(value)


def _nanoseconds(seconds: float | None) -> int | None:
    if seconds is None or not math.isfinite(seconds):
        return None
    return round(seconds * timerange.SECOND)
