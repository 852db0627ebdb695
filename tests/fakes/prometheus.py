"""A Prometheus on port 0 that returns the answers that a test sets, in the real one's format.

Like the real one: an unknown metric is an empty success, `match[]` is ignored for alerts, the
order of alerts and series is random, inactive rules have no alerts, an unknown path is plain
text, a wrong token is 401.
"""

import asyncio
import json
import random
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Self

from aiohttp import web

Body = dict[str, Any]
LOGIN_PAGE = "<!doctype html><title>Log in</title><form action=/login method=post></form>"


class Fault(Enum):
    """What can be wrong with it."""

    NONE = auto()
    LOGIN_PAGE = auto()
    REDIRECT = auto()
    HANG = auto()
    UNAVAILABLE = auto()
    BROKEN_JSON = auto()
    OTHER_JSON = auto()
    INTERNAL = auto()
    TIMEOUT = auto()
    CUT_OFF = auto()


class FakePrometheus:
    """A Prometheus: `answers` has vectors by query, `ranges` matrices, `groups` the rule groups.

    `bad` has the queries that do not parse, with the reason. `paths`, `headers`, `peers` and
    `forms` are those of the requests so far. `raw` overrides the whole answer of a path, `written`
    every answer; `missing` are the paths that this server lacks. `scalars` are queries that are
    refused if several are joined by `or`; a fake that does not join them returns an empty answer,
    as for unknown queries. Unless `has_rules` is False, it has a rule that is never active.
    `release` lets hanging requests continue, also those of the `waiting` paths; `most_at_once` is
    how many were answered at the same time. Each request takes `seconds`.
    """

    def __init__(self, *, prefix: str = "", token: str = "", joins: bool = True) -> None:
        self.prefix = prefix
        self.token = token
        self.joins = joins
        self.scalars: set[str] = set()
        self.answers: dict[str, list[Body]] = {}
        self.ranges: dict[str, list[Body]] = {}
        self.groups: list[Body] = []
        self.has_rules = True
        self.bad: dict[str, str] = {}
        self.raw: dict[str, Body] = {}
        self.written: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        self.missing: set[str] = set()
        self.waiting: set[str] = set()
        self.seconds = 0.0
        self.most_at_once = 0
        self._at_once = 0
        self.warnings: list[str] = []
        self.fault = Fault.NONE
        self.paths: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.peers: list[object] = []
        self.forms: list[Mapping[str, str]] = []
        self.release = asyncio.Event()
        self.arrived = asyncio.Event()
        self._random = random.Random(7)

    async def start(self, tls: ssl.SSLContext | None = None) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.port: int = self._runner.addresses[0][1]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}{self.prefix}"
        return self

    async def stop(self) -> None:
        self.release.set()
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def says(self, query: str, *samples: tuple[Mapping[str, str], float | str]) -> None:
        """Set the answer to an instant query: pairs of labels and value."""
        self.answers[query] = [
            {"metric": dict(labels), "value": [1795469320.743, str(value)]}
            for labels, value in samples
        ]

    def remembers(self, query: str, *series: Mapping[str, str]) -> None:
        """Set the answer to a range query: series that were 1 once, given by their labels."""
        self.ranges[query] = [
            {"metric": dict(labels), "values": [[1795469320.743, "1"]]} for labels in series
        ]

    def rule(
        self,
        name: str,
        *alerts: Body,
        group: str = "demo",
        health: str = "ok",
        error: str = "",
        **more: Any,
    ) -> Body:
        """Add an alerting rule; its alerts come from `alert`."""
        found = {
            "type": "alerting",
            "name": name,
            "query": "up == 0",
            "duration": 0,
            **more,
        }
        found |= {"health": health, "alerts": [*alerts]}
        found["state"] = alerts[0]["state"] if alerts else "inactive"
        found |= {"lastError": error} if error else {}
        for existing in self.groups:
            if existing["name"] == group:
                existing["rules"].append(found)
                return found
        self.groups.append({"name": group, "file": "rules.yml", "interval": 1, "rules": [found]})
        return found

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(self.seconds)
            return await self._answer(request)
        finally:
            self._at_once -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(self.prefix)
        self.paths.append(path)
        self.headers.append(request.headers)
        self.peers.append(request.transport and request.transport.get_extra_info("peername"))
        self.arrived.set()
        if faulty := await self._faulty(request):
            return faulty
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="Unauthorized\n")
        if self.written:
            return await self.written(request)
        if path in self.raw:
            return web.json_response(self.raw[path])
        if not request.path.startswith(f"{self.prefix}/api/v1/") or path in self.missing:
            return web.Response(status=404, text="404 page not found\n")
        form = {
            **request.query,
            **{k: str(v) for k, v in (await request.post()).items()},
        }
        self.forms.append(form)
        match path.removeprefix("/api/v1/"):
            case "query":
                return self._query(form, "vector", self.answers)
            case "query_range":
                return self._query(form, "matrix", self.ranges)
            case "rules":
                return self._success({"groups": self._shuffled_groups()})
            case "alerts":
                rules = [rule for group in self.groups for rule in group["rules"]]
                alerts = [alert for rule in rules for alert in rule["alerts"]]
                return self._success({"alerts": self._shuffled(alerts)})
        return web.Response(status=404, text="404 page not found\n")

    def _query(
        self, form: Mapping[str, str], kind: str, answers: Mapping[str, list[Body]]
    ) -> web.Response:
        query = form.get("query", "")
        if not query or query in self.bad:
            reason = self.bad.get(query, "unknown position: parse error: no expression found")
            text = f'invalid parameter "query": {reason}'
            return _error(400, "bad_data", text)
        parts = _JOINED.findall(query) if self.joins else []
        if any(part in self.bad or part in self.scalars for part, _ in parts):
            return _error(400, "bad_data", "parse error in a part of it")
        result = [
            {**item, "metric": {**item["metric"], "opsportal_query": number}}
            for part, number in parts
            for item in answers.get(part, _CONSTANTS.get(part, []))
        ] or answers.get(query, [])
        result = self._shuffled(result)
        return self._success({"resultType": kind, "result": result})

    def _success(self, data: Body) -> web.Response:
        body = {"status": "success", "data": data}
        return web.json_response(body | ({"warnings": self.warnings} if self.warnings else {}))

    def _shuffled(self, items: list[Body]) -> list[Body]:
        return self._random.sample(items, len(items))

    def _shuffled_groups(self) -> list[Body]:
        groups = [*self.groups, *([_QUIET] if self.has_rules else ())]
        return [
            {**group, "rules": [self._evaluated(rule) for rule in group["rules"]]}
            for group in groups
        ]

    def _evaluated(self, rule: Body) -> Body:
        never = rule.get("health") == "unknown"
        at = "0001-01-01T00:00:00Z" if never else f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        alerts = self._shuffled(rule.get("alerts", []))
        return {"lastEvaluation": at, "evaluationTime": 0.001, **rule, "alerts": alerts}

    async def _faulty(self, request: web.Request) -> web.StreamResponse | None:
        path = request.path.removeprefix(self.prefix)
        if self.fault is Fault.HANG or path in self.waiting:
            await self.release.wait()
            return None
        if self.fault is Fault.CUT_OFF and request.transport is not None:
            request.transport.abort()
            return web.Response()
        return _FAULTS[self.fault]() if self.fault in _FAULTS else None


def _error(status: int, kind: str, text: str) -> web.Response:
    body = {"status": "error", "errorType": kind, "error": text}
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


def _html(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/html")


_QUIET: Body = {
    "name": "quiet",
    "file": "rules.yml",
    "interval": 15,
    "rules": [
        {
            "type": "alerting",
            "name": "Quiet",
            "query": "vector(0) > 0",
            "health": "ok",
            "state": "inactive",
        }
    ],
}
_JOINED = re.compile(r'label_replace\(\n(.*?)\n, "opsportal_query", "(\d+)", "", ""\)', re.DOTALL)
_CONSTANTS: dict[str, list[Body]] = {
    f"vector({n})": [{"metric": {}, "value": [1795469320.743, str(n)]}] for n in (1, 2)
}
_SIGN_ON = "https://sso.example.com/login?next=secret"
_FAULTS: dict[Fault, Callable[[], web.Response]] = {
    Fault.LOGIN_PAGE: lambda: _html(200, LOGIN_PAGE),
    Fault.REDIRECT: lambda: web.Response(status=302, headers={"Location": _SIGN_ON}),
    Fault.UNAVAILABLE: lambda: _html(503, "<h1>busy</h1>"),
    Fault.BROKEN_JSON: lambda: web.Response(text='{"status":"succ'),
    Fault.OTHER_JSON: lambda: web.json_response({"status": "success", "data": {"result": 5}}),
    Fault.INTERNAL: lambda: _error(500, "internal", "the storage is gone"),
    Fault.TIMEOUT: lambda: _error(503, "timeout", "query timed out in expression evaluation"),
}


def alert(
    name: str,
    state: str = "firing",
    *,
    active_at: str = "2026-11-23T21:27:44.568674523Z",
    value: str = "1e+00",
    annotations: Mapping[str, str] | None = None,
    **labels: str,
) -> Body:
    """Return an alert as Prometheus writes it."""
    return {
        "labels": {"alertname": name, **labels},
        "annotations": dict(annotations or {}),
        "state": state,
        "activeAt": active_at,
        "value": value,
    }
