"""What a watcher costs: its own process, the event loop in it, and what it asks of the sources.

The sources are fakes on real sockets, the database is SQLite, Redis is real. The watcher runs
twice: as it is, and with tests.bench.timed_loop, which itself takes time. In every answer of a
source the alerts have other values, and one in a hundred is another alert.
"""

import asyncio
import gzip
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from aiohttp import web
from redis import Redis

from tests.bench.calling import Bench, milliseconds, row
from tests.bench.timed_loop import NOTED
from tests.fakes.prometheus import FakePrometheus, alert
from tests.live import databases, portals, servers
from tests.ports import free_ports

ALERTS = RULES = 10_000
CHURN = 100  # alerts
ALERT_RULES = 50
POLLS = 12  # that are measured
MINUTE = 60.0  # in which rules are read once
READERS = (1, 1_000)
QUICK, USUAL = 2, 5  # seconds between two polls
SITE = """
[[sites.bench.prometheus]]
name = "source-{number}"
url = "{url}"
"""
HEAD = f"""
A watcher in a process of its own. *Callback* is the longest on the event loop's thread, *threads*
how long another thread kept the interpreter at most; the aim is 50 ms. The aims of the others: a
poll takes 0.5 s of CPU time, the rules take 5% of a core, and {CHURN} rows are written a poll if
{CHURN / ALERTS:.0%} of the alerts are others.

| what | polls | CPU a poll | of a core | rows a poll | callback | threads | memory |
|---|--:|--:|--:|--:|--:|--:|--:|"""
READERS_HEAD = """
Readers in another process, which know what is firing from Redis:

| calls of `Alerts` at once | calls to the source that are no polls | reads from Redis |
|--:|--:|--:|"""


class _Source:
    """Answers a Prometheus's requests with bodies that are ready, one after the other."""

    def __init__(self, bodies: list[dict[str, bytes]]) -> None:
        self._bodies = bodies
        self.polls = 0
        self.polled = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        body = self._bodies[self.polls % len(self._bodies)][request.path.rsplit("/", 1)[1]]
        self.polls += 1
        self.polled.set()
        headers = {"Content-Encoding": "gzip"}
        return web.Response(body=body, headers=headers, content_type="application/json")


def _bodies(alerts: int, rules: int) -> Iterator[dict[str, bytes]]:
    """Yield what a source answers, poll by poll."""
    numbers = count()
    pods = [next(numbers) for _ in range(alerts)]
    for poll in range(POLLS + 5):
        churn = CHURN // 2  # so many end, and as many start
        pods = pods[churn:] + [next(numbers) for _ in pods[:churn]]
        firing = [_alert(pod, poll) for pod in pods]
        groups = [
            _group(
                n, [each for each, pod in zip(firing, pods, strict=True) if pod % ALERT_RULES == n]
            )
            for n in range(ALERT_RULES)
            if alerts
        ]
        groups += [_group(number, []) for number in range(rules)]
        yield {"rules": _packed({"groups": groups}), "alerts": _packed({"alerts": firing})}


def _alert(pod: int, poll: int) -> dict[str, Any]:
    depth = f"{(pod + poll) / 7:e}"
    return alert(
        "QueueDeep",
        value=depth,
        annotations={
            "summary": f"depth {depth} on shop-{pod}",
            "runbook_url": "https://runbooks/q",
        },
        instance=f"10.0.{pod // 250}.{pod % 250}:9100",
        job="petstore",
        namespace="shop",
        pod=f"shop-{pod}",
        severity="page",
    )


def _group(number: int, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    rule = {
        "type": "alerting",
        "name": "QueueDeep" if alerts else f"Quiet{number}",
        "query": 'sum by (job) (rate(requests_total{code=~"5.."}[5m])) > 0.05 * sum(requests)',
        "duration": 300,
        "keepFiringFor": 0,
        "labels": {"severity": "page"},
        "annotations": {"summary": "errors {{ $value }} of {{ $labels.job }}, see the runbook"},
        "health": "ok",
        "state": "firing" if alerts else "inactive",
        "evaluationTime": 0.001,
        "lastEvaluation": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "alerts": alerts,
    }
    return {"name": f"group-{number}", "file": "rules.yml", "interval": 1, "rules": [rule]}


def _packed(data: dict[str, Any]) -> bytes:
    return gzip.compress(json.dumps({"status": "success", "data": data}).encode(), 1)


async def measure() -> list[str]:
    """Return the lines of the page."""
    with TemporaryDirectory() as folder, databases.redis(Path(folder)) as redis:
        return [
            HEAD,
            await _row(f"{ALERTS:,} alerts", redis, [(ALERTS, 0)], QUICK),
            await _row(f"{RULES:,} inactive rules in two sources", redis, [(0, RULES)] * 2, USUAL),
            READERS_HEAD,
            *[await _readers(redis, number) for number in READERS],
        ]


@dataclass(frozen=True)
class _Use:
    """What a process has used: `rows` are those of the history that it has written."""

    polls: int
    cpu: float
    seconds: float
    rows: float
    memory: float

    @classmethod
    async def read(cls, process: int, health: str, sources: list[_Source]) -> "_Use":
        """Return what it has used so far; `seconds` is the time."""
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://{health}/metrics")).text
        rows = [line for line in text.splitlines() if line.startswith("opsportal_watch_rows_total")]
        written = sum(float(line.rpartition(" ")[2]) for line in rows)
        polls = sum(each.polls for each in sources)
        return cls(polls, _cpu(process), time.monotonic(), written, _memory(process))

    def since(self, before: "_Use") -> "_Use":
        """Return what it has used since then."""
        return replace(
            self,
            polls=self.polls - before.polls,
            cpu=self.cpu - before.cpu,
            seconds=self.seconds - before.seconds,
            rows=self.rows - before.rows,
        )


async def _row(what: str, redis: str, sizes: list[tuple[int, int]], seconds: int) -> str:
    sources = [_Source([*_bodies(*size)]) for size in sizes]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "notes"
        used = await _used(redis, sources, seconds, servers.MANAGE)
        timed: list[str | Path] = [sys.executable, "-m", "tests.bench.timed_loop", file]
        await _used(redis, sources, seconds, timed)
        notes = _noted(file)
    longest = [max((each[key] for each in notes), default=0.0) for key in ("cpu", "waited")]
    return row(
        what, used.polls, milliseconds(used.cpu / used.polls), f"{used.cpu / used.seconds:.1%}",
        f"{used.rows / used.polls:.0f}", *map(_time, longest), f"{used.memory:.0f} MB",
    )  # fmt: skip


async def _used(
    redis: str, sources: list[_Source], seconds: int, program: Sequence[str | Path]
) -> _Use:
    """Run a watcher for some polls; return what it has used after the first ones."""
    async with AsyncExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory())) for _ in range(2)]
        sites = "".join([await _site(stack, *each) for each in enumerate(sources)])
        own = {"REDIS_URL": redis, "OPSPORTAL_POLL_SECONDS": str(seconds)}
        portal = portals.portal(folders[0], sites, **own)
        process = stack.enter_context(portal.running("watch", folders[1], program=program))
        await _polled(sources, 3)  # all is written by then
        before = await _Use.read(process.pid, portal.health, sources)
        if seconds == USUAL:
            await asyncio.sleep(MINUTE)
        else:
            await _polled(sources, POLLS)
        return (await _Use.read(process.pid, portal.health, sources)).since(before)


def _noted(file: Path) -> list[dict[str, Any]]:
    """Return the notes of the loop."""
    return [json.loads(line) for line in file.read_text().splitlines()]


async def _site(stack: AsyncExitStack, number: int, source: _Source) -> str:
    fake = await stack.enter_async_context(FakePrometheus())
    fake.written = source.answer
    return SITE.format(number=number, url=fake.url)


async def _polled(sources: list[_Source], times: int) -> None:
    """Wait until each source has been polled so many times more."""
    for source in sources:
        for _ in range(times):
            source.polled.clear()
            await source.polled.wait()


def _cpu(process: int) -> float:
    """Return the seconds that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: int) -> float:
    [line] = [
        line
        for line in Path(f"/proc/{process}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    ]
    return int(line.split()[1]) / 1024


def _time(seconds: float) -> str:
    return milliseconds(seconds) if seconds > NOTED else f"under {milliseconds(NOTED)}"


async def _readers(redis: str, readers: int) -> str:
    async with AsyncExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory())) for _ in range(3)]
        source = _Source([*_bodies(CHURN, 1)])
        sites = await _site(stack, 0, source)
        # So long that there is one poll, and the picture stays young.
        own = {"REDIS_URL": redis, "OPSPORTAL_POLL_SECONDS": "60"}
        portal = portals.portal(folders[0], sites, **own)
        token = portal.person("bench", "viewers")
        stack.enter_context(portal.running("watch", folders[1]))
        await _polled([source], 0 if source.polls else 1)
        (port,) = free_ports(1)
        other = replace(
            portal,
            health=f"127.0.0.1:{port}",
            environment={**portal.environment, "OPSPORTAL_HEALTH_ADDRESS": f"127.0.0.1:{port}"},
        )
        stack.enter_context(other.running("rungrpc", folders[2]))
        polls = source.polls
        client = stack.enter_context(Redis.from_url(redis))
        client.config_resetstat()
        found = await Bench(other, token).run("alerts", readers, seconds=0)
        assert found.smallest and not found.failures, found.failures
        reads = client.info("commandstats").get("cmdstat_hmget", {"calls": 0})["calls"]
        return row(f"{readers:,}", source.polls - polls, reads)
