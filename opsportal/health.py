"""/healthz (alive), /readyz (ready to serve), /metrics: for Django and for processes without it.

Readiness covers only OpsPortal: database, channel layer, and what a process adds (a bot's
socket). A backend that is down must not take us out of the load balancer.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from channels.layers import get_channel_layer
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.urls import path
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from redis import RedisError

from ops.audit import chain
from ops.database import in_database
from ops.errors import OpsError
from ops.metrics import count_tasks
from opsportal.startup import NO_REDIS, check_database

SECONDS = 3.0
TEXT = "text/plain; charset=utf-8"
log = logging.getLogger(__name__)
_audit_head = Gauge("opsportal_audit_head", "Number of the last audit row.", ["hash"])


@dataclass(frozen=True, slots=True)
class PlainResponse:
    status: int
    body: bytes
    content_type: str = TEXT


async def healthz() -> PlainResponse:
    """Answer 200, because the process can answer."""
    return PlainResponse(200, b"ok\n")


async def readyz() -> PlainResponse:
    """Answer with one line per check; 503 if any fails."""
    results = await asyncio.gather(*(_passes(check) for check in checks.values()))
    lines = [f"{name}: {problem or 'ok'}" for name, problem in zip(checks, results, strict=True)]
    return PlainResponse(503 if any(results) else 200, ("\n".join(lines) + "\n").encode())


async def metrics() -> PlainResponse:
    """Answer in Prometheus's text format, with the head of the audit log if it can be read."""
    _audit_head.clear()
    try:
        async with asyncio.timeout(SECONDS):
            seq, digest = await in_database(chain.head)
        _audit_head.labels(digest).set(seq)
    except (DatabaseError, TimeoutError) as error:
        log.warning("metrics: cannot read the head of the audit log: %r", error)
    count_tasks()
    return PlainResponse(200, generate_latest(), CONTENT_TYPE_LATEST)


def also_ready(name: str, check: Callable[[], Awaitable[None]]) -> None:
    """Add a check to this process's readiness; it raises if it fails."""
    checks[name] = check


def only_ready(name: str, check: Callable[[], Awaitable[None]]) -> None:
    """Make readiness depend on this check alone: the process serves without a database."""
    checks.clear()
    checks[name] = check


ENDPOINTS = {"healthz": healthz, "readyz": readyz, "metrics": metrics}


def _view(endpoint: Callable[[], Awaitable[PlainResponse]]) -> Any:
    async def view(request: HttpRequest) -> HttpResponse:
        answer = await endpoint()
        return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)

    return view


urlpatterns = [path(name, _view(endpoint), name=name) for name, endpoint in ENDPOINTS.items()]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve the same three endpoints, as an ASGI application."""
    endpoint = ENDPOINTS.get(scope["path"].strip("/"))
    answer = await endpoint() if endpoint else PlainResponse(404, b"/healthz /readyz /metrics\n")
    headers = [(b"content-type", answer.content_type.encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _passes(check: Callable[[], Awaitable[None]]) -> str:
    try:
        async with asyncio.timeout(SECONDS):
            await check()
    except TimeoutError:
        return f"no answer in {SECONDS:g} s"
    except OpsError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, we are not ready
        log.warning("readiness: %s", error)
        return "failed; see the log"
    return ""


async def _database() -> None:
    await in_database(check_database)


async def _channel_layer() -> None:
    try:
        await get_channel_layer().group_send("opsportal.ready", {"type": "ready"})
    except (RedisError, OSError) as error:
        log.warning("readiness: Redis: %s", error)
        raise OpsError(NO_REDIS) from error


checks: dict[str, Callable[[], Awaitable[None]]] = {
    "database": _database,
    "channel layer": _channel_layer,
}
