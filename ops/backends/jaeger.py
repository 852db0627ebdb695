"""Jaeger's query service over gRPC: api_v3 from release 2.13 on, api_v2 of those before."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from enum import IntEnum
from functools import partial
from typing import TypeAlias, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message

from ops import timerange
from ops.backends.api_v2 import as_otlp, convert
from ops.backends.calls import Calls
from ops.backends.channels import Peer, open_channel, too_large, translated
from ops.backends.folding import Fold
from ops.backends.matching import SpanMatch, Tags, is_remark, not_understood
from ops.backends.queries import query, summary
from ops.backends.searching import LATE, Answer, FoundTraces, TraceSearch, Window, newest
from ops.backends.wire import read_trace
from ops.errors import NotFound
from ops.sites import JaegerSource, Site
from ops.traces.spans import Spans
from ops.traces.summaries import TraceSummary
from proto.jaeger.api_v2 import query_pb2 as v2
from proto.jaeger.api_v2 import query_pb2_grpc as v2_grpc
from proto.jaeger.api_v3 import query_pb2 as v3
from proto.jaeger.api_v3 import query_pb2_grpc as v3_grpc

A = TypeVar("A")
T = TypeVar("T")
Stream: TypeAlias = "grpc.aio.UnaryStreamCall[bytes, bytes]"
_V2 = v2.DESCRIPTOR.package
_V3 = v3.DESCRIPTOR.package
_MUCH_TO_FOLD = 1_000_000  # bytes from which folding takes more than some 5 ms
_MUCH_TO_READ = 100_000  # the same for reading spans with all they carry
_USER_ERRORS = (
    "malform trace ID",
    "search depth must be",
    "service name must be set",
    "cannot query for duration and tags",
    "inimum is above",
    "tart and End Time must be set",
)


class _Offer(IntEnum):
    """What a server offers; what has a higher number has those below as well."""

    API_V2 = 1
    API_V3 = 2
    SUMMARIES = 3


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
        self._offer = _Offer.SUMMARIES

    async def services(self) -> tuple[str, ...]:
        """Return the names of all services, sorted."""

        async def new() -> Iterable[str]:
            stub = v3_grpc.QueryServiceStub(self._open())
            answer = await stub.GetServices(v3.GetServicesRequest(), metadata=self._metadata)
            return answer.services

        async def old() -> Iterable[str]:
            stub = v2_grpc.QueryServiceStub(self._open())
            answer = await stub.GetServices(v2.GetServicesRequest(), metadata=self._metadata)
            return answer.services

        names = await self._read("services", partial(self._best, old, {_Offer.API_V3: new}))
        return tuple(sorted(set(names)))

    async def operations(self, service: str) -> tuple[str, ...]:
        """Return a service's distinct operation names, sorted; none for an unknown service."""

        async def new() -> set[str]:
            stub = v3_grpc.QueryServiceStub(self._open())
            request = v3.GetOperationsRequest(service=service)
            answer = await stub.GetOperations(request, metadata=self._metadata)
            return {operation.name for operation in answer.operations}

        async def old() -> set[str]:
            stub = v2_grpc.QueryServiceStub(self._open())
            request = v2.GetOperationsRequest(service=service)
            answer = await stub.GetOperations(request, metadata=self._metadata)
            return {operation.name for operation in answer.operations} | {*answer.operation_names}

        call = partial(self._best, old, {_Offer.API_V3: new})
        return tuple(sorted(await self._read(("operations", service), call)))

    async def trace(self, trace_id: str) -> Spans:
        """Return the spans of a trace; raises NotFound.

        The id is 1 to 32 hex digits in any case.
        """
        full_id = trace_id.lower().zfill(32)

        async def call() -> Spans | None:
            messages = await self._messages(full_id)
            try:
                return await self._read_trace(messages)
            except DecodeError:
                # Jaeger's memory storage does not wait for a trace that it is just adding to.
                return await self._read_trace(await self._messages(full_id))

        try:
            spans = await self._read(("trace", full_id), call)
        except NotFound:
            spans = None
        if not spans:
            raise NotFound(f"{self.peer.name} has no trace {trace_id}")
        return spans

    async def find(self, search: TraceSearch) -> FoundTraces:
        """Return the traces that match, the same to all who ask the same within a second."""
        live = search.end >= timerange.now_ns() - timerange.SECOND
        wide = _whole_seconds(search) if live else search
        late = 0 if live else LATE
        found = await self._read((wide, late), partial(self._find, wide, late))
        return found if wide.start == search.start else found.since(search.start)

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if self._channel is not None:
            await self._channel.close()

    async def _find(self, search: TraceSearch, late: int) -> FoundTraces:
        ours = self._remark(search) or (self._offer < _Offer.SUMMARIES and bool(self._ours(search)))
        window = Window(search.start, search.end + late, search.first_depth(ours))
        return await newest(search, window, partial(self._ask, search))

    async def _ask(self, search: TraceSearch, window: Window) -> Answer:
        """Make one call, the best that the server offers."""
        better = {_Offer.API_V3: partial(self._by_traces, search, window)}
        if not self._remark(search):
            summaries = partial(self._by_summaries, search, window)
            better = {_Offer.SUMMARIES: summaries, **better}
        return await self._best(partial(self._by_chunks, search, window), better)

    async def _by_summaries(self, search: TraceSearch, window: Window) -> Answer:
        asked = query(search, window, search.span_tags, self.source.tag_values)
        stub = v3_grpc.QueryServiceStub(self._open())
        request = v3.FindTraceSummariesRequest(query=asked)
        summaries: list[TraceSummary] = []
        size, largest = 0, self.source.largest_message
        stream = stub.FindTraceSummaries(request, metadata=self._metadata)
        try:
            async for chunk in stream:
                size += chunk.ByteSize()
                if size > largest:
                    raise too_large(self.peer, f"more than {largest // 1024**2} MiB for one search")
                summaries += map(summary, chunk.summaries)
        finally:
            stream.cancel()
        return Answer([each.start for each in summaries], summaries, by_status=True)

    async def _by_traces(self, search: TraceSearch, window: Window) -> Answer:
        fold = Fold(self._match(search))
        with self._stream(_V3, "FindTraces", self._request(search, window)) as messages:
            async for message in messages:
                await _off_loop(len(message) > _MUCH_TO_FOLD, fold.add, message)
        return fold.answer()

    async def _by_chunks(self, search: TraceSearch, window: Window) -> Answer:
        fold = Fold(self._match(search))
        with self._stream(_V2, "FindTraces", self._request(search, window)) as chunks:
            async for chunk in chunks:
                fold.take(convert([chunk]))
        return fold.answer()

    def _request(self, search: TraceSearch, window: Window) -> v3.FindTracesRequest:
        """Ask for what every server understands. On the wire it is the same in both versions."""
        ours = self._ours(search)
        theirs = tuple(tag for tag in search.span_tags if tag not in ours)
        return v3.FindTracesRequest(query=query(search, window, theirs, self.source.tag_values))

    def _match(self, search: TraceSearch) -> SpanMatch | None:
        """Return the test of spans that is ours where the server understands a part of the tags."""
        if not self._ours(search):
            return None
        return SpanMatch(
            search.service, search.operation, search.span_tags, search.span_min, search.span_max
        )

    def _ours(self, search: TraceSearch) -> Tags:
        """Return the tags that are ours to test in a search for whole traces."""
        return not_understood(search.span_tags, indexed=self._indexed)

    def _remark(self, search: TraceSearch) -> bool:
        """Tell whether no release can answer a search by itself, so that we need whole traces."""
        return not self._indexed and any(map(is_remark, search.span_tags))

    @property
    def _indexed(self) -> bool:
        return self.source.tag_values == "regex"

    async def _read_trace(self, messages: list[bytes]) -> Spans | None:
        return await _off_loop(sum(map(len, messages)) > _MUCH_TO_READ, read_trace, messages)

    async def _messages(self, trace_id: str) -> list[bytes]:
        """Return a trace as serialized TracesData messages; none or NotFound if it is unknown."""

        async def new() -> list[bytes]:
            # Raw, because Jaeger takes four times as long to look for clocks that differ, as we do
            # too, and 2.13 adjusts traces in its memory in place.
            request = v3.GetTraceRequest(trace_id=trace_id, raw_traces=True)
            return await self._collected(_V3, request)

        async def old() -> list[bytes]:
            request = v2.GetTraceRequest(trace_id=bytes.fromhex(trace_id), raw_traces=True)
            chunks = await self._collected(_V2, request)
            return await _off_loop(sum(map(len, chunks)) > _MUCH_TO_READ, as_otlp, chunks)

        return await self._best(old, {_Offer.API_V3: new})

    async def _collected(self, package: str, request: Message) -> list[bytes]:
        collected: list[bytes] = []
        size, largest = 0, self.source.largest_message
        with self._stream(package, "GetTrace", request) as messages:
            async for message in messages:
                size += len(message)
                if size > largest:
                    raise too_large(self.peer, f"more than {largest // 1024**2} MiB for one trace")
                collected.append(message)
        return collected

    @contextmanager
    def _stream(self, package: str, method: str, request: Message) -> Iterator[Stream]:
        """Call a method that streams; the messages come as they are on the wire.

        A call that is left amid it is ended: gRPC would keep it open, and its last message.
        """
        path = f"/{package}.QueryService/{method}"
        method_call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
        method_call = self._open().unary_stream(path)
        call = method_call(request.SerializeToString(), metadata=self._metadata)
        try:
            yield call
        finally:
            call.cancel()

    async def _best(
        self, last: Callable[[], Awaitable[T]], better: Mapping[_Offer, Callable[[], Awaitable[T]]]
    ) -> T:
        """Make the best call that the server offers; what it lacks is not tried again."""
        for needed, call in better.items():
            if needed <= self._offer:
                try:
                    return await call()
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                        raise
                    self._offer = _Offer(needed - 1)
        return await last()

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
        """Find out anew what the server offers whenever the connection was lost."""
        while True:
            state = channel.get_state()
            if state is not grpc.ChannelConnectivity.READY:
                self._offer = _Offer.SUMMARIES
            await channel.wait_for_state_change(state)


async def _off_loop(much: bool, work: Callable[[A], T], what: A) -> T:
    return await asyncio.to_thread(work, what) if much else work(what)


def _whole_seconds(search: TraceSearch) -> TraceSearch:
    """Widen a search that reaches up to the present to whole seconds.

    So everybody who watches asks the same for a second. What is past stays exact.
    """
    start = search.start // timerange.SECOND * timerange.SECOND
    return replace(search, start=start, end=-(-search.end // timerange.SECOND) * timerange.SECOND)
