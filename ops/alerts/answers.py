"""What the Prometheus sources of a site answer: through the watcher, or asked now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ops.alerts.watching import ALERTS
from ops.backends.clients import clients
from ops.backends.prometheus import Rules
from ops.caching import Known
from ops.errors import BackendUnavailable, NotSetUp, OpsError
from ops.sites import PrometheusSource, Site
from ops.vocabulary import timerange
from ops.watch.picture import SourceAnswer, pictures

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A source that does not answer: its name, and one sentence about why.

    `answered` is when it answered last, Unix nanoseconds, 0 if unknown. `others` are those of its
    pair that answer; what they say is shown in its place.
    """

    source: str
    reason: str
    answered: int = 0
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers(Generic[T]):
    """The answers by source, the sources that failed, and those that have not answered yet.

    A source that failed can have an answer too, which is old. `at` is when they came (Unix
    nanoseconds), 0 for now.
    """

    answers: Mapping[str, T]
    failures: tuple[SourceFailure, ...]
    coming: tuple[str, ...]
    at: int = 0

    @property
    def silent(self) -> Mapping[str, int]:
        """The sources that failed, and when they answered last (Unix nanoseconds, 0 if unknown)."""
        return {each.source: each.answered for each in self.failures}

    @property
    def answering(self) -> frozenset[str]:
        """The sources that answered now, or within three polls."""
        return frozenset(self.answers.keys() - self.silent.keys() - {*self.coming})


async def answers_of(site: Site, patience: float) -> Answers[Rules]:
    """Return the newest alerts and rules of every source.

    After `patience` seconds it returns what is known, and goes on asking the sources that are
    `coming`. Raises OpsError if every source failed.
    """

    async def ask(source: PrometheusSource) -> Known[Rules]:
        read = clients().prometheus(site, source).rules
        return await clients().lasting.answer(("rules", site, source), read, patience)

    return await watched(site) or await asked(site, ask)


async def watched(site: Site) -> Answers[Rules] | None:
    """Return what the site's watcher knows, None if there is no watcher or it knows nothing."""
    picture = await pictures.newest(site.name, ALERTS.name, ALERTS.answer)
    if picture is None or not any(each.answer for each in picture.sources.values()):
        return None
    found = {name: picture.sources.get(name, SourceAnswer()) for name in ALERTS.sources(site)}
    now = timerange.now_ns()
    failures = tuple(
        SourceFailure(name, each.error or f"{name} has not answered the last poll yet", each.at)
        for name, each in found.items()
        if not each.is_young(now) and (each.error or each.answer is not None)
    )
    answers = {name: each.answer for name, each in found.items() if each.answer is not None}
    coming = answers.keys() | {failure.source for failure in failures}
    return Answers(
        answers, failures, tuple(name for name in found if name not in coming), picture.at
    )


async def asked(site: Site, ask: Callable[[PrometheusSource], Awaitable[Known[T]]]) -> Answers[T]:
    """Ask every source concurrently."""
    if not site.prometheus:
        raise NotSetUp(f'site "{site.name}" has no Prometheus, so it has no alerts')
    settled = await asyncio.gather(*map(ask, site.prometheus))
    found = dict(zip((source.name for source in site.prometheus), settled, strict=True))
    errors = {name: known.error for name, known in found.items() if known.error}
    if len(errors) == len(found):
        raise _none_answered(site, list(errors.values()))
    return Answers(
        {name: known.answer for name, known in found.items() if known.answer is not None},
        tuple(SourceFailure(name, str(error)) for name, error in errors.items()),
        tuple(name for name, known in found.items() if not known.fresh),
    )


def _none_answered(site: Site, errors: Sequence[OpsError]) -> OpsError:
    if len(errors) == 1:
        return errors[0]
    reasons = "; ".join(map(str, errors))
    return BackendUnavailable(
        f"no Prometheus of {site.name} answered: {reasons}", backend=f"Prometheus of {site.name}"
    )
