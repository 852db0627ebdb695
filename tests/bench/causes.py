"""What changed before an alert: the facts, then its traces compared, each a piece of a page."""

import asyncio
import random
import statistics
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from ops.vocabulary.alerts import Origin
from ops.vocabulary.timerange import HOUR, MINUTE, SECOND, format_moment
from tests.bench.calling import milliseconds, row
from tests.bench.holds import Notes
from tests.bench.timed_loop import NOTED
from tests.fakes.jaeger import MILLISECOND, span, trace
from tests.fakes.prometheus import FakePrometheus, alert
from tests.live import portals, servers
from tests.live.large import send

SPANS = 20_000  # of each window
EACH = 7  # of a trace
ALERTS = 10  # each starts a little later, so that no window is known
APART = 3.0  # seconds, after which nothing of the last one runs any more
SITES = """
[sites.bench.jaeger]
address = "{jaeger}"
[[sites.bench.prometheus]]
name = "main"
url = "{prometheus}"
[sites.bench.services.petstore]
alerts = {{ job = "petstore" }}
"""
HEAD = f"""
"What changed?" of {ALERTS} alerts, each for the first time, over two windows of {SPANS:,} spans in
{SPANS // EACH:,} traces, an hour each: the time until the piece of the page has been received. The
aim for both together is 3 s. *Callback* is the CPU time of the longest one on the event loop's
thread, *threads* how long another thread kept the interpreter at most while the loop had something
to do.

| piece | p50 | max | callback | threads |
|---|--:|--:|--:|--:|"""


async def measure() -> list[str]:
    """Return the lines of the page."""
    async with AsyncExitStack() as stack:
        folder, logs = (Path(stack.enter_context(TemporaryDirectory())) for _ in range(2))
        jaeger = stack.enter_context(servers.jaeger(logs))
        start = time.time_ns() - 55 * MINUTE
        await load(jaeger.otlp, start - 5 * MINUTE)
        prometheus = await stack.enter_async_context(FakePrometheus())
        firing = (
            alert("Errors", active_at=format_moment(start + n * SECOND), **_labels(n))
            for n in range(ALERTS)
        )
        prometheus.rule("Errors", *firing)
        sites = SITES.format(jaeger=jaeger.query, prometheus=prometheus.url)
        portal = portals.portal(folder, sites)
        portal.person("bench", "viewers")
        notes = folder / "notes"
        program = [sys.executable, "-m", "tests.bench.timed_loop", str(notes)]
        stack.enter_context(portal.running("serve", logs, program=program))
        return [HEAD, *await _pieces(f"http://{portal.web}", Notes(notes))]


def _labels(number: int) -> dict[str, Any]:
    return {"pod": f"pod-{number}", "job": "petstore", "severity": "page"}


async def load(otlp: str, since: int) -> None:
    """Send traces of two hours; a third of the newer ones are of a version that fails."""
    source = random.Random(1)
    batches: list[ResourceSpans] = []
    for number in range(2 * SPANS // EACH):
        before = number % 2
        start = since - before * HOUR + source.randrange(HOUR)
        batches += _request(source, start, bad=not before and not number % 6).resource_spans
    for first in range(0, len(batches), 64):
        await send(otlp, batches[first : first + 64])


def _request(source: random.Random, start: int, *, bad: bool) -> Any:
    """Return a trace of EACH spans in three services, with eight tags each."""
    error = "deadline exceeded" if bad and source.random() < 0.4 else None
    tags = {f"tag.{key}": f"value {source.randrange(100)}" for key in "abcdefgh"}
    version = "1.3.0" if bad else "1.2.0"
    own = {"service.version": version, "service.instance.id": f"petstore-{source.randrange(3)}"}
    other = {"service.version": "4.0.7", "service.instance.id": "store-1"}
    took = int(20 * MILLISECOND * source.lognormvariate(0, 0.5))
    below = [span("store", "SELECT pets", duration=took, tags=tags, resource=other) for _ in "abc"]
    query = span(
        "store",
        "store.Query",
        children=below,
        error=error,
        duration=took,
        tags=tags,
        resource=other,
    )
    mail = span("mailer", "mailer.Notify", duration=took, tags=tags)
    check = span("petstore", "Check", duration=took, tags=tags, resource=own)
    return trace(
        span(
            "petstore", "SearchPets", start=start, duration=2 * took, error=error, tags=tags,
            resource=own, children=[query, mail, check],
        )
    )  # fmt: skip


async def _pieces(base: str, notes: Notes) -> list[str]:
    async with httpx.AsyncClient(base_url=base, timeout=60) as web:
        await log_in(web)
        return [await _row(web, name, piece, notes) for name, piece in _PIECES.items()]


async def log_in(web: httpx.AsyncClient) -> None:
    """Log in as the person of a bench."""
    path = "/account/login/"
    await web.get(path)
    form = {"username": "bench", "password": "opensesame"}
    token = {"csrfmiddlewaretoken": web.cookies["csrftoken"]}
    assert (await web.post(path, data=form | token)).status_code == 302


_PIECES = {"rollouts, sampling, other alerts": "around", "traces": "traces"}


async def _row(web: httpx.AsyncClient, name: str, piece: str, notes: Notes) -> str:
    notes.new()
    took = []
    for number in range(ALERTS):
        labels = {"alertname": "Errors", **_labels(number)}
        fingerprint = Origin("bench", "main").fingerprint("demo", "Errors", labels)
        await asyncio.sleep(APART)
        started = time.perf_counter()
        answer = await web.get(f"/alerts/{fingerprint}/{piece}/", headers={"HX-Request": "true"})
        took.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer
        assert piece != "traces" or "petstore 1.3.0 fails" in answer.text, answer.text
    await asyncio.sleep(APART)
    found = notes.new()
    longest = [max((each[key] for each in found), default=0.0) for key in ("cpu", "waited")]
    held = [milliseconds(each) if each > NOTED else "under 5 ms" for each in longest]
    return row(name, milliseconds(statistics.median(took)), milliseconds(max(took)), *held)
