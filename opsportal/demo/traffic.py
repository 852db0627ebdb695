"""Realistic calls to petstores."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import date, timedelta
from typing import TypeAlias

import grpc
import grpc.aio
from google.type.date_pb2 import Date

from proto.petstore import petstore_pb2, petstore_pb2_grpc

NAMES = ("Bella", "Charlie", "Coco", "Daisy", "Kiwi", "Loki", "Luna", "Max", "Milo", "Rex", "Zoe")
TYPES = ("PTCanine", "PTFeline", "PTBird", "PTReptile")
TIMEOUT = 10.0
MOST_PETS = 500
Stub: TypeAlias = "petstore_pb2_grpc.PetStoreAsyncStub"
_dice = random.Random()  # noqa: S311 - dice, not secrets


async def traffic(addresses: Sequence[str], rate: Callable[[], float]) -> None:
    """Call petstores at random, forever; `rate` returns the current calls per second."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address))
            for address in addresses
        ]
        customer = Customer([petstore_pb2_grpc.PetStoreStub(channel) for channel in channels])
        while True:
            await asyncio.sleep(_dice.expovariate(rate()))
            group.create_task(customer.call())


class Customer:
    """Calls random instances, and remembers the pets that it added."""

    def __init__(self, stubs: Sequence[Stub]) -> None:
        self._stubs = stubs
        self._ids: deque[str] = deque()

    async def call(self) -> None:
        """Make one call; failures are expected."""
        calls: dict[Callable[[Stub], Awaitable[None]], int] = {
            self._search: 60,
            self._add: 20,
            self._add_nameless: 1,
            self._update: 11,
            self._delete: 8,
        }
        if len(self._ids) > MOST_PETS:
            calls[self._delete] = 40
        [call] = _dice.choices([*calls], [*calls.values()])
        with suppress(grpc.aio.AioRpcError):
            await call(_dice.choice(self._stubs))

    async def _search(self, stub: Stub) -> None:
        request = petstore_pb2.SearchPetsReq(names=_dice.sample(NAMES, 2), types=[_type()])
        if _dice.random() < 0.3:
            request.birthdate_range.start.CopyFrom(_birthday())
        async for _ in stub.SearchPets(request, timeout=TIMEOUT):
            pass

    async def _add(self, stub: Stub) -> None:
        pets = [_pet() for _ in range(_dice.randint(1, 3))]
        answer = await stub.AddPets(petstore_pb2.AddPetsReq(pets=pets), timeout=TIMEOUT)
        self._ids += answer.ids

    async def _add_nameless(self, stub: Stub) -> None:
        nameless = _pet()
        nameless.name = ""
        await stub.AddPets(petstore_pb2.AddPetsReq(pets=[nameless]), timeout=TIMEOUT)

    async def _update(self, stub: Stub) -> None:
        if self._ids:
            pet = _pet()
            pet.id = _dice.choice(self._ids)
            await stub.UpdatePets(petstore_pb2.UpdatePetsReq(pets=[pet]), timeout=TIMEOUT)

    async def _delete(self, stub: Stub) -> None:
        ids = [self._ids.popleft() for _ in range(min(3, len(self._ids)))]
        if ids:
            await stub.DeletePets(petstore_pb2.DeletePetsReq(ids=ids), timeout=TIMEOUT)


def _pet() -> petstore_pb2.Pet:
    return petstore_pb2.Pet(name=_dice.choice(NAMES), type=_type(), birthday=_birthday())


def _type() -> "petstore_pb2.PetType.ValueType":
    return petstore_pb2.PetType.Value(_dice.choice(TYPES))


def _birthday() -> Date:
    day = date(2015, 1, 1) + timedelta(days=_dice.randrange(3_650))
    return Date(year=day.year, month=day.month, day=day.day)
