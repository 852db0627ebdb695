"""Searching for traces, compared with a bare gRPC client that asks Jaeger for the same.

The bare client asks api_v3 once for each call, takes any matching traces and parses none. It
runs in the same minute as the calls it is compared with, also from a separate process: on a slow
day both are slow. Traces are written to Jaeger as collectors write them.
"""

import asyncio
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any

import grpc.aio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from proto.ops import ops_pb2
from tests.bench.calling import Bench, Figures, milliseconds, row
from tests.bench.load import CALLERS, SECOND, SERVICE
from tests.fakes.jaeger import MILLISECOND, span, trace
from tests.live import servers
from tests.live.large import EXPORT
from tests.ports import free_ports

TRACES = 6_000
SPANS = 7
TIME = 1_800 * SECOND  # in which they started
BATCHES = 0.2, 5.0  # seconds of traffic that a collector sends together
LIMITS = 10, 100
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "operation": {"operation": "BuyPet"},
    "tag": {"tags": {"customer.tier": "gold"}},
    "duration": {"duration": 200 * MILLISECOND},
}
RUNS = (
    *product(("same", "windows"), FILTERS, LIMITS),
    *product(("durations",), ("none", "operation"), LIMITS),
    ("durations", "tag", LIMITS[0]),  # few are left
)

HEAD = """
`ListTraces` with {callers} callers that call again once they are answered, compared with as many
bare gRPC clients of Jaeger: *times* is our calls/s divided by theirs; the aim is 1. *Of Jaeger* is
the median number of calls to Jaeger per search, *all* the average number per query: callers with
the same query share a search, and different queries share slices of the past.

| queries | filter | limit | calls/s | p50 | p99 | bare/s | p50 | times | of Jaeger | all |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""


async def load_traces(otlp: str) -> int:
    """Send traces as one collector per service does; returns a time after all of them.

    Each batch has the spans that ended within 200 ms to 5 s, in any order.
    """
    source, now = random.Random(1), time.time_ns()
    begins = [now - 10 * SECOND - source.randrange(TIME) for _ in range(TRACES)]
    waiting: defaultdict[str, list[tuple[ResourceSpans, Span]]] = defaultdict(list)
    for start in begins:
        for of_service in _trace(start, source).resource_spans:
            (service,) = (each.value.string_value for each in of_service.resource.attributes)
            waiting[service] += [(of_service, each) for each in of_service.scope_spans[0].spans]
    batches = [each for spans in waiting.values() for each in _batches(spans, source)]
    async with grpc.aio.insecure_channel(otlp) as channel:
        export: grpc.aio.UnaryUnaryMultiCallable[ExportTraceServiceRequest, bytes]
        export = channel.unary_unary(
            EXPORT, request_serializer=ExportTraceServiceRequest.SerializeToString
        )
        for _, batch in sorted(batches, key=lambda each: each[0]):
            await export(ExportTraceServiceRequest(resource_spans=[batch]))
    return now


def _batches(
    spans: list[tuple[ResourceSpans, Span]], source: random.Random
) -> Iterator[tuple[int, ResourceSpans]]:
    """Yield a service's batches, each with the time at which to send it."""
    spans.sort(key=lambda each: each[1].end_time_unix_nano)
    batch: list[Span] = []
    due = 0
    for of_service, each in spans:
        if batch and each.end_time_unix_nano > due:
            yield due, _shuffled(of_service, batch, source)
            batch = []
        if not batch:
            due = each.end_time_unix_nano + int(source.uniform(*BATCHES) * SECOND)
        batch.append(each)
    yield due, _shuffled(spans[0][0], batch, source)


def _shuffled(service: ResourceSpans, spans: list[Span], source: random.Random) -> ResourceSpans:
    source.shuffle(spans)
    return ResourceSpans(resource=service.resource, scope_spans=[ScopeSpans(spans=spans)])


def _trace(start: int, source: random.Random) -> TracesData:
    """Return a trace of SPANS spans in three services."""
    error = "deadline exceeded" if source.random() < 0.1 else None
    tier = "gold" if source.random() < 0.1 else "none"
    tags = {"peer.service": "store", "net.peer.port": 6741, "retries": 0, "customer.tier": tier}
    attempts = [
        span("store", "SELECT pets", error=error, tags=tags, duration=20 * MILLISECOND)
        for _ in range(3)
    ]
    query = span("store", "store.Query", children=attempts, error=error, tags=tags)
    mail = span("mailer", "smtp.Send", tags=tags)
    root = span(
        "petstore",
        "BuyPet" if source.random() < 0.2 else "SearchPets",
        children=(query, span("mailer", "mailer.Notify", children=[mail], tags=tags)),
        start=start,
        duration=int(150 * MILLISECOND * source.lognormvariate(0, 0.8)),
        error=error,
        tags=tags,
    )
    return trace(root)


async def measure(bench: Bench, jaeger: str, loaded: int, seconds: float) -> list[str]:
    """Return the lines of the page; every row takes a little more than twice `seconds`."""
    every: dict[str, Any] = {
        "address": jaeger,
        "end": loaded,
        "queries": "all",
        "filters": {},
        "seconds": 0,
    }
    while (await bench.run("bare", 1, limit=TRACES, **every)).smallest != TRACES:
        print("waiting for Jaeger to have the traces")
    lines = [HEAD.format(callers=CALLERS)]
    for queries, name, limit in RUNS:
        plan: dict[str, Any] = {
            "end": loaded,
            "queries": queries,
            "filters": FILTERS[name],
            "limit": limit,
        }
        before = await bench.run("bare", CALLERS, address=jaeger, seconds=seconds / 2, **plan)
        ours = await bench.run("list_traces", CALLERS, seconds=seconds, **plan)
        after = await bench.run("bare", CALLERS, address=jaeger, seconds=seconds / 2, **plan)
        for each in (before, ours, after):
            assert each.smallest == limit and not each.failures, (each.smallest, each.failures)
        lines.append(_row(queries, name, limit, ours, (before, after)))
    return [*lines, *[await _empty(bench, limit, loaded, seconds) for limit in LIMITS]]


async def _empty(bench: Bench, limit: int, loaded: int, seconds: float) -> str:
    """Return how often gRPC for Python answers if nothing is done for a call: our floor."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    item = ops_pb2.TraceItem(
        id="0" * 32, start=loaded, duration=SECOND, root_service=SERVICE, span_count=SPANS,
        root_operation="SearchPets", services=("mailer", SERVICE, "store"), matched=loaded,
        matched_from=loaded,
    )  # fmt: skip
    answer = ops_pb2.ListTracesResp(traces=[item] * limit).SerializeToString()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.empty", address,
        cwd=servers.ROOT, stdin=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdin
        process.stdin.write(answer)
        process.stdin.close()
        plan = {"queries": "windows", "filters": {}, "limit": limit, "end": loaded}
        figures = await bench.run("list_traces", CALLERS, address=address, seconds=seconds, **plan)
    finally:
        process.kill()
        await process.wait()
    assert figures.smallest == limit and not figures.failures, figures.failures
    return (
        f"\nA server that does nothing but send the same list of {limit}: {figures.rate:,.0f} "
        f"calls/s, p50 {milliseconds(figures.median)}."
    )


def _row(queries: str, name: str, limit: int, ours: Figures, bare: tuple[Figures, Figures]) -> str:
    before, after = bare
    calls = len(before.latencies) + len(after.latencies)
    rate = calls / (before.seconds + after.seconds)
    return row(
        queries, name, limit, f"{ours.rate:,.0f}", milliseconds(ours.median),
        milliseconds(ours.p99), f"{rate:,.0f}",
        milliseconds((before.median + after.median) / 2), f"{ours.rate / rate:.1f}",
        ours.slices, f"{ours.asked / ours.calls:.2f}",
    )  # fmt: skip
