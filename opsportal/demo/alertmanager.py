"""An in-process Alertmanager: receives what the Prometheus pair fires, and keeps silences.

It has the part of API v2 that people and OpsPortal use: alerts, silences, status. Nobody is really
notified.
"""

import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from ops.errors import InvalidInput
from ops.vocabulary.matchers import Matcher
from opsportal.demo.alerting import SECOND, Body, moment
from opsportal.demo.prometheus import Prometheus

KEPT = 5 * 24 * 3600  # seconds that an ended silence is kept, as by default
LARGEST = 64 * 1024  # bytes of a silence
_TEXT = "utf-8"


class Refused(Exception):
    """A silence that is not accepted, with the status and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class Silence:
    """A silence; times are Unix seconds."""

    id: str
    matchers: Sequence[Matcher]
    starts: float
    ends: float
    created_by: str
    comment: str
    updated: float

    def state(self, now: float) -> str:
        if now < self.starts:
            return "pending"
        return "active" if now < self.ends else "expired"

    def holds(self, labels: Mapping[str, str], now: float) -> bool:
        """Return whether it silences an alert with these labels."""
        active = self.state(now) == "active"
        return active and all(each.accepts(labels.get(each.name, "")) for each in self.matchers)


class Alertmanager:
    """Routes the alerts of some Prometheus servers, which are copies of each other.

    `receiver` is the label that names who receives an alert; a critical alert in `inhibiting`
    inhibits warnings. `without` are labels that Prometheus drops before it sends an alert.
    """

    def __init__(
        self,
        sources: Sequence[Prometheus],
        *,
        receiver: str,
        inhibiting: Sequence[str],
        without: Sequence[str] = (),
    ) -> None:
        self.silences: dict[str, Silence] = {}
        self._sources = sources
        self._receiver = receiver
        self._inhibiting = inhibiting
        self._without = without
        self._started = time.time()

    def alerts(self) -> list[Body]:
        """Return the alerts that fire, in the API's form."""
        now, firing = time.time(), self._firing()
        names = {key: each["labels"]["alertname"] for key, each in firing.items()}
        causes = [key for key, name in names.items() if name in self._inhibiting]
        return [self._alert(key, each, causes, now) for key, each in firing.items()]

    def set(self, given: Mapping[str, Any]) -> str:
        """Create a silence, or replace the one with the given ID; raises Refused."""
        now = time.time()
        before = self.silences.get(str(given.get("id") or ""))
        if given.get("id") and before is None:
            raise Refused(404, "silence not found")
        try:
            made = Silence(
                id=str(uuid.uuid4()),
                matchers=tuple(map(_matcher, given["matchers"])),
                starts=max(_seconds(given["startsAt"]), now),
                ends=_seconds(given["endsAt"]),
                created_by=given["createdBy"],
                comment=given["comment"],
                updated=now,
            )
        except (KeyError, TypeError, ValueError, InvalidInput) as error:
            raise Refused(400, f"invalid silence: {error}") from error
        if made.ends < now:
            raise Refused(400, "Failed to create silence: end time can't be in the past")
        if all(each.accepts("") for each in made.matchers):
            reason = "at least one matcher must not match the empty string"
            raise Refused(400, f"invalid silence: {reason}")
        if before is not None:
            if before.matchers == made.matchers and before.state(now) == "active":
                made.id, made.starts = before.id, before.starts
            else:
                before.ends = now
        self.silences[made.id] = made
        return made.id

    def expire(self, key: str) -> None:
        """End a silence; raises KeyError."""
        now, silence = time.time(), self.silences[key]
        silence.starts, silence.ends = min(silence.starts, now), min(silence.ends, now)
        silence.updated = now

    def kept(self, *, expired: bool) -> list[Body]:
        """Return the silences in the API's form."""
        now = time.time()
        self.silences = {k: each for k, each in self.silences.items() if now - each.ends < KEPT}
        shown = [each for each in self.silences.values() if expired or each.state(now) != "expired"]
        return [
            {
                "id": each.id,
                "status": {"state": each.state(now)},
                "updatedAt": _written(each.updated),
                "comment": each.comment,
                "createdBy": each.created_by,
                "startsAt": _written(each.starts),
                "endsAt": _written(each.ends),
                "matchers": [
                    {
                        "name": matcher.name,
                        "value": matcher.value,
                        "isRegex": matcher.operator.endswith("~"),
                        "isEqual": matcher.operator.startswith("="),
                    }
                    for matcher in each.matchers
                ],
            }
            for each in shown
        ]

    def status(self) -> Body:
        """Return what the API says of the server itself."""
        return {
            "cluster": {"status": "disabled", "peers": []},
            "config": {"original": ""},
            "uptime": _written(self._started),
            "versionInfo": {},
        }

    def _firing(self) -> dict[str, Body]:
        """Return the alerts that fire, by fingerprint; those of the pair are the same."""
        found: dict[str, Body] = {}
        for source in self._sources:
            for alert in source.alerts({})["alerts"]:
                if alert["state"] == "firing":
                    labels = {k: v for k, v in alert["labels"].items() if k not in self._without}
                    found.setdefault(fingerprint(labels), {**alert, "labels": labels})
        return found

    def _alert(self, key: str, alert: Body, causes: Iterable[str], now: float) -> Body:
        labels = alert["labels"]
        silenced = [each.id for each in self.silences.values() if each.holds(labels, now)]
        warns = labels.get("severity") == "warning"
        inhibited = [cause for cause in causes if warns and cause != key]
        held_back = "suppressed" if silenced or inhibited else "active"
        return {
            "labels": labels,
            "annotations": alert["annotations"],
            "startsAt": alert["activeAt"],
            "endsAt": _written(now + 240),
            "updatedAt": _written(now),
            "generatorURL": "",
            "fingerprint": key,
            "receivers": [{"name": f"{labels.get(self._receiver) or 'default'}-oncall"}],
            "status": {
                "state": held_back,
                "silencedBy": silenced,
                "inhibitedBy": inhibited,
                "mutedBy": [],
            },
        }


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return Alertmanager's fingerprint: FNV-1a of 64 bits over `name FF value FF`, sorted."""
    found = 0xCBF29CE484222325
    for text in (part for pair in sorted(labels.items()) for part in pair):
        for byte in (*text.encode(_TEXT), 0xFF):
            found = (found ^ byte) * 0x100000001B3 % 2**64
    return f"{found:016x}"


def api(alertmanager: Alertmanager) -> web.Application:
    """Return an application with the part of API v2 that it has."""
    application = web.Application(client_max_size=LARGEST)

    async def alerts(_: web.Request) -> web.Response:
        return web.json_response(alertmanager.alerts())

    async def silences(request: web.Request) -> web.Response:
        expired = request.query.get("expired", "true") != "false"
        return web.json_response(alertmanager.kept(expired=expired))

    async def create(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.json_response({"code": 415, "message": "unsupported media type"}, status=415)
        try:
            return web.json_response({"silenceID": alertmanager.set(await request.json())})
        except json.JSONDecodeError as error:
            return web.json_response({"code": 400, "message": str(error)}, status=400)
        except Refused as refused:
            return web.json_response(str(refused), status=refused.status)

    async def expire(request: web.Request) -> web.Response:
        try:
            alertmanager.expire(request.match_info["key"])
        except KeyError:
            return web.Response(status=404)
        return web.Response()

    async def status(_: web.Request) -> web.Response:
        return web.json_response(alertmanager.status())

    application.router.add_get("/api/v2/alerts", alerts)
    application.router.add_get("/api/v2/silences", silences)
    application.router.add_post("/api/v2/silences", create)
    application.router.add_delete("/api/v2/silence/{key}", expire)
    application.router.add_get("/api/v2/status", status)
    return application


def _matcher(given: Mapping[str, Any]) -> Matcher:
    equal, regex = given.get("isEqual", True), given["isRegex"]
    operator = f"{'=' if equal else '!'}{'~' if regex else ('' if equal else '=')}"
    return Matcher(given["name"], operator, given["value"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def _written(seconds: float) -> str:
    return moment(round(seconds * 1000) * (SECOND // 1000))
