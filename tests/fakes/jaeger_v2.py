# ruff: noqa: N802 - gRPC methods have their names from the protocol
"""Jaeger's api_v2, as releases 1.x answer it.

Like the real one, it sends at most ten spans per message and repeats the process in each,
requires a depth and a valid ID, and answers NOT_FOUND for an unknown trace; OTLP's fields of a
span come as tags.
"""

import random
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from typing import Any

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.proto.trace.v1.trace_pb2 import Status, TracesData

from opsportal.demo.running import add_health
from opsportal.demo.store import KINDS, Query, StoredSpan, TraceStore, as_text, service_name, spans
from proto.jaeger.api_v2 import model_pb2, query_pb2, query_pb2_grpc

SPANS_IN_A_CHUNK = 10
Context = grpc.aio.ServicerContext[Any, Any]
_SERVICE = query_pb2.DESCRIPTOR.services_by_name["QueryService"].full_name
_MOST_TRACES = 100_000
_WARNINGS = "@jaeger@warnings"
_CODES = {Status.STATUS_CODE_ERROR: "ERROR", Status.STATUS_CODE_OK: "OK"}
_random = random.Random(7)


def any_of(store: TraceStore, query: Query) -> list[TracesData]:
    """Return any matching traces, up to the query's depth, in random order."""
    traces = store.find(replace(query, depth=store.limit))
    return _random.sample(traces, min(query.depth, len(traces)))


class QueryService(query_pb2_grpc.QueryServiceServicer):
    """Answer queries from the store."""

    def __init__(self, store: TraceStore) -> None:
        self.store = store

    async def GetTrace(
        self, request: query_pb2.GetTraceRequest, context: Context
    ) -> AsyncIterator[query_pb2.SpansResponseChunk]:
        if not request.trace_id.strip(b"\0"):
            text = "uninitialized TraceID is not allowed"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        trace = self.store.trace(request.trace_id)
        if trace is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "trace not found")
        for chunk in _chunks(trace):
            yield chunk

    async def FindTraces(
        self, request: query_pb2.FindTracesRequest, context: Context
    ) -> AsyncIterator[query_pb2.SpansResponseChunk]:
        if not request.HasField("query"):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "missing query")
        if not 0 < request.query.search_depth <= _MOST_TRACES:
            text = "search depth must be greater than 0 and less than max traces"
            await context.abort(grpc.StatusCode.INTERNAL, text)
        for trace in any_of(self.store, _read(request.query)):
            for chunk in _chunks(trace):
                yield chunk

    async def GetServices(
        self, request: query_pb2.GetServicesRequest, context: Context
    ) -> query_pb2.GetServicesResponse:
        return query_pb2.GetServicesResponse(services=self.store.services())

    async def GetOperations(
        self, request: query_pb2.GetOperationsRequest, context: Context
    ) -> query_pb2.GetOperationsResponse:
        pairs = self.store.operations(request.service, request.span_kind)
        return query_pb2.GetOperationsResponse(
            operation_names={name for name, _ in pairs},
            operations=[query_pb2.Operation(name=name, span_kind=kind) for name, kind in pairs],
        )


async def add_to(server: grpc.aio.Server, store: TraceStore) -> None:
    """Let a server answer api_v2's queries from the store, and report it as healthy."""
    query_pb2_grpc.add_QueryServiceServicer_to_server(QueryService(store), server)
    await add_health(server, _SERVICE)


def _read(query: query_pb2.TraceQueryParameters) -> Query:
    return Query(
        depth=query.search_depth,
        service=query.service_name,
        operation=query.operation_name,
        tags=dict(query.tags),
        start=query.start_time_min.ToNanoseconds() if query.HasField("start_time_min") else None,
        end=query.start_time_max.ToNanoseconds() if query.HasField("start_time_max") else None,
        shortest=query.duration_min.ToNanoseconds() if query.HasField("duration_min") else None,
        longest=query.duration_max.ToNanoseconds() if query.HasField("duration_max") else None,
    )


def _chunks(trace: TracesData) -> Iterator[query_pb2.SpansResponseChunk]:
    every = [_span(found) for found in spans(trace)]
    for start in range(0, len(every), SPANS_IN_A_CHUNK):
        yield query_pb2.SpansResponseChunk(spans=every[start : start + SPANS_IN_A_CHUNK])


def _span(found: StoredSpan) -> model_pb2.Span:
    resource, scope, span = found
    warnings = [item.value.array_value for item in span.attributes if item.key == _WARNINGS]
    return model_pb2.Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        operation_name=span.name,
        references=_references(span),
        start_time=_timestamp(span.start_time_unix_nano),
        duration=_duration(span.end_time_unix_nano - span.start_time_unix_nano),
        tags=[
            *(_text("otel.scope.name", scope.name) for _ in range(bool(scope.name))),
            *(_text("otel.scope.version", scope.version) for _ in range(bool(scope.version))),
            *(_tag(item) for item in span.attributes if item.key != _WARNINGS),
            *_extra(span),
        ],
        logs=[
            model_pb2.Log(
                timestamp=_timestamp(event.time_unix_nano),
                fields=list(_fields(event)),
            )
            for event in span.events
        ],
        process=model_pb2.Process(
            service_name=service_name(resource),
            tags=[_tag(item) for item in resource.attributes if item.key != "service.name"],
        ),
        warnings=[text.string_value for texts in warnings for text in texts.values],
    )


def _fields(event: trace_pb2.Span.Event) -> Iterator[model_pb2.KeyValue]:
    """Yield an event's fields; its name is one, unless it has none or an attribute `event`."""
    if event.name and not any(item.key == "event" for item in event.attributes):
        yield _text("event", event.name)
    yield from map(_tag, event.attributes)


def _references(span: trace_pb2.Span) -> Iterable[model_pb2.SpanRef]:
    if span.parent_span_id:
        yield model_pb2.SpanRef(trace_id=span.trace_id, span_id=span.parent_span_id)
    for link in span.links:
        yield model_pb2.SpanRef(
            trace_id=link.trace_id, span_id=link.span_id, ref_type=model_pb2.FOLLOWS_FROM
        )


def _extra(span: trace_pb2.Span) -> Iterator[model_pb2.KeyValue]:
    """Yield tags for what OTLP has fields for."""
    if span.kind:
        yield _text("span.kind", KINDS[span.kind])
    if span.status.code:
        yield _text("otel.status_code", _CODES[span.status.code])
    if span.status.code == Status.STATUS_CODE_ERROR:
        yield model_pb2.KeyValue(key="error", v_type=model_pb2.BOOL, v_bool=True)
    if span.status.message:
        yield _text("otel.status_description", span.status.message)
    if span.trace_state:
        yield _text("w3c.tracestate", span.trace_state)


def _tag(item: KeyValue) -> model_pb2.KeyValue:
    key, value = item.key, item.value
    match value.WhichOneof("value"):
        case "bool_value":
            return model_pb2.KeyValue(key=key, v_type=model_pb2.BOOL, v_bool=value.bool_value)
        case "int_value":
            return model_pb2.KeyValue(key=key, v_type=model_pb2.INT64, v_int64=value.int_value)
        case "double_value":
            number = value.double_value
            return model_pb2.KeyValue(key=key, v_type=model_pb2.FLOAT64, v_float64=number)
        case "bytes_value":
            return model_pb2.KeyValue(key=key, v_type=model_pb2.BINARY, v_binary=value.bytes_value)
    return _text(key, as_text(value))


def _text(key: str, text: str) -> model_pb2.KeyValue:
    return model_pb2.KeyValue(key=key, v_str=text)


def _timestamp(nanoseconds: int) -> Timestamp:
    time = Timestamp()
    time.FromNanoseconds(nanoseconds)
    return time


def _duration(nanoseconds: int) -> Duration:
    time = Duration()
    time.FromNanoseconds(nanoseconds)
    return time
