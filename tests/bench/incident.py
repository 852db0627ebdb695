"""The page of an incident with much in it: what is remembered, then its traces, a piece of it."""

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from ops.vocabulary.timerange import MINUTE
from tests.bench import causes
from tests.bench.calling import milliseconds, row
from tests.fakes.prometheus import FakePrometheus
from tests.live import portals, servers

ALERTS, NAMES = 500, 50
CHANGES, NOTES = 200, 100
TIMES = 12
APART = 3.0  # seconds, after which an answer is not shared any more
HEAD = f"""
The page of an incident with {ALERTS} alerts of {NAMES} names, {CHANGES} changes of sampling (each
with its rows in the audit log) and {NOTES} notes: the time until it has been received, and then the
piece with how its traces differ from the hour before, over two windows of {causes.SPANS:,} spans
in {causes.SPANS // causes.EACH:,} traces. The aim is 1.5 s. *First* is the first time, with nothing
cached.

| what | first | p50 | max |
|---|--:|--:|--:|"""
_FILL = f"""
import json, time
from datetime import datetime, timedelta, timezone
from ops.actor import Actor, Door
from ops.alerts.models import AlertPeriod
from ops.audit import chain
from ops.audit.models import Outcome
from ops.incidents.models import StoredEntry, StoredIncident
from ops.sampling.models import Revision
from ops.watch.models import SourcePeriod, Watched
from django.contrib.auth.models import User
now, minute = time.time_ns(), 60 * 10**9
begins = now - 50 * minute
olga = Actor(User.objects.get(username="bench").pk, "bench", Door.BROWSER)
periods = []
for number in range({ALERTS}):
    name = f"Rule{{number % {NAMES}}}"
    labels = {{"alertname": name, "pod": f"pod-{{number}}", "job": "petstore", "severity": "page"}}
    for state, start, end in (("pending", 0, 1), ("firing", 1, 20), ("firing", 25, 45)):
        periods.append(AlertPeriod(
            site="bench", key=f"{{number:020x}}", state=state, start=begins + start * minute,
            end=begins + end * minute, name=name, group="demo", labels=labels, sources=["main"],
            annotations={{"summary": f"pod {{number}} is slow"}}, active_at=begins))
AlertPeriod.objects.bulk_create(periods)
Watched.objects.create(site="bench", epoch=0, start=now - 300 * minute, end=now)
SourcePeriod.objects.create(
    site="bench", key="alerts main", state="answers", start=now - 300 * minute, reason="")
moment = datetime.fromtimestamp(begins / 10**9, timezone.utc)
for number in range({CHANGES}):
    Revision.objects.create(
        at=moment + timedelta(seconds=10 * number), site="bench", service="petstore",
        strategy="rate", rate=(1 + number % 9) / 10, previous="10%", actor="bench", door="browser",
        request_id=f"{{number:x}}", reason="QueueDeep is firing")
    for outcome in (Outcome.STARTED, Outcome.OK):
        chain.append(olga, "sampling.change_policy", "bench/petstore", outcome)
row = StoredIncident.objects.create(
    site="bench", number=1, title="petstore slow", services=["petstore"], begins=begins,
    opened_at=begins, opener="bench", door="browser")
StoredEntry.objects.bulk_create(
    StoredEntry(incident=row, at=begins + number * 10**9, kind="note", text="a note " * 20,
                author="bench", door="browser") for number in range({NOTES}))
"""
_ADDRESSES = {
    "the page": "/incidents/1/",
    "its traces": "/incidents/1/traces/",
    "as Markdown": "/incidents/1/incident.md",
}


async def measure() -> list[str]:
    """Return the lines of the page."""
    async with AsyncExitStack() as stack:
        folder, logs = (Path(stack.enter_context(TemporaryDirectory())) for _ in range(2))
        jaeger = stack.enter_context(servers.jaeger(logs))
        await causes.load(jaeger.otlp, time.time_ns() - 55 * MINUTE)
        prometheus = await stack.enter_async_context(FakePrometheus())
        sites = causes.SITES.format(jaeger=jaeger.query, prometheus=prometheus.url)
        portal = portals.portal(folder, sites)
        await asyncio.to_thread(fill, portal)
        stack.enter_context(portal.running("serve", logs))
        async with httpx.AsyncClient(base_url=f"http://{portal.web}", timeout=60) as web:
            await causes.log_in(web)
            return [HEAD, *[await _row(web, *each) for each in _ADDRESSES.items()]]


def fill(portal: portals.Portal) -> None:
    """Make incident 1 of site "bench", and the person "bench" who works on it."""
    portal.person("bench", "operators")
    portal.manage("shell", "--command", _FILL)


async def _row(web: httpx.AsyncClient, name: str, path: str) -> str:
    took = []
    for _ in range(TIMES):
        await asyncio.sleep(APART)
        started = time.perf_counter()
        answer = await web.get(path)
        took.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer
    assert ("Rule49" in answer.text) or "petstore 1.3.0 fails" in answer.text, answer.text
    p50, most = statistics.median(took), max(took)
    return row(name, milliseconds(took[0]), milliseconds(p50), milliseconds(most))
