"""The demo's parts as the tests run them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc.aio
import pytest

from ops.vocabulary.policies import ALWAYS
from opsportal.demo import petstore
from opsportal.demo.petstore import PetStore
from opsportal.demo.running import grpc_server
from opsportal.demo.sampler import ChangingSampler
from opsportal.demo.services import Mailer, Store, Trouble
from opsportal.demo.telemetry import telling
from proto.petstore import petstore_pb2_grpc
from tests.fakes.jaeger import FakeJaeger


@dataclass
class Shop:
    """A petstore that runs, with a client; its spans go to `jaeger` when it is closed."""

    petstore: PetStore
    client: "petstore_pb2_grpc.PetStoreAsyncStub"
    trouble: Trouble
    jaeger: FakeJaeger

    def count(self, operation: str, code: str) -> float:
        """How many calls of an operation ended so."""
        labels = {"operation": operation, "code": code}
        registry = self.petstore.telemetry.registry
        return registry.get_sample_value("petstore_requests_total", labels) or 0.0


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    trouble = Trouble(patience=0.001)
    async with FakeJaeger() as jaeger:
        store, mailer = Store(jaeger.address, trouble), Mailer(jaeger.address, trouble)
        served = PetStore(
            store,
            mailer,
            instance="petstore-9",
            version="9.9.9",
            otlp=jaeger.address,
            sampler=ChangingSampler(ALWAYS),
        )
        async with (
            telling(served.telemetry, store.telemetry, mailer.telemetry),
            grpc_server("127.0.0.1:0", petstore.NAME, served.add_to) as address,
            grpc.aio.insecure_channel(address) as channel,
        ):
            client = petstore_pb2_grpc.PetStoreStub(channel)
            yield Shop(served, client, trouble, jaeger)
