"""Prometheus, or a server with the same HTTP API: Thanos, Mimir, VictoriaMetrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import aiohttp

from ops.backends import json_answers
from ops.backends.calls import Calls
from ops.backends.grouping import LABEL, Asking, Timed, Together
from ops.backends.http import HttpAnswer, HttpClient, TooLarge, Unpackable, Unsendable
from ops.caching import YOUNG
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput, OpsError
from ops.memory import LARGE, give_back_after
from ops.sites import PrometheusSource, Site
from ops.toml_file import which_of
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert, BrokenRule

S = TypeVar("S", "Sample", "Series")
T = TypeVar("T")
Body = dict[str, Any]
_LARGE = 200_000  # bytes from which an answer is parsed in a thread: about 5 ms of work
_NO_SUCH_PATH = (404, 405, 501)
_DOWN = (502, 503, 504)
_HEALTH = {"ok": "ok", "no match": "ok", "err": "err", "error": "err"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One series at one moment; `value` may be NaN or infinite."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Vector:
    """The answer to an instant query; `warnings` say how it may be partial."""

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """One series over time: (Unix nanoseconds, value) in time order."""

    labels: Mapping[str, str]
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The answer to a range query; `warnings` say how it may be partial."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """The alerts of all alerting rules, and the rules that cannot be evaluated."""

    alerts: tuple[Alert, ...]
    broken: tuple[BrokenRule, ...]
    warnings: tuple[str, ...] = ()


class Prometheus:
    """One source of a site. Methods raise InvalidInput, BackendTimeout or BackendUnavailable."""

    def __init__(self, site: Site, source: PrometheusSource) -> None:
        self.source = source
        self.name = f"Prometheus {source.name} of {site.name}"
        self.place = f"{self.name} at {source.url}"
        which = which_of(source.name, 0, site.prometheus)
        self.table = f"[[sites.{site.name}.prometheus]]{which}"
        self._calls = Calls("prometheus", self.name, self.place, source.timeout)
        self._together = Together()
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
        asking = Asking(lambda promql: self._instant(promql, at), _vectors, _samples)
        return await self._together.each(promqls, asking)

    async def query_ranges(
        self, promqls: Sequence[str], *, start: int, end: int, step: int
    ) -> Mapping[str, Matrix | OpsError]:
        """Return what `query_range` returns or raises for each query; batched like `queries`."""
        asking = Asking(lambda promql: self._range(promql, start, end, step), _matrices, _series)
        return await self._together.each(promqls, asking)

    async def rules(self) -> Rules:
        """Return every pending and firing alert, and the broken rules if the source has them."""
        return await self._asked("rules", self._read_rules)

    async def close(self) -> None:
        await self._client.close()

    async def _instant(self, promql: str, at: int) -> Timed[Vector]:
        when = {"time": _seconds(at)} if at else {}
        return await self._query("query", {"query": promql, **when}, _vector)

    async def _range(self, promql: str, start: int, end: int, step: int) -> Timed[Matrix]:
        times = {"start": _seconds(start), "end": _seconds(end), "step": _seconds(step)}
        return await self._query("query_range", {"query": promql, **times}, _matrix)

    async def _query(self, path: str, form: dict[str, str], shape: Callable[[Body], T]) -> Timed[T]:
        async def call() -> Timed[T]:
            started = time.perf_counter()
            answer = await self._read(await self._send("POST", path, data=form), shape)
            return Timed(answer, time.perf_counter() - started)

        return await self._asked((path, *form.values()), call)

    async def _asked(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._calls.read(key, call)
        except BackendUnavailable as error:
            if not error.answered:
                self._client.renew()
            raise

    async def _read_rules(self) -> Rules:
        answer = await self._send("GET", "rules", params={"type": "alert"})
        if answer.status in _NO_SUCH_PATH:
            answer = await self._send("GET", "alerts")
        return await self._read(answer, partial(_rules, self.source.name))

    async def _send(self, method: str, path: str, **content: Mapping[str, str]) -> HttpAnswer:
        with self._translated():
            return await self._client.ask(method, f"{self.source.url}/api/v1/{path}", **content)

    async def _read(self, answer: HttpAnswer, shape: Callable[[Body], T]) -> T:
        def read() -> T:
            try:
                return shape(self._body(answer))
            except json_answers.TooMuch as error:
                raise self._unfit(f"answered with {error}, more than the limit") from error
            except (
                KeyError,
                IndexError,
                TypeError,
                ValueError,
                AttributeError,
                RecursionError,
            ) as error:
                raise self._unfit("answered in a format that is not Prometheus's") from error

        if len(answer.body) >= LARGE:
            give_back_after(YOUNG * 2)
        return await asyncio.to_thread(read) if len(answer.body) > _LARGE else read()

    def _body(self, answer: HttpAnswer) -> Body:
        try:
            body = json_answers.read(answer.body)
        except ValueError:
            raise self._not_json(answer) from None
        if not isinstance(body, dict) or "status" not in body:
            raise self._unfit(f"answered {_status(answer)} in a format that is not Prometheus's")
        if body["status"] != "success":
            raise self._refusal(answer, body)
        return body

    def _refusal(self, answer: HttpAnswer, body: Body) -> OpsError:
        kind = str(body.get("errorType") or answer.status)
        words = f"{body.get('error') or 'no reason given'} ({kind})"
        if answer.status in (400, 422):
            return InvalidInput(f"{self.place} refused the query: {words}")
        if kind == "timeout":
            words = f"{self.place} gave up on the query: {words}"
            return BackendTimeout(words, backend=self.name, answered=True)
        return self._unfit(f"failed: {words}", answered=answer.status not in _DOWN)

    def _not_json(self, answer: HttpAnswer) -> BackendUnavailable:
        status = answer.status
        if 300 <= status < 400 and "location" in answer.headers:
            target = self._target(answer.headers["location"])
            return self._unfit(
                f"redirects to {target}; if that is a login page, set credentials (bearer_token, "
                f"username or headers in {self.table}), otherwise put the new address in url"
            )
        if status in (401, 403):
            return self._unfit(
                f"refused the credentials ({_status(answer)}{_text(answer)}); check "
                f"bearer_token, username or headers in {self.table}"
            )
        if "html" in answer.headers.get("content-type", "") and status not in _DOWN:
            return self._unfit(
                f"answered {_status(answer)} with HTML instead of JSON, perhaps from a login page "
                f"or a wrong path; check url and credentials in {self.table}"
            )
        if status in _NO_SUCH_PATH:
            return self._unfit(
                f"has no Prometheus API at this path ({_status(answer)}); check the path in url of "
                f"{self.table}"
            )
        return self._unfit(
            f"answered {_status(answer)} without JSON{_text(answer)}; check url in {self.table}",
            answered=status not in _DOWN,
        )

    def _unfit(self, words: str, *, answered: bool = True) -> BackendUnavailable:
        return BackendUnavailable(f"{self.place} {words}", backend=self.name, answered=answered)

    def _target(self, location: str) -> str:
        """Return the target of a redirect, without its query, which may hold a secret."""
        try:
            whole = urlsplit(urljoin(self.source.url, location))
        except ValueError:
            return "an invalid address"
        return whole._replace(query="", fragment="").geturl()[:200]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn every exception of the client into an OpsError that says what to check."""
        try:
            yield
        except TooLarge as error:
            give_back_after(0)
            megabytes = self.source.largest_answer // 1024**2
            raise self._unfit(
                f"answered with more than {megabytes} MiB, more than the limit; raise "
                f"largest_answer_mib in {self.table}"
            ) from error
        except Unpackable as error:
            raise self._unfit(f"sent an answer that cannot be read: {error}") from error
        except Unsendable as error:
            # The exception's text would show the header, which may be a secret.
            words = f"cannot be called: a header in {self.table} has a character that HTTP forbids"
            raise self._unfit(words) from error
        except TimeoutError as error:
            # A timeout of the client itself; `calls` handles the deadline.
            raise self._calls.too_slow() from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreached(error) from error

    def _unreached(self, error: Exception) -> BackendUnavailable:
        for kind, needle, words in _FAILURES:
            if isinstance(error, kind) and needle in str(error):
                return self._unfit(words.format(table=self.table), answered=False)
        if isinstance(error, aiohttp.ClientError):
            reason = str(error) or type(error).__name__
            return self._unfit(f"cannot be reached: {reason}", answered=False)
        return self._unfit(f"cannot be called: {error}; check ca in {self.table}")


_REFUSES = "refused the connection; check that it is running and that the port is right"
_CLOSES = "closes connections without an answer; if it uses TLS, write https:// in url"
# What can go wrong on the way, by the error's class and text; the first match counts.
_FAILURES: tuple[tuple[type[Exception], str, str], ...] = (
    (
        aiohttp.ClientConnectorError,
        "WRONG_VERSION_NUMBER",
        "does not speak TLS; write http:// in url of {table}",
    ),
    (
        aiohttp.ClientConnectorCertificateError,
        "",
        "has a certificate that is not trusted; set ca in {table} to its CA",
    ),
    (aiohttp.ClientConnectorDNSError, "", "cannot be found: its host name does not resolve"),
    (aiohttp.ClientConnectorError, "efused", _REFUSES),
    (aiohttp.ClientConnectorError, "Connect call failed", _REFUSES),
    (aiohttp.ServerDisconnectedError, "", _CLOSES),
    (aiohttp.ClientOSError, "reset by peer", _CLOSES),
    (aiohttp.ClientPayloadError, "", "ended its answer early"),
    (
        aiohttp.ClientResponseError,
        "",
        "does not speak HTTP; check the port in url of {table}",
    ),
)


def _status(answer: HttpAnswer) -> str:
    return f"{answer.status} {answer.reason}".strip()


def _text(answer: HttpAnswer) -> str:
    """Return `: ` and the first line of a plain-text answer, "" for anything else."""
    if "html" in answer.headers.get("content-type", ""):
        return ""
    lines = answer.body[:2_000].decode(errors="replace").strip().splitlines()
    return f": {lines[0][:200]}" if lines else ""


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds // timerange.SECOND}.{nanoseconds % timerange.SECOND:09d}"


def _warnings(body: Body) -> tuple[str, ...]:
    return tuple(str(item) for key in ("warnings", "infos") for item in body.get(key) or ())


def _vector(body: Body) -> Vector:
    data = body["data"]
    if data["resultType"] == "scalar":
        return Vector((Sample({}, float(data["result"][1])),), _warnings(body))
    if data["resultType"] != "vector":
        raise InvalidInput(f"the query returns a {data['resultType']}; it must return a vector")
    items = [item for item in data["result"] if "value" in item]
    samples = tuple(Sample(item["metric"], float(item["value"][1])) for item in items)
    left_out = len(data["result"]) - len(items)
    histograms = (f"{left_out} native histograms are left out",) if left_out else ()
    return Vector(samples, _warnings(body) + histograms)


def _matrix(body: Body) -> Matrix:
    series = tuple(
        Series(item["metric"], tuple(_point(*pair) for pair in item.get("values", ())))
        for item in body["data"]["result"]
    )
    return Matrix(series, _warnings(body))


def _samples(answer: Vector) -> int:
    return len(answer.samples)


def _series(answer: Matrix) -> int:
    return len(answer.series)


def _vectors(answer: Vector, count: int) -> list[Vector] | None:
    parts = _apart(answer.samples, count)
    return None if parts is None else [Vector(tuple(part), answer.warnings) for part in parts]


def _matrices(answer: Matrix, count: int) -> list[Matrix] | None:
    parts = _apart(answer.series, count)
    return None if parts is None else [Matrix(tuple(part), answer.warnings) for part in parts]


def _apart(items: Iterable[S], count: int) -> list[list[S]] | None:
    """Split joined results by the label that marks each query, and remove that label."""
    parts: list[list[S]] = [[] for _ in range(count)]
    places = {str(number): part for number, part in enumerate(parts)}
    for item in items:
        part = places.get(item.labels.get(LABEL, ""))
        if part is None:
            return None
        own = {name: value for name, value in item.labels.items() if name != LABEL}
        part.append(replace(item, labels=own))
    return parts


def _point(seconds: float, value: str) -> tuple[int, float]:
    return round(seconds * 1_000) * timerange.MILLISECOND, float(value)


def _rules(source: str, body: Body) -> Rules:
    data = body["data"]
    if "groups" not in data:
        alerts = [_alert(item, {}, source, "") for item in data["alerts"] or ()]
        return Rules(tuple(alerts), (), _warnings(body))
    alerts, broken = [], []
    for group in data["groups"] or ():
        for rule in group.get("rules") or ():
            if rule.get("type", "alerting") != "alerting":
                continue
            alerts += [_alert(item, rule, source, group["name"]) for item in _alerts(rule)]
            if _health(rule) == "err":
                error = str(rule.get("lastError") or "the source gives no reason")
                broken.append(BrokenRule(str(rule["name"]), group["name"], source, error))
    return Rules(tuple(alerts), tuple(broken), _warnings(body))


def _alerts(rule: Body) -> list[Body]:
    """Return the rule's active alerts: VictoriaMetrics lists inactive ones too."""
    found = rule.get("alerts") or ()
    return [item for item in found if str(item.get("state", "")).lower() != "inactive"]


def _alert(item: Body, rule: Body, source: str, group: str) -> Alert:
    labels = {key: str(value) for key, value in (item.get("labels") or {}).items()}
    return Alert(
        name=labels.get("alertname") or str(rule.get("name") or item.get("name") or ""),
        state=str(item.get("state", "")).lower(),
        value=str(item.get("value", "")),
        active_at=_moment(item.get("activeAt")),
        labels=labels,
        annotations={key: str(text) for key, text in (item.get("annotations") or {}).items()},
        source=source,
        group=group,
        rule_health=_health(rule),
    )


def _health(rule: Body) -> str:
    return _HEALTH.get(rule.get("health", ""), "unknown")


def _moment(text: str | None) -> int:
    """Return Unix nanoseconds; Go's year 1 and a missing time are 0."""
    try:
        return timerange.parse_moment(text).nanoseconds if text else 0
    except InvalidInput:
        return 0
