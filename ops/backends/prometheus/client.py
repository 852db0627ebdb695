"""One source of a site: what our actions ask of Prometheus."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar

from ops.backends.http import HttpAnswer
from ops.backends.http_errors import NO_SUCH_PATH, status_of
from ops.backends.prometheus.batching import Batcher, QueryKind, Timed
from ops.backends.prometheus.errors import PrometheusErrors
from ops.backends.prometheus.results import (
    Body,
    Matrix,
    Vector,
    count_samples,
    count_series,
    read_matrix,
    read_vector,
    split_matrix,
    split_vector,
)
from ops.backends.prometheus.rules import Rules, read_rules
from ops.backends.rest import RestBackend
from ops.caching import YOUNG
from ops.errors import OpsError
from ops.memory import LARGE, give_back_after
from ops.sites import PrometheusSource, Site
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Origin

T = TypeVar("T")
_OTHER_FORMAT = KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError


class Prometheus(RestBackend[PrometheusErrors]):
    """One source of a site. Methods raise InvalidInput, BackendTimeout or BackendUnavailable."""

    def __init__(self, site: Site, source: PrometheusSource) -> None:
        super().__init__(
            "Prometheus", site, source, site.prometheus, root="/api/v1", errors=PrometheusErrors
        )
        self.source = source
        self.origin = Origin(site.name, source.name, source.pair, source.replica_labels)
        self._batcher = Batcher()

    async def query(self, promql: str, *, at: int = 0) -> Vector:
        """Return an expression's value at a moment (Unix nanoseconds), 0 meaning now.

        A scalar is one sample without labels.
        """
        return (await self._instant(promql, at)).answer

    async def query_range(self, promql: str, *, start: int, end: int, step: int) -> Matrix:
        """Return an expression's values from start to end; all times in nanoseconds."""
        return (await self._range(promql, start, end, step)).answer

    async def queries(
        self, promqls: Sequence[str], *, at: int = 0
    ) -> Mapping[str, Vector | OpsError]:
        """Return what `query` returns or raises for each query, in as few requests as possible."""
        kind = QueryKind(lambda promql: self._instant(promql, at), split_vector, count_samples)
        return await self._batcher.run(promqls, kind)

    async def query_ranges(
        self, promqls: Sequence[str], *, start: int, end: int, step: int
    ) -> Mapping[str, Matrix | OpsError]:
        """Return what `query_range` returns or raises for each query; batched like `queries`."""
        send = partial(self._range, start=start, end=end, step=step)
        return await self._batcher.run(promqls, QueryKind(send, split_matrix, count_series))

    async def rules(self) -> Rules:
        """Return every pending and firing alert, and the broken rules if the source has them."""
        return await self._call("rules", self._read_rules)

    async def alerts(self) -> Rules:
        """Return every pending and firing alert, without rules and groups; much less to read."""
        return await self._call("alerts", self._read_alerts)

    async def _instant(self, promql: str, at: int) -> Timed[Vector]:
        when = {"time": _seconds(at)} if at else {}
        return await self._query("query", {"query": promql, **when}, read_vector)

    async def _range(self, promql: str, start: int, end: int, step: int) -> Timed[Matrix]:
        times = {"start": _seconds(start), "end": _seconds(end), "step": _seconds(step)}
        return await self._query("query_range", {"query": promql, **times}, read_matrix)

    async def _query(self, path: str, form: dict[str, str], read: Callable[[Body], T]) -> Timed[T]:
        async def call() -> Timed[T]:
            started = time.perf_counter()
            # POST, because a joined query is longer than servers accept in an address.
            answer = await self._read(await self._send("POST", path, data=form), read)
            return Timed(answer, time.perf_counter() - started)

        return await self._call((path, *form.values()), call)

    async def _read_rules(self) -> Rules:
        answer = await self._send("GET", "rules") if self.source.rules else None
        if answer is None or answer.status in NO_SUCH_PATH:  # no rules, or an old release
            return await self._read_alerts()
        found = await self._read_answer(answer)
        if found.rules:
            return found
        # Some servers show their alerts but not their rules.
        answer = await self._send("GET", "alerts")
        if answer.status in NO_SUCH_PATH:
            return found
        return replace(found, alerts=(await self._read_answer(answer)).alerts)

    async def _read_alerts(self) -> Rules:
        return await self._read_answer(await self._send("GET", "alerts"))

    async def _read_answer(self, answer: HttpAnswer) -> Rules:
        found = await self._read(answer, partial(read_rules, self.origin))
        at = _sent_at(answer)
        return replace(found, at=at, rules_at=at)

    async def _read(self, answer: HttpAnswer, read: Callable[[Body], T]) -> T:
        if len(answer.body) >= LARGE:
            give_back_after(YOUNG * 2)
        return await self._parsed(
            lambda: read(self._body(answer)), len(answer.body), *_OTHER_FORMAT
        )

    def _body(self, answer: HttpAnswer) -> Body:
        body = self._json(answer)
        if not isinstance(body, dict) or "status" not in body:
            raise self.errors.other_format(f" {status_of(answer)}")
        if body["status"] != "success":
            raise self.errors.reported(answer, body)
        return body


def _sent_at(answer: HttpAnswer) -> int:
    """Return the time that the server says it is, in Unix nanoseconds; 0 if it does not."""
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return 0
    return int(at.timestamp()) * timerange.SECOND


def _seconds(nanoseconds: int) -> str:
    # Not a float: it has no room for the nanoseconds of our days.
    return f"{nanoseconds // timerange.SECOND}.{nanoseconds % timerange.SECOND:09d}"
