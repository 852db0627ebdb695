"""A fake Alertmanager: a real HTTP server that speaks the part of API v2 that we use.

It adds an external label to every alert, as Prometheus does before it sends one.
"""

import asyncio
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Self

from aiohttp import web

from opsportal.demo.alertmanager import fingerprint

Body = dict[str, Any]
EXTERNAL = {"cluster": "eu-1"}


class Fault(Enum):
    """What can be wrong with it."""

    NONE = auto()
    HANG = auto()
    HTML = auto()
    STRING = auto()
    MESSAGE = auto()
    OTHER_JSON = auto()


class FakeAlertmanager:
    """An Alertmanager with `alerts` and `silences` as its API writes them; `paths` were asked.

    It shares its silences with a `peer`. Above `most_silences` it takes no more, 0 for no limit. If
    it `always_replaces`, every edit makes a new silence.
    """

    def __init__(self, peer: "FakeAlertmanager | None" = None) -> None:
        self.alerts: list[Any] = []
        self.silences: list[Any] = peer.silences if peer else []
        self.most_silences = 0
        self.always_replaces = False
        self.fault = Fault.NONE
        self.paths: list[str] = []
        self.release = asyncio.Event()

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        self.release.set()
        await self._runner.cleanup()

    def has(self, labels: Mapping[str, str], *receivers: str, **status: list[str]) -> str:
        """Add an alert with these labels and the external one; returns its fingerprint."""
        whole = {**labels, **EXTERNAL}
        key = fingerprint(whole)
        self.alerts.append(
            {
                "labels": whole,
                "annotations": {},
                "receivers": [{"name": name} for name in receivers],
                "fingerprint": key,
                "startsAt": "2026-11-24T14:00:00.000Z",
                "status": {
                    "state": "suppressed" if status else "active",
                    "silencedBy": [],
                    "inhibitedBy": [],
                    "mutedBy": [],
                    **status,
                },
            }
        )
        return key

    def silence(self, key: str, *, ends: str, **more: Any) -> None:
        """Add an active silence of alerts with the name `Any`."""
        self.silences.append(
            {
                "id": key,
                "status": {"state": "active"},
                "matchers": [
                    {"name": "alertname", "value": "Any", "isRegex": False, "isEqual": True}
                ],
                "startsAt": "2026-11-24T14:00:00.000Z",
                "endsAt": ends,
                "createdBy": "olga",
                "comment": "known",
                **more,
            }
        )

    async def _serve(self, request: web.Request) -> web.Response:
        self.paths.append(f"{request.method} {request.path_qs}")
        match self.fault:
            case Fault.HANG:
                await self.release.wait()
            case Fault.HTML:
                return web.Response(text="<html>log in</html>", content_type="text/html")
            case Fault.STRING:
                return web.json_response("bad matcher format", status=400)
            case Fault.MESSAGE:
                return web.json_response({"code": 500, "message": "disk full"}, status=500)
            case Fault.OTHER_JSON:
                return web.json_response({"status": "success"})
        if request.path == "/api/v2/alerts":
            return web.json_response(self.alerts)
        if request.path == "/api/v2/silences" and request.method == "POST":
            return self._set(await request.json())
        if request.path == "/api/v2/silences":
            return web.json_response(self.silences)
        if request.method == "DELETE" and request.path.startswith("/api/v2/silence/"):
            return self._end(request.path.rpartition("/")[2])
        return web.Response(status=404, text="404 page not found\n")

    def _set(self, given: Body) -> web.Response:
        """Take a silence: an edit keeps the ID if matchers and start are the same."""
        found = self._silence(given.get("id", ""))
        if given.get("id") and found is None:
            return web.json_response("silence not found", status=404)
        if all(each["value"] == "" for each in given["matchers"] if each["isEqual"]):
            reason = "at least one matcher must not match the empty string"
            return web.json_response(f"invalid silence: {reason}", status=400)
        same = found is not None and found["matchers"] == given["matchers"]
        if found is not None and same and not self.always_replaces:
            found.update(given)
            return web.json_response({"silenceID": found["id"]})
        if self.most_silences and len(self.silences) >= self.most_silences:
            limit = f"(limit: {self.most_silences})"
            reason = f"exceeded maximum number of silences: {len(self.silences)} {limit}"
            return web.json_response(reason, status=400)
        key = f"00000000-0000-4000-8000-{len(self.silences):012}"
        self.silences.append({**given, "id": key, "status": {"state": "active"}})
        if found is not None:
            found["status"] = {"state": "expired"}
        return web.json_response({"silenceID": key})

    def _end(self, key: str) -> web.Response:
        found = self._silence(key)
        if found is None:
            return web.Response(status=404)
        found["status"] = {"state": "expired"}
        return web.Response()

    def _silence(self, key: str) -> Body | None:
        return next((each for each in self.silences if each["id"] == key), None)
