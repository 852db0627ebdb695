"""A Jaeger on port 0 that behaves like release 1.x, 2.13, 2.20 or main; a way to write its traces.

Like the real one, it sends one whole trace per message, names in random order, and a random
choice if more traces match than the depth. It requires times and a depth. 2.13 has no summaries
and no `error`; an unknown trace is an empty stream or, on main, NOT_FOUND. With a tenant header,
not even health checks are answered without one. Release 1.x has api_v2 only, see
tests.fakes.jaeger_v2.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import grpc
import grpc.aio
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, TracesData

from ops.sampling import measuring
from opsportal.demo import jaeger
from opsportal.demo.running import OPTIONS, add_health
from opsportal.demo.store import (
    KINDS,
    Query,
    StoredSpan,
    TagTest,
    TraceStore,
    has_attribute,
    has_tag,
)
from proto.jaeger.api_v3 import query_pb2
from tests.fakes import jaeger_v2
from tests.fakes.jaeger_v2 import any_of

Release = Literal["1.x", "2.13", "2.20", "main"]
RELEASES: tuple[Release, ...] = get_args(Release)
# For tests of listings: a Jaeger without summaries, and one with them.
LISTING = {"FindTraces", "FindTraceSummaries"}
EITHER_JAEGER = pytest.mark.parametrize("release", ["2.13", "2.20"])
# For tests of something else that also list traces.
ANY_JAEGER = pytest.mark.parametrize("release", ["2.20"])
Context = grpc.aio.ServicerContext[Any, Any]
MILLISECOND = 1_000_000
PATIENCE = 60  # seconds, within which everything happens unless it never does
_ids = itertools.count(0x5EED_0001)


@dataclass(frozen=True)
class Call:
    """A call that arrived: the method's bare name and its request."""

    method: str
    request: Any
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class _Fault:
    """What to do instead of answering, or `after` that many messages; no code means hang."""

    method: str
    code: grpc.StatusCode | None
    text: str
    after: int


class FakeJaeger:
    """A Jaeger with the traces in `store`; `cancelled` has the methods that clients cancelled.

    `calls` has the calls that arrived, `unknown` the paths of those without a method. It takes
    `seconds` to answer each call.

    With `tenant_header`, only calls from one of `tenants` are answered. `credentials` make it
    use TLS.
    """

    def __init__(
        self,
        release: Release = "2.20",
        *,
        tenant_header: str = "",
        tenants: Sequence[str] = (),
        credentials: grpc.ServerCredentials | None = None,
        limit: int = 100_000,
    ) -> None:
        self.release = release
        self.store = TraceStore(limit, _TAG_TESTS[release])
        self.tenant_header = tenant_header
        self.tenants = tenants
        self.calls: list[Call] = []
        self.cancelled: list[str] = []
        self.unknown: list[str] = []
        self.address = ""
        self.seconds = 0.0
        self._credentials = credentials
        self._fault: _Fault | None = None
        self._news = asyncio.Event()

    def add(self, *traces: TracesData) -> str:
        """Store traces (see `trace`); returns the last one's ID."""
        for each in traces:
            self.store.add(each.resource_spans)
        return traces[-1].resource_spans[0].scope_spans[0].spans[0].trace_id.hex()

    def fail(
        self, code: grpc.StatusCode, text: str = "", *, method: str = "", after: int = 0
    ) -> None:
        """End calls (of one method) with this status, after that many messages."""
        self._fault = _Fault(method, code, text, after)

    def hang(self, *, method: str = "", after: int = 0) -> None:
        """Let calls (of one method) wait until they are cancelled, after that many messages."""
        self._fault = _Fault(method, None, "", after)

    def recover(self) -> None:
        """Answer all calls from now on."""
        self._fault = None

    def methods(self) -> list[str]:
        """Return the names of the calls so far."""
        return [call.method for call in self.calls]

    def lists(self) -> bool:
        """Return whether anybody has listed traces, not only measured them."""
        return any(
            call.method in LISTING and call.request.query.search_depth != measuring.MOST
            for call in self.calls
        )

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition about `calls` or `cancelled` holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def start(self, address: str = "127.0.0.1:0") -> Self:
        """Listen; a fake that was stopped can be started again on its old `address`."""
        self._server = grpc.aio.server(interceptors=[_Door(self)], options=OPTIONS)
        if self.release == "1.x":
            await jaeger_v2.add_to(self._server, self.store)
        else:
            jaeger.add_to(self._server, _QUERIES[self.release](self.store))
            await add_health(self._server, jaeger.QUERY_SERVICE)
        if self._credentials:
            port = self._server.add_secure_port(address, self._credentials)
        else:
            port = self._server.add_insecure_port(address)
        self.address = f"127.0.0.1:{port}"
        await self._server.start()
        return self

    async def stop(self) -> None:
        await self._server.stop(None)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def meet(self, method: str, sent: int, context: Context) -> None:
        """Let the set fault happen if it is due after `sent` messages."""
        fault = self._fault
        if fault and fault.method in ("", method) and sent >= fault.after:
            if fault.code is not None:
                await context.abort(fault.code, fault.text)
            await asyncio.Event().wait()

    async def admit(self, call: Call, context: Context) -> None:
        """Note a call, and refuse it if it has no known tenant."""
        self.calls.append(call)
        self._news.set()
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if not self.tenant_header:
            return
        tenant = call.metadata.get(self.tenant_header)
        if tenant is None:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "missing tenant header")
        if self.tenants and tenant not in self.tenants:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "unknown tenant")

    def gave_up(self, method: str) -> None:
        """Note that a client cancelled its call."""
        self.cancelled.append(method)
        self._news.set()


class _Door(grpc.aio.ServerInterceptor):
    """Pass every call through the fake's `admit` and `meet`, and note cancelled ones."""

    def __init__(self, fake: FakeJaeger) -> None:
        self.fake = fake

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method.rpartition("/")[2]
        metadata = dict(handler_call_details.invocation_metadata)
        if handler is None:
            self.fake.unknown.append(handler_call_details.method)
            return None
        if handler.request_streaming:
            return handler
        codecs = handler.request_deserializer, handler.response_serializer
        if handler.unary_unary:
            answer = self._one(method, metadata, handler.unary_unary)
            return grpc.unary_unary_rpc_method_handler(answer, *codecs)
        answer = self._many(method, metadata, handler.unary_stream)
        return grpc.unary_stream_rpc_method_handler(answer, *codecs)

    def _one(self, method: str, metadata: Mapping[str, str], inner: Any) -> Any:
        async def answer(request: Any, context: Context) -> Any:
            with self._watched(method):
                await self.fake.admit(Call(method, request, metadata), context)
                await self.fake.meet(method, 0, context)
                return await inner(request, context)

        return answer

    def _many(self, method: str, metadata: Mapping[str, str], inner: Any) -> Any:
        async def answer(request: Any, context: Context) -> AsyncIterator[Any]:
            with self._watched(method):
                await self.fake.admit(Call(method, request, metadata), context)
                sent = 0
                async for message in inner(request, context):
                    await self.fake.meet(method, sent, context)
                    yield message
                    sent += 1
                await self.fake.meet(method, sent, context)

        return answer

    @contextmanager
    def _watched(self, method: str) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            self.fake.gave_up(method)
            raise


class _Queries20(jaeger.QueryService):
    """Release 2.20, in no order: Jaeger guarantees none, nor which traces a limit leaves."""

    def found(self, query: Query) -> list[TracesData]:
        return any_of(self.store, query)


class _Queries13(_Queries20):
    """Release 2.13 has no summaries."""

    async def FindTraceSummaries(  # noqa: N802
        self, request: query_pb2.FindTraceSummariesRequest, context: Context
    ) -> AsyncIterator[query_pb2.FindTraceSummariesResponse]:
        text = f"unknown method FindTraceSummaries for service {jaeger.QUERY_SERVICE}"
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, text)
        yield query_pb2.FindTraceSummariesResponse()


class _QueriesMain(_Queries20):
    """The main branch defaults to a depth of 100 and answers NOT_FOUND for an unknown trace."""

    def depth(self, query: query_pb2.TraceQueryParameters) -> int:
        return query.search_depth or 100

    async def GetTrace(  # noqa: N802
        self, request: query_pb2.GetTraceRequest, context: Context
    ) -> AsyncIterator[TracesData]:
        empty = True
        async for message in super().GetTrace(request, context):
            empty = False
            yield message
        if empty:
            await context.abort(grpc.StatusCode.NOT_FOUND, "trace not found")


def _has_tag_13(found: StoredSpan, key: str, value: str) -> bool:
    """Release 2.13 reads any text of `error` as false, so the status must be OK."""
    if key == "error":
        return found.span.status.code == trace_pb2.Status.STATUS_CODE_OK
    return has_attribute(found, key, value)


def _has_tag_main(found: StoredSpan, key: str, value: str) -> bool:
    """On main, `error=false` means every status except ERROR."""
    if key == "error" and value.lower() in ("false", "0", "f"):
        return not has_tag(found, "error", "true")
    return has_tag(found, key, value)


_QUERIES: dict[Release, type[jaeger.QueryService]] = {
    "2.13": _Queries13,
    "2.20": _Queries20,
    "main": _QueriesMain,
}
_TAG_TESTS: dict[Release, TagTest] = {
    "1.x": has_attribute,
    "2.13": _has_tag_13,
    "2.20": has_tag,
    "main": _has_tag_main,
}


@dataclass(frozen=True)
class Planned:
    """A span to create, see `span`."""

    service: str
    operation: str
    children: Sequence["Planned"]
    message: str | None
    start: int | None
    duration: int
    kind: str
    tags: Mapping[str, Any]
    events: Sequence[tuple[str, Mapping[str, Any]]]
    links: Sequence[tuple[str, str]]
    resource: Mapping[str, Any]
    warnings: Sequence[str]
    span_id: str
    parent_id: str


def span(
    service: str,
    operation: str,
    *,
    children: Sequence[Planned] = (),
    error: str | None = None,
    start: int | None = None,
    duration: int = 10 * MILLISECOND,
    kind: str = "internal",
    tags: Mapping[str, Any] | None = None,
    events: Sequence[tuple[str, Mapping[str, Any]]] = (),
    links: Sequence[tuple[str, str]] = (),
    resource: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
    span_id: str = "",
    parent_id: str = "",
) -> Planned:
    """Plan a span, for `trace`.

    `error` is its status message ("" for an error without one), `start` Unix nanoseconds (now,
    or a millisecond after the parent's), `duration` nanoseconds, `events` pairs of name and
    attributes (a millisecond apart), `links` pairs of trace and span ID. `parent_id` makes it
    the child of a missing span.
    """
    return Planned(
        service=service,
        operation=operation,
        children=children,
        message=error,
        start=start,
        duration=duration,
        kind=kind,
        tags=tags or {},
        events=events,
        links=links,
        resource=resource or {},
        warnings=warnings,
        span_id=span_id or f"{next(_ids):016x}",
        parent_id=parent_id,
    )


def trace(*roots: Planned, trace_id: str = "") -> TracesData:
    """Return a trace of these spans and all below them, children first because they end first."""
    made = TracesData()
    number = bytes.fromhex((trace_id or f"{next(_ids):x}").zfill(32))
    places: dict[bytes, ScopeSpans] = {}
    for root in roots:
        for each, start, parent_id in _flat(root, root.start or time.time_ns(), root.parent_id):
            attributes = {"service.name": each.service, **each.resource}
            resource = Resource(attributes=_key_values(attributes))
            key = resource.SerializeToString(deterministic=True)
            if key not in places:
                places[key] = made.resource_spans.add(resource=resource).scope_spans.add()
            places[key].spans.append(_made(each, number, start, parent_id))
    return made


def _flat(planned: Planned, start: int, parent_id: str) -> Iterator[tuple[Planned, int, str]]:
    for child in planned.children:
        yield from _flat(child, child.start or start + MILLISECOND, planned.span_id)
    yield planned, start, parent_id


def _made(planned: Planned, trace_id: bytes, start: int, parent_id: str) -> trace_pb2.Span:
    warnings = {"@jaeger@warnings": list(planned.warnings)} if planned.warnings else {}
    made = trace_pb2.Span(
        trace_id=trace_id,
        span_id=bytes.fromhex(planned.span_id),
        parent_span_id=bytes.fromhex(parent_id),
        name=planned.operation,
        kind=_KIND_NUMBERS[planned.kind],
        start_time_unix_nano=start,
        end_time_unix_nano=start + planned.duration,
        attributes=_key_values({**planned.tags, **warnings}),
    )
    for number, (name, attributes) in enumerate(planned.events):
        at = start + number * MILLISECOND
        made.events.add(time_unix_nano=at, name=name, attributes=_key_values(attributes))
    for linked_trace, linked_span in planned.links:
        made.links.add(trace_id=bytes.fromhex(linked_trace), span_id=bytes.fromhex(linked_span))
    if planned.message is not None:
        made.status.code = trace_pb2.Status.STATUS_CODE_ERROR
        made.status.message = planned.message
    return made


def _key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _value(value: Any) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=_key_values(value)))
    return AnyValue(string_value=value)


_KIND_NUMBERS = {name: number for number, name in KINDS.items()}
