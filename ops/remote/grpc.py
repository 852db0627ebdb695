"""Jaeger's remote sampling over gRPC: `jaeger.api_v2.SamplingManager`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from ops.remote.agents import Peer
from ops.remote.keys import Refused
from ops.remote.site import RemoteSite
from ops.sampling.revisions import InForce
from ops.vocabulary.policies import Strategy
from proto.jaeger.api_v2.sampling_pb2 import (
    DESCRIPTOR,
    PROBABILISTIC,
    RATE_LIMITING,
    SamplingStrategyParameters,
    SamplingStrategyResponse,
)

SERVICE = DESCRIPTOR.services_by_name["SamplingManager"].full_name
GRACE = 2.0
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # otherwise it would silently share another process's port
    ("grpc.max_receive_message_length", 64 * 1024),
    ("grpc.max_concurrent_streams", 1_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
)
_STATUS = {401: grpc.StatusCode.UNAUTHENTICATED, 403: grpc.StatusCode.PERMISSION_DENIED}


@asynccontextmanager
async def serve_sampling(
    site: RemoteSite, address: str, now: Callable[[], int]
) -> AsyncIterator[int]:
    """Serve a site on an address while inside; yields the port, a free one if 0 was given.

    Raises RuntimeError if it cannot listen there.
    """

    async def get(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        metadata = context.invocation_metadata() or ()
        headers = {name: value for name, value in metadata if isinstance(value, str)}
        try:
            keyed = site.keys.admit(headers, address)
            name = SamplingStrategyParameters.FromString(request).serviceName
        except Refused as refused:
            await context.abort(_STATUS[refused.status], str(refused))
        except DecodeError:
            sentence = "the request must be SamplingStrategyParameters"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, sentence)
        peer = Peer(_host(context.peer()), headers.get("user-agent", ""), not keyed)
        return message(site.strategy(name, peer, now())).SerializeToString()

    server = grpc.aio.server(options=_OPTIONS)
    methods: dict[str, Any] = {"GetSamplingStrategy": grpc.unary_unary_rpc_method_handler(get)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    port = server.add_insecure_port(address)
    starting = asyncio.ensure_future(server.start())
    try:
        await asyncio.shield(starting)
        yield port
    finally:
        # A gRPC server crashes if it is stopped before its start has finished.
        await starting
        await server.stop(GRACE)


def message(sampling: InForce) -> SamplingStrategyResponse:
    """Return what is in force as Jaeger's message."""
    policy = sampling.policy
    if policy.strategy is Strategy.PER_SECOND:
        found = SamplingStrategyResponse(strategyType=RATE_LIMITING)
        found.rateLimitingSampling.maxTracesPerSecond = int(policy.rate)
        return found
    found = SamplingStrategyResponse(strategyType=PROBABILISTIC)
    found.probabilisticSampling.samplingRate = policy.rate
    found.probabilisticSampling.SetInParent()  # so that "never" is not the same as no strategy
    if policy.operations:
        found.operationSampling.defaultSamplingProbability = policy.rate
        for name, rate in policy.operations:
            one = found.operationSampling.perOperationStrategies.add(operation=name)
            one.probabilisticSampling.samplingRate = rate
    return found


def _host(peer: str) -> str:
    """Return the address of gRPC's `ipv4:127.0.0.1:1234` or `ipv6:[::1]:1234`."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
