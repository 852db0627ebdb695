"""Traces of many spans, and sending them as services do: in batches of 512."""

import random
from collections import defaultdict
from collections.abc import Iterator

import grpc.aio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

BATCH = 512
MICROSECOND = 1_000
SECOND = 1_000_000_000
OPERATIONS = {
    "petstore": ("SearchPets", "auth.Check", "cache.Get"),
    "store": ("store.Query", "SELECT pets WHERE type = ?", "db.Connect", "rows.Scan"),
    "mailer": ("mailer.Notify", "smtp.Send"),
}
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def large_trace(count: int, start: int) -> tuple[str, list[ResourceSpans]]:
    """Return a trace's id and its spans in batches; `start` is Unix nanoseconds.

    About eight attributes a span, one in a thousand fails, children run within their parents,
    some 14 levels deep.
    """
    source = random.Random(count)
    trace_id = source.randbytes(16)
    batches = []
    waiting: defaultdict[str, list[Span]] = defaultdict(list)
    for service, span in _spans(count, start, trace_id, source):
        waiting[service].append(span)
        if len(waiting[service]) == BATCH:
            batches.append(_batch(service, waiting.pop(service)))
    batches += [_batch(service, spans) for service, spans in waiting.items()]
    return trace_id.hex(), batches


def small_traces(count: int, start: int) -> list[ResourceSpans]:
    """Return so many traces of seven spans in batches, a second apart from `start` on."""
    source = random.Random(count)
    spans: dict[str, list[Span]] = {service: [] for service in OPERATIONS}
    batches = []
    for number in range(count):
        for service, span in _spans(7, start + number * SECOND, source.randbytes(16), source):
            spans[service].append(span)
            if len(spans[service]) == BATCH:
                batches.append(_batch(service, spans[service]))
                spans[service] = []
    return batches + [_batch(service, each) for service, each in spans.items()]


def _spans(
    count: int, start: int, trace_id: bytes, source: random.Random
) -> Iterator[tuple[str, Span]]:
    services = list(OPERATIONS)
    places = [(b"", start, start + count * 20 * MICROSECOND)]  # id, start and end of each
    for number in range(count):
        parent, begin, end = places[
            number // 3 if number < count // 2 else source.randrange(number)
        ]
        if number:
            length = end - begin
            begin += source.randrange(length // 2 + 1)
            end -= source.randrange((end - begin) // 2 + 1)
        service = services[0] if not number else source.choice(services)
        operation = OPERATIONS[service][0] if not number else source.choice(OPERATIONS[service])
        span_id = source.randbytes(8)
        if number:
            places.append((span_id, begin, end))
        else:
            places[0] = (span_id, begin, end)
        failing = source.random() < 0.001
        yield (
            service,
            Span(
                trace_id=trace_id,
                span_id=span_id,
                parent_span_id=parent if number else b"",
                name=operation,
                kind=Span.SPAN_KIND_INTERNAL,
                start_time_unix_nano=begin,
                end_time_unix_nano=end,
                attributes=_attributes(number),
                status=Status(code=Status.STATUS_CODE_ERROR, message="deadline exceeded")
                if failing
                else None,
            ),
        )


def _attributes(number: int) -> list[KeyValue]:
    texts = {
        "rpc.system": "grpc",
        "rpc.method": f"Method{number % 40}",
        "net.peer.name": f"store-{number % 12}.shop.svc",
        "db.statement": f"SELECT * FROM pets WHERE id = {number}",
        "user.id": f"user-{number * 7919 % 100_003}",
        "thread.name": f"worker-{number % 16}",
    }
    numbers = {"net.peer.port": 6741, "retries": number % 3}
    return [
        *(KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in texts.items()),
        *(KeyValue(key=key, value=AnyValue(int_value=value)) for key, value in numbers.items()),
    ]


def _batch(service: str, spans: list[Span]) -> ResourceSpans:
    name = KeyValue(key="service.name", value=AnyValue(string_value=service))
    return ResourceSpans(
        resource=Resource(attributes=[name]), scope_spans=[ScopeSpans(spans=spans)]
    )


async def send(otlp: str, batches: list[ResourceSpans]) -> None:
    """Export to an OTLP receiver's gRPC address, one request a batch."""
    async with grpc.aio.insecure_channel(otlp) as channel:
        export: grpc.aio.UnaryUnaryMultiCallable[ExportTraceServiceRequest, bytes]
        export = channel.unary_unary(
            EXPORT, request_serializer=ExportTraceServiceRequest.SerializeToString
        )
        for batch in batches:
            await export(ExportTraceServiceRequest(resource_spans=[batch]))
