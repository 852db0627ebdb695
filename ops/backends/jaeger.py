"""Jaeger's query service, api_v3 over gRPC, from release 2.13 on."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from ops import timerange
from ops.backends.calls import Calls
from ops.backends.channels import Peer, open_channel, translated
from ops.backends.folding import Fold
from ops.backends.matching import SpanMatch, Tags, not_understood
from ops.backends.wire import read_trace
from ops.errors import NotFound
from ops.filters import LARGEST_LIMIT
from ops.sites import JaegerSource, Site
from ops.traces.spans import Spans
from ops.traces.summaries import TraceSummary
from proto.jaeger.api_v3 import query_pb2, query_pb2_grpc

A = TypeVar("A")
T = TypeVar("T")
_MUCH_TO_FOLD = 1_000_000  # bytes from which folding takes more than some 5 ms
_MUCH_TO_READ = 100_000  # the same for reading spans with all they carry
_WIDER = 8  # times the limit is asked for first when part of the filtering is ours
_LONGEST = 10 * 365 * timerange.DAY
_LUCENE = re.compile(r'[.?+*|{}\[\]()"\\#@&<>~]')
_USER_ERRORS = (
    "malform trace ID",
    "search depth must be",
    "service name must be set",
    "cannot query for duration and tags",
    "inimum is above",
    "tart and End Time must be set",
)


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """What to search for; all times in nanoseconds, 0 and "" mean any.

    `start` and `end` bound the spans' start, `span_min` and `span_max` one span's duration,
    `trace_min` and `trace_max` the whole trace's. All but the latter must hold on one span.
    """

    start: int
    end: int
    limit: int
    service: str = ""
    operation: str = ""
    tags: Tags = ()
    span_min: int = 0
    span_max: int = 0
    trace_min: int = 0
    trace_max: int = 0


@dataclass(frozen=True, slots=True)
class FoundTraces:
    """What a search found: newest first, ties by id, no more than its limit.

    `fetched` is how many traces were looked at; `more` that there may be others.
    """

    summaries: tuple[TraceSummary, ...]
    fetched: int
    more: bool


class Jaeger:
    """The trace store of a site.

    Methods raise InvalidInput, BackendTimeout or BackendUnavailable.
    """

    def __init__(self, site: Site, source: JaegerSource) -> None:
        self.source = source
        self.peer = Peer(
            f"Jaeger of {site.name}",
            source.address,
            port="Jaeger's gRPC port, usually 16685 (16686 is its web page)",
            table=f"[sites.{site.name}.jaeger]",
            tls=source.tls is not None,
        )
        self._calls = Calls("jaeger", self.peer.name, self.peer.place, source.timeout)
        self._metadata = tuple(source.headers.items())
        self._channel: grpc.aio.Channel | None = None
        self._watching: asyncio.Task[None] | None = None
        self._has_summaries: bool | None = None

    async def services(self) -> tuple[str, ...]:
        """Return the names of all services, sorted."""

        async def call() -> tuple[str, ...]:
            stub = query_pb2_grpc.QueryServiceStub(self._open())
            request = query_pb2.GetServicesRequest()
            answer = await stub.GetServices(request, metadata=self._metadata)
            return tuple(sorted(set(answer.services)))

        return await self._read("services", call)

    async def operations(self, service: str) -> tuple[str, ...]:
        """Return a service's distinct operation names, sorted; none for an unknown service."""

        async def call() -> tuple[str, ...]:
            stub = query_pb2_grpc.QueryServiceStub(self._open())
            request = query_pb2.GetOperationsRequest(service=service)
            answer = await stub.GetOperations(request, metadata=self._metadata)
            return tuple(sorted({operation.name for operation in answer.operations}))

        return await self._read(("operations", service), call)

    async def trace(self, trace_id: str) -> Spans:
        """Return the spans of a trace; raises NotFound.

        The id is 1 to 32 hex digits in any case.
        """
        full_id = trace_id.lower().zfill(32)

        async def call() -> Spans | None:
            # Raw, because Jaeger takes four times as long to look for clocks that differ, as we do
            # too, and 2.13 adjusts traces in its memory in place.
            request = query_pb2.GetTraceRequest(trace_id=full_id, raw_traces=True)
            messages = [message async for message in self._stream("GetTrace", request)]
            return await _off_loop(sum(map(len, messages)) > _MUCH_TO_READ, read_trace, messages)

        try:
            spans = await self._read(("trace", full_id), call)
        except NotFound:
            spans = None
        if not spans:
            raise NotFound(f"{self.peer.name} has no trace {trace_id}")
        return spans

    async def find(self, search: TraceSearch) -> FoundTraces:
        """Return the traces that match, the same to all who ask the same within a second."""
        wide = _whole_seconds(search, timerange.now_ns())
        found = await self._read(wide, partial(self._find, wide))
        if wide.start == search.start:
            return found
        inside = (
            trace for trace in found.summaries if trace.start + trace.duration >= search.start
        )
        return replace(found, summaries=tuple(inside))

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if self._channel is not None:
            await self._channel.close()

    async def _find(self, search: TraceSearch) -> FoundTraces:
        """Ask, and ask again for the most there is when too few pass what we test ourselves."""
        depth = self._first_depth(search)
        while True:
            summaries, fetched = await self._fetch(search, depth)
            fits = [trace for trace in summaries if _fits(trace, search)]
            if len(fits) >= search.limit or fetched < depth or depth == LARGEST_LIMIT:
                break
            depth = LARGEST_LIMIT
        fits.sort(key=lambda trace: (-trace.start, trace.trace_id))
        more = fetched >= depth or len(fits) > search.limit
        return FoundTraces(tuple(fits[: search.limit]), fetched, more)

    def _first_depth(self, search: TraceSearch) -> int:
        partly_ours = bool(search.trace_min or search.trace_max)
        if self._has_summaries is False:
            partly_ours = partly_ours or bool(not_understood(search.tags))
        return min(search.limit * _WIDER, LARGEST_LIMIT) if partly_ours else search.limit

    async def _fetch(self, search: TraceSearch, depth: int) -> tuple[Iterable[TraceSummary], int]:
        """Return summaries and how many traces were looked at, by the best call there is."""
        if self._has_summaries is not False:
            try:
                found = await self._fetch_summaries(search, depth)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
                self._has_summaries = False
            else:
                self._has_summaries = True
                return found, len(found)
        return await self._fetch_traces(search, depth)

    async def _fetch_summaries(self, search: TraceSearch, depth: int) -> list[TraceSummary]:
        query = self._query(search, search.tags, depth)
        request = query_pb2.FindTraceSummariesRequest(query=query)
        stub = query_pb2_grpc.QueryServiceStub(self._open())
        stream = stub.FindTraceSummaries(request, metadata=self._metadata)
        return [_summary(item) async for chunk in stream for item in chunk.summaries]

    async def _fetch_traces(
        self, search: TraceSearch, depth: int
    ) -> tuple[Iterable[TraceSummary], int]:
        ours = not_understood(search.tags)
        theirs = tuple(tag for tag in search.tags if tag not in ours)
        fold = Fold(_match(search) if ours else None)
        request = query_pb2.FindTracesRequest(query=self._query(search, theirs, depth))
        async for message in self._stream("FindTraces", request):
            await _off_loop(len(message) > _MUCH_TO_FOLD, fold.add, message)
        return fold.summaries(), len(fold)

    def _query(self, search: TraceSearch, tags: Tags, depth: int) -> query_pb2.TraceQueryParameters:
        longest = search.span_max
        if search.span_min and not longest:
            # Elasticsearch takes a missing maximum for 24 hours.
            longest = max(_LONGEST, search.span_min)
        return query_pb2.TraceQueryParameters(
            service_name=search.service,
            operation_name=search.operation,
            attributes={key: self._tag_value(value) for key, value in tags},
            start_time_min=_timestamp(search.start),
            start_time_max=_timestamp(search.end),
            duration_min=_duration(search.span_min),
            duration_max=_duration(longest),
            search_depth=depth,
            # Summaries need no adjusted spans; and Jaeger 2.13 adjusts the traces of its memory
            # storage in place: searches at the same time that overlap bring it down.
            raw_traces=True,
        )

    def _tag_value(self, value: str) -> str:
        return _LUCENE.sub(r"\\\g<0>", value) if self.source.tag_values == "regex" else value

    def _stream(self, method: str, request: Message) -> AsyncIterator[bytes]:
        """Call a method that streams TracesData; the messages come as they are on the wire."""
        path = f"/{query_pb2.DESCRIPTOR.package}.QueryService/{method}"
        call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._open().unary_stream(path)
        return aiter(call(request.SerializeToString(), metadata=self._metadata))

    async def _read(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        async def translated_call() -> T:
            with translated(self.peer, _USER_ERRORS):
                return await call()

        return await self._calls.read(key, translated_call)

    def _open(self) -> grpc.aio.Channel:
        if self._channel is None:
            source = self.source
            self._channel = open_channel(source.address, source.tls, source.largest_message)
            self._watching = asyncio.create_task(self._watch(self._channel))
        return self._channel

    async def _watch(self, channel: grpc.aio.Channel) -> None:
        """Find out anew what the server can do whenever the connection was lost."""
        while True:
            state = channel.get_state()
            if state is not grpc.ChannelConnectivity.READY:
                self._has_summaries = None
            await channel.wait_for_state_change(state)


async def _off_loop(much: bool, work: Callable[[A], T], what: A) -> T:
    return await asyncio.to_thread(work, what) if much else work(what)


def _whole_seconds(search: TraceSearch, now: int) -> TraceSearch:
    """Widen a search that reaches up to the present to whole seconds.

    So everybody who watches asks the same for a second. What is past stays exact.
    """
    if search.end < now - timerange.SECOND:
        return search
    start = search.start // timerange.SECOND * timerange.SECOND
    return replace(search, start=start, end=-(-search.end // timerange.SECOND) * timerange.SECOND)


def _fits(trace: TraceSummary, search: TraceSearch) -> bool:
    return trace.duration >= search.trace_min and (
        not search.trace_max or trace.duration <= search.trace_max
    )


def _match(search: TraceSearch) -> SpanMatch:
    return SpanMatch(
        search.service, search.operation, search.tags, search.span_min, search.span_max
    )


def _summary(found: query_pb2.TraceSummary) -> TraceSummary:
    start = found.min_start_time_unix_nano
    return TraceSummary(
        trace_id=found.trace_id.lower().zfill(32),
        start=start,
        duration=max(found.max_end_time_unix_nano - start, 0),
        service=found.root_service_name,
        operation=found.root_operation_name,
        span_count=found.span_count,
        error_count=found.error_span_count,
        services=tuple(sorted(service.name for service in found.services)),
    )


def _timestamp(nanoseconds: int) -> Timestamp:
    seconds, nanos = divmod(nanoseconds, timerange.SECOND)
    return Timestamp(seconds=seconds, nanos=nanos)


def _duration(nanoseconds: int) -> Duration | None:
    seconds, nanos = divmod(nanoseconds, timerange.SECOND)
    return Duration(seconds=seconds, nanos=nanos) if nanoseconds else None
