"""Instances of services, whose sampler is changed at run time."""

import asyncio
import socket

import grpc
import grpc.aio
from grpc import StatusCode

from ops.backends.calls import Calls
from ops.backends.error_texts import is_broken_call
from ops.backends.grpc_channels import Peer, open_channel
from ops.backends.grpc_errors import translated
from ops.errors import BackendUnavailable
from ops.sites import Service, Tls
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy, Strategy
from proto.petstore import petstore_pb2, petstore_pb2_grpc

TIMEOUT = 5 * timerange.SECOND
# The generated stub only sends valid messages, so the probe calls by path.
_CHANGE = f"/{petstore_pb2.DESCRIPTOR.services_by_name['PetStore'].full_name}/ChangeSampler"
_INVALID_MESSAGE = b"\xff"  # a field's number that never ends
# How servers in various languages refuse it, unless gRPC itself broke.
_UNREADABLE = (StatusCode.INTERNAL, StatusCode.UNKNOWN, StatusCode.INVALID_ARGUMENT)
_TYPES = {
    Strategy.NEVER: petstore_pb2.STNever,
    Strategy.ALWAYS: petstore_pb2.STAlways,
    Strategy.RATE: petstore_pb2.STFloat,
}


class Sampler:
    """One instance's sampler. Methods raise BackendTimeout, BackendUnavailable, InvalidInput.

    `server_name` is the name on the instance's certificate if the address is an IP address that
    a name resolved to; `table` is the table in the site file that describes the instance.

    Every call has its own channel: a channel that stays open refuses calls for up to two seconds
    after a failed connection, even if the instance is back, and stays open to instances that no
    longer exist.
    """

    def __init__(
        self, address: str, tls: Tls | None, server_name: str = "", table: str = ""
    ) -> None:
        self.address = address
        self.peer = Peer(
            "the instance",
            address,
            port="the instance's gRPC port",
            table=table or "the service's table of the site file",
            tls=tls is not None,
        )
        self._tls = tls
        self._server_name = server_name
        self._calls = Calls("sampler", self.peer.name, self.peer.place, TIMEOUT)

    async def change(self, policy: Policy) -> None:
        """Send a policy to the instance; return once it has confirmed."""
        rate = policy.rate if policy.strategy is Strategy.RATE else 0.0
        sampler = petstore_pb2.Sampler(type=_TYPES[policy.strategy], float_value=rate)
        request = petstore_pb2.ChangeSamplerReq(sampler=sampler)

        async def call() -> None:
            with translated(self.peer):
                async with self._channel() as channel:
                    await petstore_pb2_grpc.PetStoreStub(channel).ChangeSampler(request)

        await self._calls.write(call)

    async def check(self) -> None:
        """Check that the instance has the RPC that changes its sampler, without changing it.

        The request is not a valid message: a server that has the RPC refuses it before its code
        runs, and one that lacks the RPC says so. (An empty message would reach the code, and
        there are services that crash on one.)
        """

        async def call() -> None:
            with translated(self.peer):
                async with self._channel() as channel:
                    probe: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
                    probe = channel.unary_unary(_CHANGE)
                    try:
                        await probe(_INVALID_MESSAGE)
                    except grpc.aio.AioRpcError as error:
                        details = error.details() or ""
                        if error.code() is StatusCode.UNIMPLEMENTED:
                            raise self._lacks_rpc(details) from error
                        if error.code() not in _UNREADABLE or is_broken_call(details):
                            raise

        await self._calls.write(call)

    def _lacks_rpc(self, details: str) -> BackendUnavailable:
        return BackendUnavailable(
            f"{self.peer.place} speaks gRPC but does not offer {_CHANGE.strip('/')} ({details}), "
            f"so its sampling cannot be changed; check the address in {self.peer.table}",
            backend=self.peer.name,
            answered=True,
        )

    def _channel(self) -> grpc.aio.Channel:
        return open_channel(self.address, self._tls, server_name=self._server_name)


def server_name(service: Service) -> str:
    """Return the name on the certificates if a DNS name resolves to the instances, else ""."""
    return service.dns.rpartition(":")[0]


async def resolve(service: Service) -> tuple[str, ...]:
    """Return the gRPC addresses of all instances, from the list or from the DNS name.

    Empty if the site file names neither. Raises BackendUnavailable.
    """
    if not service.dns:
        return service.instances
    host, _, port = service.dns.rpartition(":")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(TIMEOUT / timerange.SECOND):
            found = await loop.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        reason = str(error) or "no answer in time"
        raise BackendUnavailable(
            f"the instances of {service.name} cannot be found: {host} does not resolve ({reason}); "
            "check its dns in the site file",
            backend=f"instances of {service.name}",
        ) from error
    # Sorted, because DNS servers rotate their answers and people look for the same order.
    return tuple(sorted({_address(*found_at[:2]) for *_, found_at in found}))


def _address(host: object, port: object) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
