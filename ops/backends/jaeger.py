"""Jaeger's query service over gRPC: api_v3 from release 2.13 on, api_v2 before that."""

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

from ops import metrics
from ops.backends.api_v2 import as_otlp, convert
from ops.backends.calls import Calls
from ops.backends.conditions import SpanMatch, Tags, is_remark, not_understood
from ops.backends.density import Densities, Density
from ops.backends.folding import Fold
from ops.backends.grpc_channels import Peer, open_channel, too_large, translated
from ops.backends.queries import query, summary
from ops.backends.searching import (
    Ask,
    FoundTrace,
    FoundTraces,
    Matches,
    NotKept,
    TraceSearch,
    Window,
    newest,
)
from ops.backends.slices import SETTLED, Slices
from ops.backends.wire import read_trace
from ops.caching import Shared
from ops.errors import NotFound
from ops.sites import JaegerSource, Site
from ops.vocabulary import timerange
from ops.vocabulary.spans import Spans
from proto.jaeger.api_v2 import query_pb2 as v2
from proto.jaeger.api_v2 import query_pb2_grpc as v2_grpc
from proto.jaeger.api_v3 import query_pb2 as v3
from proto.jaeger.api_v3 import query_pb2_grpc as v3_grpc

A = TypeVar("A")
T = TypeVar("T")
Stream: TypeAlias = "grpc.aio.UnaryStreamCall[bytes, bytes]"
_V2 = v2.DESCRIPTOR.package
_V3 = v3.DESCRIPTOR.package
_MUCH_TO_FOLD = 1_000_000  # bytes; folding more takes longer than about 5 ms
_MUCH_TO_READ = 100_000  # bytes; the same for reading full spans
_FEW_SPANS = 20_000  # traces with no more in total are read instead of their summaries
_FEW_TO_SHARE = 5_000  # spans; an answer with no more is shared for a second
_LONG = timerange.SECOND  # if a match is known less precisely, its time is looked up
_PATIENCE = 0.6  # of the timeout; then a search that has found something stops
_USER_ERRORS = (
    "malform trace ID",
    "search depth must be",
    "service name must be set",
    "cannot query for duration and tags",
    "inimum is above",
    "tart and End Time must be set",
)


class _Offer(IntEnum):
    """What a server offers; each level includes those below."""

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
        self._densities = Densities()
        self._slices = Slices()
        self._reads = Shared()

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

    async def trace(self, trace_id: str, newer_than: int = 0) -> Spans:
        """Return the spans of a trace, read after `newer_than`; raises NotFound.

        The ID is 1 to 32 hex digits in any case, `newer_than` Unix nanoseconds.
        """
        full_id = trace_id.lower().zfill(32)

        async def call() -> Spans | None:
            as_of = timerange.now_ns()
            messages = await self._messages(full_id)
            try:
                found = await self._read_trace(messages)
            except DecodeError:
                # Jaeger's memory storage may return a trace while it is still adding to it.
                found = await self._read_trace(await self._messages(full_id))
            return replace(found, as_of=as_of) if found else None

        try:
            spans = await self._read(("trace", full_id, newer_than), call)
        except NotFound:
            spans = None
        if not spans:
            raise NotFound(f"{self.peer.name} has no trace {trace_id}")
        return spans

    async def find(self, search: TraceSearch, *, settled: bool = False) -> FoundTraces:
        """Return the traces that match; identical searches within a second share the result.

        With `settled`, spans that arrived late may be missing: times more than a few seconds old
        are read once a minute.
        """
        if settled and (kept := await self._from_slices(search)) is not None:
            return kept
        live = search.end >= timerange.now_ns() - timerange.SECOND and search.before is None
        wide = _whole_seconds(search) if live else search
        found = await self._read((wide, settled), partial(self._find, wide, settled))
        return found if wide.start == search.start else found.since(search.start)

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if self._channel is not None:
            await self._channel.close()

    async def _from_slices(self, search: TraceSearch) -> FoundTraces | None:
        """Return what is found in cached slices; None if Jaeger must be asked."""

        async def look(window: Window) -> Matches:
            if (answer := self._slices.kept(search, window)) is None:
                raise NotKept
            return answer

        try:
            return await self._newest(search, look, settled=True)
        except NotKept:
            return None

    async def _find(self, search: TraceSearch, settled: bool) -> FoundTraces:
        density = self._density(search)
        return await self._newest(search, partial(self._ask, search, density), settled=settled)

    def _seldom(self, search: TraceSearch) -> bool:
        """Return whether few of the traces that Jaeger returns are expected to fit."""
        return search.of_whole_traces or bool(self._ours(search))

    def _density(self, search: TraceSearch) -> Density:
        seldom = self._seldom(search)
        return self._densities.of(search.shape, search.unfiltered_shape, seldom=seldom)

    async def _newest(self, search: TraceSearch, ask: Ask, *, settled: bool) -> FoundTraces:
        now = timerange.now_ns()
        found = await newest(
            search,
            ask,
            self._density(search),
            now=now,
            patience=self.source.timeout / timerange.SECOND * _PATIENCE,
            seldom=self._seldom(search),
            settled=now - SETTLED if settled else 0,
        )
        metrics.search_calls.observe(found.calls)
        return found

    async def _ask(self, search: TraceSearch, density: Density, window: Window) -> Matches:
        """Make the best call that the server offers; another if summaries are not enough."""
        whole = {_Offer.API_V3: partial(self._by_traces, search, density, window)}
        chunks = partial(self._by_chunks, search, window)
        few = density.spans_of(window.depth) <= _FEW_SPANS
        if self._remark(search) or (density.detailed and few):
            return await self._best(chunks, whole)
        summaries = partial(self._by_summaries, search, window)
        answer = await self._best(chunks, {_Offer.SUMMARIES: summaries, **whole})
        density.detailed = _lacks_detail(search, answer)
        cut = len(answer) >= window.depth
        if density.detailed and not cut and _spans(answer) <= _FEW_SPANS:
            return await self._best(chunks, whole)
        return answer

    async def _by_summaries(self, search: TraceSearch, window: Window) -> Matches:
        asked = query(search, window, search.span_tags, self.source.tag_values)
        stub = v3_grpc.QueryServiceStub(self._open())
        request = v3.FindTraceSummariesRequest(query=asked)
        found: list[FoundTrace] = []
        size, largest = 0, self.source.largest_message
        stream = stub.FindTraceSummaries(request, metadata=self._metadata)
        try:
            async for chunk in stream:
                size += chunk.ByteSize()
                if size > largest:
                    raise too_large(self.peer, f"more than {largest // 1024**2} MiB for one search")
                found += [FoundTrace(summary(item, window)) for item in chunk.summaries]
        finally:
            stream.cancel()
        return Matches(found, by_status=True)

    async def _by_traces(self, search: TraceSearch, density: Density, window: Window) -> Matches:
        spans = density.spans_of(window.depth)
        if window.grid and spans <= _FEW_SPANS:
            read = partial(self._whole_traces, every=True)
            if (answer := await self._slices.answer(search, window, read)) is not None:
                return answer
        if 0 < spans <= _FEW_TO_SHARE:
            return await self._by_shared_traces(search, window)
        return await self._whole_traces(search, window)

    async def _whole_traces(
        self, search: TraceSearch, window: Window, *, every: bool = False
    ) -> Matches:
        fold = self._fold(search, window, every=every)
        request = self._request(search, window)
        with self._stream(_V3, "FindTraces", request) as messages:
            async for message in messages:
                await _off_loop(len(message) > _MUCH_TO_FOLD, fold.add, message)
        # A server that searches for errors goes by the status.
        return replace(fold.answer(), by_status="error" in request.query.attributes)

    async def _by_shared_traces(self, search: TraceSearch, window: Window) -> Matches:
        """Read a few traces, once for all searches of that slice within a second.

        Searches for similar durations share the traces, and each tests them itself.
        """
        rough = search.roughly(window.start, search.end)
        read = partial(self._whole_traces, rough, window)
        return (await self._reads.answer((rough, window), read)).refined(search)

    async def _by_chunks(self, search: TraceSearch, window: Window) -> Matches:
        fold = self._fold(search, window)
        with self._stream(_V2, "FindTraces", self._request(search, window)) as chunks:
            async for chunk in chunks:
                fold.take(convert([chunk]))
        return fold.answer()

    def _fold(self, search: TraceSearch, window: Window, *, every: bool = False) -> Fold:
        match = SpanMatch(
            search.service, search.operation, search.span_tags, search.span_min, search.span_max
        )
        return Fold(search, window, match, ours=bool(self._ours(search)), every=every)

    def _request(self, search: TraceSearch, window: Window) -> v3.FindTracesRequest:
        """Request what the server understands; the encoding is the same in both versions."""
        ours = self._ours(search)
        theirs = tuple(tag for tag in search.span_tags if tag not in ours)
        return v3.FindTracesRequest(query=query(search, window, theirs, self.source.tag_values))

    def _ours(self, search: TraceSearch) -> Tags:
        """Return the tags that we test ourselves.

        A server that has summaries understands all but a remark. For a remark we request whole
        traces, which does not show whether it has summaries, so we assume that it has none.
        """
        ours = not_understood(search.span_tags, indexed=self._indexed)
        understood = self._offer is _Offer.SUMMARIES and not self._remark(search)
        return () if understood else ours

    def _remark(self, search: TraceSearch) -> bool:
        """Return whether no release can answer a search itself, so that we need whole traces."""
        return not self._indexed and any(map(is_remark, search.span_tags))

    @property
    def _indexed(self) -> bool:
        return self.source.tag_values == "regex"

    async def _read_trace(self, messages: list[bytes]) -> Spans | None:
        return await _off_loop(sum(map(len, messages)) > _MUCH_TO_READ, read_trace, messages)

    async def _messages(self, trace_id: str) -> list[bytes]:
        """Return a trace as serialized TracesData messages; none or NotFound if it is unknown."""

        async def new() -> list[bytes]:
            # Raw, because aligning clocks, which we do ourselves, takes Jaeger four times as long,
            # and 2.13 changes the traces in its memory.
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
        """Call a streaming method; its messages are yielded serialized.

        A call that is left early is cancelled; gRPC would keep it open, with its last message.
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
        """Make the best call that the server offers; remember what it lacks."""
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
        """Forget what the server lacks whenever the connection is lost."""
        while True:
            state = channel.get_state()
            if state is not grpc.ChannelConnectivity.READY:
                self._offer = _Offer.SUMMARIES
            await channel.wait_for_state_change(state)


async def _off_loop(much: bool, work: Callable[[A], T], what: A) -> T:
    return await asyncio.to_thread(work, what) if much else work(what)


def _whole_seconds(search: TraceSearch) -> TraceSearch:
    """Widen a search up to the present to whole seconds.

    So everyone who watches sends the same search for a second. Searches of the past stay exact.
    """
    start = search.start // timerange.SECOND * timerange.SECOND
    return replace(search, start=start, end=-(-search.end // timerange.SECOND) * timerange.SECOND)


def _lacks_detail(search: TraceSearch, answer: Matches) -> bool:
    """Return whether to read whole traces for what summaries do not show.

    That is where to cut a list, when a long trace matched, and why one failed.
    """
    before = search.before
    return len(answer) > search.limit or any(
        each.trace.matched - each.trace.matched_from >= _LONG
        or (before is not None and each.trace.matched >= before.time)
        or (each.trace.error_count and not each.trace.error)
        for each in answer.traces
    )


def _spans(answer: Matches) -> int:
    return sum(each.trace.span_count for each in answer.traces)
