"""Measure, and write the figures into docs/benchmarks.md: `make bench`, some nine minutes.

Server, load and backends share the machine, as they did when the reference was measured.
"""

import asyncio
import json
import os
import platform
import re
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc.aio
import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.bench import crowd, pages, patterns, reading
from tests.bench.load import SECOND
from tests.fakes.jaeger import MILLISECOND, span, trace
from tests.fakes.prometheus import FakePrometheus, alert
from tests.live import servers

TRACES = 1_600
SPANS = 7
ALERTS = 2_000
SECONDS = 8
MARK = "<!-- figures -->"
PAGE = servers.ROOT / "docs" / "benchmarks.md"
SITES = """
[sites.bench.jaeger]
address = "{jaeger}"
[[sites.bench.prometheus]]
url = "{prometheus}"
[sites.bench.services.petstore]
"""
# Calls a second and 99th percentile in seconds of the Go service, by callers and limit.
REFERENCE = {(50, 10): (400, 0.26), (50, 100): (45, 1.6)}


@dataclass(frozen=True)
class Figures:
    """What one run showed; latencies in seconds, sorted.

    `calls` and `upstream` (calls of backends) count the second of warming up, the rest does not.
    """

    calls: int
    seconds: float
    latencies: list[float]
    failures: dict[str, int]
    smallest: int | None
    upstream: int

    @property
    def median(self) -> float:
        """In seconds."""
        return statistics.median(self.latencies)

    @property
    def p99(self) -> float:
        """In seconds."""
        return self.latencies[int(len(self.latencies) * 0.99)]


@dataclass(frozen=True)
class Bench:
    """A running server, and who may call it."""

    portal: servers.Portal
    token: str
    loaded: int

    async def run(
        self, rpc: str, callers: int, limit: int = 0, seconds: float = SECONDS
    ) -> Figures:
        """Let a process of its own call, and count the calls to backends meanwhile."""
        plan = {
            "address": self.portal.grpc,
            "token": self.token,
            "rpc": rpc,
            "callers": callers,
            "seconds": seconds,
            "limit": limit,
            "end": self.loaded,
        }
        before = self._upstream()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.load",
            cwd=servers.ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate(json.dumps(plan).encode())
        found = json.loads(output)
        found["latencies"].sort()
        return Figures(**found, upstream=self._upstream() - before)

    def _upstream(self) -> int:
        text = httpx.get(f"http://{self.portal.health}/metrics").text
        counts = re.findall(r"^opsportal_backend_calls_total\{.*\} (\S+)$", text, re.MULTILINE)
        return int(sum(map(float, counts)))


async def load_traces(otlp: str) -> int:
    """Send traces; returns a moment after all of them, in Unix nanoseconds."""
    now = time.time_ns()
    async with grpc.aio.insecure_channel(otlp) as channel:
        export: grpc.aio.UnaryUnaryMultiCallable[ExportTraceServiceRequest, bytes]
        export = channel.unary_unary(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            request_serializer=ExportTraceServiceRequest.SerializeToString,
        )
        for number in reversed(range(TRACES)):  # as they happen
            made = _trace(now - (number + 2) * SECOND, failing=number % 10 == 0)
            await export(ExportTraceServiceRequest(resource_spans=made.resource_spans))
    return now - SECOND


def _trace(start: int, *, failing: bool) -> TracesData:
    """SPANS spans over three services."""
    error = "deadline exceeded" if failing else None
    tags = {"peer.service": "store", "net.peer.port": 6741, "retries": 0}
    attempts = [
        span("store", "SELECT pets", error=error, tags=tags, duration=20 * MILLISECOND)
        for _ in range(3)
    ]
    query = span("store", "store.Query", children=attempts, error=error, tags=tags)
    mail = span("mailer", "smtp.Send", tags=tags)
    root = span(
        "petstore",
        "SearchPets",
        children=(query, span("mailer", "mailer.Notify", children=[mail], tags=tags)),
        start=start,
        duration=80 * MILLISECOND,
        error=error,
        tags=tags,
    )
    return trace(root)


def fake_alerts(prometheus: FakePrometheus) -> None:
    """Let a rule fire for many instances."""
    prometheus.rule(
        "InstanceDown",
        *(
            alert(
                "InstanceDown",
                annotations={"summary": f"instance {number} does not answer"},
                instance=f"10.0.{number // 250}.{number % 250}:9100",
                job="petstore",
                severity="page",
            )
            for number in range(ALERTS)
        ),
    )


async def measure(bench: Bench) -> list[str]:
    """Run everything; returns the lines of the page."""
    while (await bench.run("different", 1, 1500, seconds=0)).smallest != 1500:
        print("waiting for Jaeger to have the traces")
    lines = [TRACES_HEAD]
    for rpc, limit, callers in product(("same", "different"), (10, 100), (1, 50)):
        figures = await bench.run(rpc, callers, limit)
        assert figures.smallest == limit and not figures.failures, figures.failures
        lines.append(_traces_row(rpc, callers, limit, figures))
    together = await bench.run("alerts", 200, seconds=0)
    assert together.smallest == ALERTS and not together.failures, together.failures
    lines.append(_alerts_sentence(together))
    lines.append(REFUSED_HEAD)
    lines += [_refused_row(callers, await bench.run("refused", callers)) for callers in (1, 50)]
    return lines


TRACES_HEAD = """
`ListTraces`, by callers that call again as soon as they are answered. *Of Jaeger*: how many of the
calls went through to it.

| queries | limit | callers | calls/s | p50 | p99 | calls | of Jaeger | reference calls/s | p99 |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""
REFUSED_HEAD = """
A call that needs no backend (token, user and permission are checked, then the id is refused):

| callers | calls/s | p50 | p99 |
|--:|--:|--:|--:|"""


def _traces_row(rpc: str, callers: int, limit: int, figures: Figures) -> str:
    rate, p99 = REFERENCE.get((callers, limit), ("", 0))
    cells = (
        rpc, limit, callers, *_speed(figures), f"{figures.calls:,}", f"{figures.upstream:,}",
        rate, _milliseconds(p99) if p99 else "",
    )  # fmt: skip
    return _row(*cells)


def _refused_row(callers: int, figures: Figures) -> str:
    assert not figures.failures, figures.failures
    return _row(callers, *_speed(figures))


def _alerts_sentence(figures: Figures) -> str:
    return (
        f"\n{figures.calls} calls of `Alerts` at the same moment, {ALERTS:,} alerts firing: all "
        f"answered whole after {figures.seconds:.2f} s, p99 {_milliseconds(figures.p99)}; "
        f"calls of Prometheus: {figures.upstream}."
    )


def _speed(figures: Figures) -> tuple[str, str, str]:
    rate = f"{len(figures.latencies) / figures.seconds:,.0f}"
    return rate, _milliseconds(figures.median), _milliseconds(figures.p99)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.{0 if seconds > 0.01 else 1}f} ms"


def _row(*cells: object) -> str:
    line = f"| {' | '.join(map(str, cells))} |"
    print(line, flush=True)
    return line


def _machine() -> str:
    return (
        f"Measured with {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"grpcio {version('grpcio')}, Jaeger 2.13.0 with memory storage and {TRACES:,} traces of "
        f"{SPANS} spans, {SECONDS} s each after a second to warm up."
    )


async def main() -> None:
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory())) for _ in range(4)]
        # One by one: in batches, what is sent here in two seconds would lie in any order.
        jaeger = stack.enter_context(servers.jaeger(folders[0], batches=False))
        loaded = await load_traces(jaeger.otlp)
        async with FakePrometheus() as prometheus:
            fake_alerts(prometheus)
            sites = SITES.format(jaeger=jaeger.query, prometheus=prometheus.url)
            portal = servers.portal(folders[1], sites)
            token = portal.person("bench", "viewers")
            with portal.running("rungrpc", folders[2]):
                lines = await measure(Bench(portal, token, loaded))
            with portal.running("serve", folders[3]) as process:
                lines += await pages.measure(jaeger, portal, process.pid)
                async with pages.window(portal) as opened:
                    cookies = await opened.cookies()
                lines += await reading.measure(jaeger, portal, token, cookies)
        async with FakePrometheus() as quiet:
            lines += await crowd.measure(jaeger.query, quiet.url)
    lines += patterns.measure()
    words, _, _ = PAGE.read_text().partition(MARK)
    PAGE.write_text(words + MARK + "\n" + _machine() + "\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
