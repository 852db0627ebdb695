# ruff: noqa: N802 - gRPC's methods have their names from the protocol
"""An in-process Jaeger: receives OTLP and answers api_v3 queries as release 2.20 does."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Status, TracesData

from opsportal.demo.store import Query, TraceStore, service_name, spans
from proto.jaeger.api_v3 import query_pb2, query_pb2_grpc

QUERY_SERVICE = query_pb2.DESCRIPTOR.services_by_name["QueryService"].full_name
_ID = re.compile("[0-9A-Fa-f]{1,32}")
_MOST_TRACES = 100_000
Context = grpc.aio.ServicerContext[Any, Any]


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Adds received spans to the store."""

    def __init__(self, store: TraceStore) -> None:
        self.store = store

    async def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: Context
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        self.store.add(request.resource_spans)
        return trace_service_pb2.ExportTraceServiceResponse()


class QueryService(query_pb2_grpc.QueryServiceServicer):
    """Answers from the store: one message per trace, an empty stream for an unknown trace."""

    def __init__(self, store: TraceStore) -> None:
        self.store = store

    async def GetTrace(
        self, request: query_pb2.GetTraceRequest, context: Context
    ) -> AsyncIterator[TracesData]:
        if not _ID.fullmatch(request.trace_id):
            await _refuse(context, f"malform trace ID: {request.trace_id!r} is not hexadecimal")
        trace = self.store.trace(bytes.fromhex(request.trace_id.zfill(32)))
        if trace is not None:
            yield trace

    async def FindTraces(
        self, request: query_pb2.FindTracesRequest, context: Context
    ) -> AsyncIterator[TracesData]:
        for trace in await self._find(request, context):
            yield trace

    async def FindTraceSummaries(
        self, request: query_pb2.FindTraceSummariesRequest, context: Context
    ) -> AsyncIterator[query_pb2.FindTraceSummariesResponse]:
        for trace in await self._find(request, context):
            yield query_pb2.FindTraceSummariesResponse(summaries=[summary(trace)])

    async def GetServices(
        self, request: query_pb2.GetServicesRequest, context: Context
    ) -> query_pb2.GetServicesResponse:
        return query_pb2.GetServicesResponse(services=self.store.services())

    async def GetOperations(
        self, request: query_pb2.GetOperationsRequest, context: Context
    ) -> query_pb2.GetOperationsResponse:
        pairs = self.store.operations(request.service, request.span_kind)
        operations = [query_pb2.Operation(name=name, span_kind=kind) for name, kind in pairs]
        return query_pb2.GetOperationsResponse(operations=operations)

    async def _find(
        self,
        request: query_pb2.FindTracesRequest | query_pb2.FindTraceSummariesRequest,
        context: Context,
    ) -> list[TracesData]:
        if not request.HasField("query"):
            await _refuse(context, "missing query", grpc.StatusCode.INVALID_ARGUMENT)
        query = request.query
        if not (query.HasField("start_time_min") and query.HasField("start_time_max")):
            text = "start time min and max are required parameters"
            await _refuse(context, text, grpc.StatusCode.INVALID_ARGUMENT)
        depth = self.depth(query)
        if not 0 < depth <= _MOST_TRACES:
            text = "search depth must be greater than 0 and less than max traces"
            await _refuse(context, text)
        return self.found(_read(query, depth))

    def depth(self, query: query_pb2.TraceQueryParameters) -> int:
        """Return how many traces are wanted."""
        return query.search_depth

    def found(self, query: Query) -> list[TracesData]:
        """Return the traces, in the order in which they are sent."""
        return self.store.find(query)


async def _refuse(
    context: Context, text: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
) -> NoReturn:
    await context.abort(code, text)


def _read(query: query_pb2.TraceQueryParameters, depth: int) -> Query:
    shortest = query.duration_min if query.HasField("duration_min") else None
    longest = query.duration_max if query.HasField("duration_max") else None
    return Query(
        depth=depth,
        service=query.service_name,
        operation=query.operation_name,
        tags=dict(query.attributes),
        start=_nanoseconds(query.start_time_min),
        end=_nanoseconds(query.start_time_max),
        shortest=_nanoseconds(shortest) if shortest else None,
        longest=_nanoseconds(longest) if longest else None,
    )


def _nanoseconds(time: Timestamp | Duration) -> int:
    return time.seconds * 1_000_000_000 + time.nanos


def summary(trace: TracesData) -> query_pb2.TraceSummary:
    """Return Jaeger's summary of a whole trace."""
    every = list(spans(trace))
    ids = {found.span.span_id for found in every}
    roots = [found for found in every if not found.span.parent_span_id]
    root = min(roots, key=lambda found: found.span.start_time_unix_nano, default=None)
    failing = [found for found in every if found.span.status.code == Status.STATUS_CODE_ERROR]
    count = Counter(service_name(found.resource) for found in every)
    errors = Counter(service_name(found.resource) for found in failing)
    return query_pb2.TraceSummary(
        trace_id=every[0].span.trace_id.hex().zfill(32),
        root_service_name=service_name(root.resource) if root else "",
        root_operation_name=root.span.name if root else "",
        min_start_time_unix_nano=min(found.span.start_time_unix_nano for found in every),
        max_end_time_unix_nano=max(found.span.end_time_unix_nano for found in every),
        span_count=len(every),
        error_span_count=len(failing),
        orphan_span_count=sum(
            found.span.parent_span_id not in ids for found in every if found.span.parent_span_id
        ),
        services=[
            query_pb2.ServiceSummary(name=name, span_count=spans, error_span_count=errors[name])
            for name, spans in sorted(count.items())
        ],
    )


def add_to(server: grpc.aio.Server, queries: QueryService) -> None:
    """Register span collection and queries on a server."""
    query_pb2_grpc.add_QueryServiceServicer_to_server(queries, server)
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(  # type: ignore[no-untyped-call]
        Collector(queries.store), server
    )
