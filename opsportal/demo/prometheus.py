"""An in-process Prometheus: scrapes registries, evaluates rules, answers known queries.

It answers only the queries that it was given; others are refused as `bad_data`.
"""

import asyncio
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby
from operator import attrgetter

from aiohttp import web
from prometheus_client import CollectorRegistry

from opsportal.demo.alerting import SECOND, Body, Rule, group, plain
from opsportal.demo.promql import Expression
from opsportal.demo.samples import Samples
from opsportal.demo.selectors import read_selector

INTERVAL = 1.0  # seconds between scrapes
MOST_POINTS = 11_000


@dataclass(frozen=True)
class Target:
    """An instance to scrape."""

    job: str
    instance: str
    registry: CollectorRegistry


class Silence(Enum):
    """Why it does not answer; meanwhile it does not scrape either."""

    NONE = auto()
    FROZEN = auto()  # requests wait
    STARTING = auto()  # they are answered with 503, as while Prometheus reads its log


class BadData(Exception):
    """A request that cannot be answered, with the reason."""


class Prometheus:
    """Scrapes and evaluates at every `tick`, and answers queries from these samples.

    Any selector is a query that it knows, such as `up` or `ALERTS{job="store"}`.
    """

    def __init__(
        self, targets: Sequence[Target], queries: Iterable[Expression], rules: Sequence[Rule]
    ) -> None:
        self.targets = targets
        self.rules = rules
        self.samples = Samples()
        self._queries = {_squeezed(str(query)): query for query in queries}
        self._evaluated = 0
        self.silence = Silence.NONE
        self._thawed = asyncio.Event()
        self._thawed.set()

    def be(self, silence: Silence) -> None:
        """Fall silent, or answer again."""
        self.silence = silence
        if silence is Silence.FROZEN:
            self._thawed.clear()
        else:
            self._thawed.set()

    async def wait(self) -> None:
        """Wait while it is frozen."""
        await self._thawed.wait()

    def tick(self, now: int) -> None:
        """Scrape every target and evaluate every rule; `now` is Unix nanoseconds."""
        at = now / SECOND
        for target in self.targets:
            origin = {"job": target.job, "instance": target.instance}
            self.samples.add("up", origin, at, 1.0)
            for metric in target.registry.collect():
                for sample in metric.samples:
                    if not sample.name.endswith("_created"):
                        self.samples.add(sample.name, sample.labels | origin, at, sample.value)
        self.samples.end_others(at, but="ALERTS")
        for rule in self.rules:
            rule.evaluate(self.samples, now)
        self.samples.end_others(at)
        self._evaluated = now

    async def run(self, delay: float = 0.0) -> None:
        """Tick forever; the first time after `delay` seconds."""
        await asyncio.sleep(delay)
        while True:
            if self.silence is Silence.NONE:
                self.tick(time.time_ns())
            await asyncio.sleep(INTERVAL)

    def query(self, form: Mapping[str, str]) -> Body:
        """Answer an instant query; raises BadData."""
        query = self._known(form)
        at = _number(form, "time") if "time" in form else time.time()
        vector = query.at(self.samples, at)
        result = [
            {"metric": dict(key), "value": [round(at, 3), plain(value)]}
            for key, value in vector.items()
        ]
        return {"resultType": "vector", "result": result}

    def query_range(self, form: Mapping[str, str]) -> Body:
        """Answer a range query; raises BadData."""
        query = self._known(form)
        start, end, step = (_number(form, name) for name in ("start", "end", "step"))
        if end < start or step <= 0:
            raise BadData("end must not be before start, and step must be above 0")
        if (end - start) / step > MOST_POINTS:
            raise BadData(f"this is more than {MOST_POINTS} points per series; use a longer step")
        series: dict[tuple[tuple[str, str], ...], list[tuple[float, str]]] = {}
        for number in range(int((end - start) / step) + 1):
            at = start + number * step
            for key, value in query.at(self.samples, at).items():
                series.setdefault(key, []).append((round(at, 3), plain(value)))
        result = [{"metric": dict(key), "values": values} for key, values in series.items()]
        return {"resultType": "matrix", "result": result}

    def groups(self, form: Mapping[str, str]) -> Body:
        """Return all rules with their alerts; all are alerting rules."""
        if form.get("type", "alert") != "alert":
            return {"groups": []}
        by_group = groupby(sorted(self.rules, key=attrgetter("group")), attrgetter("group"))
        return {
            "groups": [group(name, rules, INTERVAL, self._evaluated) for name, rules in by_group]
        }

    def alerts(self, form: Mapping[str, str]) -> Body:
        """Return all active alerts; as in Prometheus, the request cannot filter them."""
        return {"alerts": [alert for rule in self.rules for alert in rule.alerts()]}

    def _known(self, form: Mapping[str, str]) -> Expression:
        text = form.get("query", "")
        if not text:
            raise BadData('invalid parameter "query": missing')
        found = self._queries.get(_squeezed(text)) or read_selector(text)
        if found is None:
            raise BadData(
                f'invalid parameter "query": this demo only knows selectors, and the queries in '
                f"its own site file and rules, not {text[:200]}"
            )
        return found


def api(prometheus: Prometheus) -> web.Application:
    """Return an application with Prometheus's HTTP API."""
    answers = {
        "/api/v1/query": prometheus.query,
        "/api/v1/query_range": prometheus.query_range,
        "/api/v1/rules": prometheus.groups,
        "/api/v1/alerts": prometheus.alerts,
    }

    async def answer(request: web.Request) -> web.Response:
        if request.path not in answers:
            return web.Response(status=404, text="404 page not found\n")
        await prometheus.wait()
        if prometheus.silence is Silence.STARTING:
            return web.Response(status=503, text="Service Unavailable")
        form = dict(request.query)
        form.update({key: str(value) for key, value in (await request.post()).items()})
        try:
            data = answers[request.path](form)
        except BadData as error:
            body = {"status": "error", "errorType": "bad_data", "error": str(error)}
            return web.json_response(body, status=400)
        response = web.json_response({"status": "success", "data": data})
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    return application


def _number(form: Mapping[str, str], name: str) -> float:
    given = form.get(name, "")
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadData(f'invalid parameter "{name}": "{given}" is not a number of seconds')
    return number


def _squeezed(query: str) -> str:
    return "".join(query.split())
