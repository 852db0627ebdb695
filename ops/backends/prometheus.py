"""Prometheus, or what speaks its HTTP API: Thanos, Mimir, VictoriaMetrics."""

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import httpx

from ops import timerange
from ops.alerts.alert import Alert, BrokenRule
from ops.backends.calls import Calls
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput, OpsError
from ops.sites import PrometheusSource, Site

T = TypeVar("T")
Body = dict[str, Any]
_LARGE = 200_000  # bytes from which an answer is read off the loop: about 5 ms of work
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
    """The answer to an instant query. `warnings` say in which way it may be partial."""

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """One series over time: (Unix nanoseconds, value) in time order."""

    labels: Mapping[str, str]
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The answer to a range query. `warnings` say in which way it may be partial."""

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
        self.table = f"[[sites.{site.name}.prometheus]]"
        self._calls = Calls("prometheus", self.name, self.place, source.timeout)
        self._client: httpx.AsyncClient | None = None

    async def query(self, promql: str, *, at: int = 0) -> Vector:
        """Return an expression's value at a moment (Unix nanoseconds), 0 being the present.

        A scalar is one sample without labels.
        """
        time = {"time": _seconds(at)} if at else {}
        return await self._query("query", {"query": promql, **time}, _vector)

    async def query_range(self, promql: str, *, start: int, end: int, step: int) -> Matrix:
        """Return an expression's values from start to end; all times in nanoseconds."""
        times = {"start": _seconds(start), "end": _seconds(end), "step": _seconds(step)}
        return await self._query("query_range", {"query": promql, **times}, _matrix)

    async def rules(self) -> Rules:
        """Return every pending and firing alert, and the broken rules where the source says so."""
        return await self._calls.read("rules", self._read_rules)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _query(self, path: str, form: dict[str, str], shape: Callable[[Body], T]) -> T:
        async def call() -> T:
            return await self._read(await self._send("POST", path, data=form), shape)

        return await self._calls.read((path, *form.values()), call)

    async def _read_rules(self) -> Rules:
        response = await self._send("GET", "rules", params={"type": "alert"})
        if response.status_code in _NO_SUCH_PATH:
            response = await self._send("GET", "alerts")
        return await self._read(response, partial(_rules, self.source.name))

    async def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        with self._translated():
            if self._client is None:
                self._client = _open(self.source)
            url = f"{self.source.url}/api/v1/{path}"
            return await self._client.request(method, url, **content)

    async def _read(self, response: httpx.Response, shape: Callable[[Body], T]) -> T:
        def read() -> T:
            body = self._body(response)
            try:
                return shape(body)
            except (
                KeyError,
                IndexError,
                TypeError,
                ValueError,
                AttributeError,
            ) as error:
                raise self._unfit("answers in a form that is not Prometheus's") from error

        return await asyncio.to_thread(read) if len(response.content) > _LARGE else read()

    def _body(self, response: httpx.Response) -> Body:
        try:
            body = json.loads(response.content)
        except ValueError:
            raise self._not_json(response) from None
        if not isinstance(body, dict) or "status" not in body:
            raise self._unfit(f"answers {_status(response)} in a form that is not Prometheus's")
        if body["status"] != "success":
            raise self._refusal(response, body)
        return body

    def _refusal(self, response: httpx.Response, body: Body) -> OpsError:
        kind = str(body.get("errorType") or response.status_code)
        words = f"{body.get('error') or 'no reason given'} ({kind})"
        if response.status_code in (400, 422):
            return InvalidInput(f"{self.place} refuses the query: {words}")
        if kind == "timeout":
            words = f"{self.place} gave the query up: {words}"
            return BackendTimeout(words, backend=self.name, answered=True)
        return self._unfit(f"fails: {words}", answered=response.status_code not in _DOWN)

    def _not_json(self, response: httpx.Response) -> BackendUnavailable:
        status = response.status_code
        if response.has_redirect_location:
            target = httpx.URL(response.headers["location"]).copy_with(query=None)
            return self._unfit(
                f"redirects to {target}: a log-in page wants credentials (bearer_token, username "
                f"or headers in {self.table}), a new address belongs into url"
            )
        if status in (401, 403):
            return self._unfit(
                f"refuses the credentials ({_status(response)}{_text(response)}); check "
                f"bearer_token, username or headers in {self.table}"
            )
        if "html" in response.headers.get("content-type", "") and status not in _DOWN:
            return self._unfit(
                f"answers {_status(response)} with an HTML page where JSON was due: a log-in page "
                f"or a wrong path; check url and credentials in {self.table}"
            )
        if status in _NO_SUCH_PATH:
            return self._unfit(
                f"has no Prometheus API there ({_status(response)}); check the path in url of "
                f"{self.table}"
            )
        return self._unfit(
            f"answers {_status(response)} without JSON{_text(response)}; check url in {self.table}",
            answered=status not in _DOWN,
        )

    def _unfit(self, words: str, *, answered: bool = True) -> BackendUnavailable:
        return BackendUnavailable(f"{self.place} {words}", backend=self.name, answered=answered)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn whatever httpx raises into an OpsError whose sentence says what to check."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise self._calls.too_slow() from error
        except httpx.LocalProtocolError as error:
            # Its text would show the header, which may be a secret.
            words = f"cannot be asked: a header in {self.table} has a character that HTTP forbids"
            raise self._unfit(words) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            words = self._unreachable(str(error) or type(error).__name__)
            raise self._unfit(words, answered=False) from error
        except OSError as error:
            words = f"cannot be asked: {error}; check ca in {self.table}"
            raise self._unfit(words) from error

    def _unreachable(self, reason: str) -> str:
        for needle, words in _CONNECTING:
            if needle in reason:
                return words.format(table=self.table)
        return f"cannot be reached: {reason}"


# What httpx says while connecting, and what it means; the first that fits counts.
_CONNECTING = (
    ("WRONG_VERSION_NUMBER", "does not speak TLS; write http:// in url of {table}"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "has a certificate that is not trusted; name its authority with ca in {table}",
    ),
    (
        "attempts failed",
        "refuses connections; check that it runs and that the port is right",
    ),
    ("refused", "refuses connections; check that it runs and that the port is right"),
    ("not known", "cannot be found: its host name does not resolve"),
    ("name resolution", "cannot be found: its host name does not resolve"),
    (
        "disconnected",
        "closes connections without an answer; if it speaks TLS, write https://",
    ),
    (
        "illegal ",
        "does not answer in HTTP; check the port in url of {table}",
    ),
)


def _open(source: PrometheusSource) -> httpx.AsyncClient:
    """Open a client in the running loop; nothing but the site file decides whom it trusts."""
    secure = source.url.startswith("https:")
    trusted = ssl.create_default_context(cafile=source.ca or None) if secure else False
    seconds = source.timeout / timerange.SECOND
    headers = dict(source.headers)
    return httpx.AsyncClient(verify=trusted, headers=headers, timeout=seconds, trust_env=False)


def _status(response: httpx.Response) -> str:
    return f"{response.status_code} {response.reason_phrase}".strip()


def _text(response: httpx.Response) -> str:
    """Return `: ` and the first line of a plain-text answer, "" for anything else."""
    if "html" in response.headers.get("content-type", ""):
        return ""
    lines = response.text[:2_000].strip().splitlines()
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
        raise InvalidInput(f"the query gives a {data['resultType']}; it must give a vector")
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
    """Return the rule's alerts that are active: VictoriaMetrics lists inactive ones as well."""
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
    """Return Unix nanoseconds; Go's year 1 and an omitted time are 0."""
    try:
        return timerange.parse_moment(text).nanoseconds if text else 0
    except InvalidInput:
        return 0
