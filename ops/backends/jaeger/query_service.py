"""Calls to Jaeger's query service over one channel: the best that this server offers.

What a server offers is found out by trying, because Jaeger has no call that says its release:

    SUMMARIES   api_v3 with FindTraceSummaries     2.19 and later
        │ UNIMPLEMENTED
        v
    API_V3      api_v3: traces in OTLP             2.13 and later
        │ UNIMPLEMENTED
        v
    API_V2      api_v2: traces in Jaeger's model   every release

    connection lost ──> SUMMARIES again, because the server may come back upgraded

The channel is opened by the first call and stays; gRPC itself reconnects.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import IntEnum
from typing import TypeAlias, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from ops.backends.error_texts import REFUSED_BY_JAEGER
from ops.backends.grpc_channels import Peer, open_channel
from ops.backends.grpc_errors import too_large, translated
from ops.backends.jaeger.api_v2 import as_otlp
from ops.sites import JaegerSource
from proto.jaeger.api_v2 import query_pb2 as v2
from proto.jaeger.api_v2 import query_pb2_grpc as v2_grpc
from proto.jaeger.api_v3 import query_pb2 as v3
from proto.jaeger.api_v3 import query_pb2_grpc as v3_grpc

A = TypeVar("A")
T = TypeVar("T")
Call: TypeAlias = Callable[[], Awaitable[T]]
Stream: TypeAlias = "grpc.aio.UnaryStreamCall[bytes, bytes]"
V2 = v2.DESCRIPTOR.package
V3 = v3.DESCRIPTOR.package
MUCH_TO_READ = 100_000  # bytes; reading more full spans takes longer than about 5 ms


class Api(IntEnum):
    """What a server offers; each level includes those below."""

    V2 = 1
    V3 = 2
    SUMMARIES = 3


class QueryService:
    """One server. Methods raise gRPC's errors; inside `translated` they become sentences."""

    def __init__(self, peer: Peer, source: JaegerSource) -> None:
        self.peer = peer
        self.api = Api.SUMMARIES
        self.confirmed = False  # whether a call of that level has succeeded
        self.metadata = tuple(source.headers.items())
        self._source = source
        self._channel: grpc.aio.Channel | None = None
        self._watching: asyncio.Task[None] | None = None

    def translated(self) -> AbstractContextManager[None]:
        """Turn every error of a call into an OpsError."""
        return translated(self.peer, REFUSED_BY_JAEGER)

    async def services(self) -> Iterable[str]:
        """Return the names of all services."""

        async def new() -> Iterable[str]:
            stub = v3_grpc.QueryServiceStub(self.channel())
            answer = await stub.GetServices(v3.GetServicesRequest(), metadata=self.metadata)
            return answer.services

        async def old() -> Iterable[str]:
            stub = v2_grpc.QueryServiceStub(self.channel())
            answer = await stub.GetServices(v2.GetServicesRequest(), metadata=self.metadata)
            return answer.services

        return await self.best(old, {Api.V3: new})

    async def operations(self, service: str) -> set[str]:
        """Return the names of a service's operations; none if the service is unknown."""

        async def new() -> set[str]:
            stub = v3_grpc.QueryServiceStub(self.channel())
            request = v3.GetOperationsRequest(service=service)
            answer = await stub.GetOperations(request, metadata=self.metadata)
            return {operation.name for operation in answer.operations}

        async def old() -> set[str]:
            stub = v2_grpc.QueryServiceStub(self.channel())
            request = v2.GetOperationsRequest(service=service)
            answer = await stub.GetOperations(request, metadata=self.metadata)
            # Old releases fill only the second field.
            return {operation.name for operation in answer.operations} | {*answer.operation_names}

        return await self.best(old, {Api.V3: new})

    async def trace(self, trace_id: str) -> list[bytes]:
        """Return a trace as serialized TracesData messages; none or NOT_FOUND if it is unknown."""

        async def new() -> list[bytes]:
            # Raw, because aligning clocks, which we do ourselves, takes Jaeger four times as long,
            # and 2.13 changes the traces in its memory.
            request = v3.GetTraceRequest(trace_id=trace_id, raw_traces=True)
            return await self._collected(V3, request)

        async def old() -> list[bytes]:
            request = v2.GetTraceRequest(trace_id=bytes.fromhex(trace_id), raw_traces=True)
            chunks = await self._collected(V2, request)
            return await off_loop(sum(map(len, chunks)) > MUCH_TO_READ, as_otlp, chunks)

        return await self.best(old, {Api.V3: new})

    async def _collected(self, package: str, request: Message) -> list[bytes]:
        collected: list[bytes] = []
        size, largest = 0, self._source.largest_message
        with self.stream(package, "GetTrace", request) as messages:
            async for message in messages:
                size += len(message)
                # gRPC limits a message only, and the stream may have any number of them.
                if size > largest:
                    raise too_large(self.peer, f"more than {largest // 1024**2} MiB for one trace")
                collected.append(message)
        return collected

    @contextmanager
    def stream(self, package: str, method: str, request: Message) -> Iterator[Stream]:
        """Call a streaming method; its messages are yielded serialized.

        A call that is left early is cancelled; gRPC would keep it open, with its last message.
        """
        path = f"/{package}.QueryService/{method}"
        method_call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
        method_call = self.channel().unary_stream(path)
        call = method_call(request.SerializeToString(), metadata=self.metadata)
        try:
            yield call
        finally:
            call.cancel()

    async def best(self, last: Call[T], better: Mapping[Api, Call[T]]) -> T:
        """Make the best call that the server offers; remember what it lacks."""
        for needed, call in better.items():
            if needed <= self.api:  # else it is known to be missing
                try:
                    answer = await call()
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                        raise
                    self.api, self.confirmed = Api(needed - 1), False
                else:
                    self.confirmed |= needed is self.api
                    return answer
        return await last()

    def channel(self) -> grpc.aio.Channel:
        """Return the open channel."""
        if self._channel is None:
            source = self._source
            self._channel = open_channel(source.address, source.tls, source.largest_message)
            self._watching = asyncio.create_task(self._watch(self._channel))
        return self._channel

    async def _watch(self, channel: grpc.aio.Channel) -> None:
        """Forget what the server lacks whenever the connection is lost."""
        was_lost = False
        while True:
            state = channel.get_state()
            if was_lost or state is not grpc.ChannelConnectivity.READY:
                self.api, self.confirmed = Api.SUMMARIES, False
            await channel.wait_for_state_change(state)
            # On a busy machine it may be there again before we look.
            was_lost = state is grpc.ChannelConnectivity.READY

    async def close(self) -> None:
        """Close the channel and end every call."""
        if self._watching is not None:
            self._watching.cancel()
        if self._channel is not None:
            await self._channel.close()


async def off_loop(much: bool, work: Callable[[A], T], what: A) -> T:
    """Do the work in a thread if it is much, so that it does not hold up the event loop."""
    return await asyncio.to_thread(work, what) if much else work(what)
