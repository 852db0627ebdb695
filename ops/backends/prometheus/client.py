"""One source of a site: what our actions ask of Prometheus."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar

from ops.backends import safe_json
from ops.backends.calls import Calls
from ops.backends.http import HttpAnswer, HttpClient
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
from ops.caching import YOUNG
from ops.errors import BackendUnavailable, OpsError
from ops.memory import LARGE, give_back_after
from ops.sites import PrometheusSource, Site
from ops.toml_file import which_of
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Origin

T = TypeVar("T")
_MUCH_TO_READ = 200_000  # bytes from which an answer is parsed in a thread: about 5 ms of work


class Prometheus:
    """One source of a site. Methods raise InvalidInput, BackendTimeout or BackendUnavailable."""

    def __init__(self, site: Site, source: PrometheusSource) -> None:
        self.source = source
        self.origin = Origin(site.name, source.name, source.pair, source.replica_labels)
        self.name = f"Prometheus {source.name} of {site.name}"
        self.place = f"{self.name} at {source.url}"
        which = which_of(source.name, 0, site.prometheus)
        self._calls = Calls("prometheus", self.name, self.place, source.timeout)
        self.errors = PrometheusErrors(
            "Prometheus",
            self.name,
            self.place,
            source.url,
            f"[[sites.{site.name}.prometheus]]{which}",
            source.largest_answer,
            self._calls.too_slow,
        )
        self._batcher = Batcher()
        self._client = HttpClient(
            source.headers,
            secure=source.url.startswith("https:"),
            ca=source.ca,
            largest=source.largest_answer,
        )

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

    async def close(self) -> None:
        await self._client.close()

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

    async def _call(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._calls.read(key, call)
        except BackendUnavailable as error:
            # Other connections may lead to the same dead server, behind a load balancer.
            if not error.answered:
                self._client.renew()
            raise

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

    async def _send(self, method: str, path: str, **content: Mapping[str, str]) -> HttpAnswer:
        with self.errors.translated():
            return await self._client.request(method, f"{self.source.url}/api/v1/{path}", **content)

    async def _read(self, answer: HttpAnswer, read: Callable[[Body], T]) -> T:
        def parse() -> T:
            try:
                return read(self._body(answer))
            except safe_json.TooMuch as error:
                words = f"answered with {error}, more than the limit"
                raise self.errors.unusable(words) from error
            except (
                KeyError,
                IndexError,
                TypeError,
                ValueError,
                AttributeError,
                RecursionError,
            ) as error:
                raise self.errors.other_format("") from error

        if len(answer.body) >= LARGE:
            give_back_after(YOUNG * 2)
        return await asyncio.to_thread(parse) if len(answer.body) > _MUCH_TO_READ else parse()

    def _body(self, answer: HttpAnswer) -> Body:
        try:
            body = safe_json.read(answer.body)
        except ValueError:
            raise self.errors.not_json(answer) from None
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
