# ruff: noqa: N802 - gRPC's methods have their names from the protocol
"""The petstore: the service whose traces, versions and alerts the demo shows."""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import grpc
import grpc.aio
from google.type.date_pb2 import Date
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ops.errors import InvalidInput
from opsportal.demo.rollouts import Release
from opsportal.demo.sampler import AskingSampler, ChangingSampler, read_policy
from opsportal.demo.services import Mailer, Store, Wanted, birthday, quote_prices, work
from opsportal.demo.telemetry import Failure, Telemetry
from proto.petstore import petstore_pb2, petstore_pb2_grpc

OPERATIONS = ("AddPets", "UpdatePets", "DeletePets", "SearchPets", "ChangeSampler")
NAME = petstore_pb2.DESCRIPTOR.services_by_name["PetStore"].full_name
TYPES = "PTCanine, PTFeline, PTBird or PTReptile"
_DAY = "it must be a day with year, month and day"
Context = grpc.aio.ServicerContext[Any, Any]
log = logging.getLogger(__name__)


class InvalidRequest(Failure):
    """An invalid request."""

    def __init__(self, message: str) -> None:
        super().__init__(grpc.StatusCode.INVALID_ARGUMENT, message)


class PetStore(petstore_pb2_grpc.PetStoreServicer):
    """One instance. An invalid request is answered with INVALID_ARGUMENT and one sentence."""

    def __init__(
        self,
        store: Store,
        mailer: Mailer,
        *,
        instance: str,
        version: str,
        otlp: str,
        sampler: ChangingSampler | AskingSampler,
    ) -> None:
        self.store = store
        self.mailer = mailer
        self.release = Release(version)
        self.sampler = sampler
        self.telemetry = Telemetry(
            "petstore",
            instance=instance,
            version=version,
            otlp=otlp,
            operations=OPERATIONS,
            sampler=sampler,
        )

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register this instance on a server."""
        petstore_pb2_grpc.add_PetStoreServicer_to_server(self, server)

    def roll_out(self, release: Release) -> None:
        """Run another release from now on."""
        self.release = release
        log.info("%s: now runs %s", self.telemetry.instance, release.version)
        self.telemetry.change_version(release.version)

    def restart(self) -> None:
        """Begin with the sampling of the start again, as a process does that has restarted."""
        self.sampler.restart()
        log.info("%s: restarted", self.telemetry.instance)

    async def AddPets(
        self, request: petstore_pb2.AddPetsReq, context: Context
    ) -> petstore_pb2.AddPetsResp:
        async with self._call("AddPets", context):
            self._check(request.pets, new=True)
            await self._quote_prices()
            await self.mailer.notify([pet.name for pet in request.pets])
            return petstore_pb2.AddPetsResp(ids=await self.store.insert(request.pets))

    async def UpdatePets(
        self, request: petstore_pb2.UpdatePetsReq, context: Context
    ) -> petstore_pb2.UpdatePetsResp:
        async with self._call("UpdatePets", context):
            self._check(request.pets, new=False)
            await self.store.update(request.pets)
            return petstore_pb2.UpdatePetsResp()

    async def DeletePets(
        self, request: petstore_pb2.DeletePetsReq, context: Context
    ) -> petstore_pb2.DeletePetsResp:
        async with self._call("DeletePets", context):
            if not request.ids:
                raise InvalidRequest("ids is empty; list the id of each pet to delete")
            await self.store.delete(request.ids)
            return petstore_pb2.DeletePetsResp()

    async def SearchPets(
        self, request: petstore_pb2.SearchPetsReq, context: Context
    ) -> AsyncIterator[petstore_pb2.Pet]:
        # The span ends before the first pet is sent, because an abandoned generator ends in
        # another context than the one in which its span started.
        async with self._call("SearchPets", context):
            with self.telemetry.step("auth.Check"):
                await work(1, 4)
            wanted = _read_search(request)
            await self._quote_prices()
            with self.telemetry.step("cache.Get", cache_hit=False):
                await work(1, 2)
            found = await self.store.query(wanted)
        for pet in found:
            yield pet

    async def ChangeSampler(
        self, request: petstore_pb2.ChangeSamplerReq, context: Context
    ) -> petstore_pb2.ChangeSamplerResp:
        async with self._call("ChangeSampler", context):
            if not isinstance(self.sampler, ChangingSampler):
                raise Failure(grpc.StatusCode.UNIMPLEMENTED, "this instance asks for its sampling")
            try:
                policy = read_policy(request.sampler)
            except InvalidInput as error:
                raise InvalidRequest(str(error)) from None
            self.sampler.change(policy)
            log.info("%s: sampling set to %s", self.telemetry.instance, policy)
            return petstore_pb2.ChangeSamplerResp()

    async def _quote_prices(self) -> None:
        if self.release.bad:
            await quote_prices(self.telemetry, self.store.trouble)

    @asynccontextmanager
    async def _call(self, operation: str, context: Context) -> AsyncIterator[None]:
        """Trace and count a call; a Failure becomes its gRPC status."""
        metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        caller = TraceContextTextMapPropagator().extract(metadata)
        try:
            with self.telemetry.call(operation, caller) as span:
                span.set_attribute("rpc.system", "grpc")
                yield
        except Failure as failure:
            await context.abort(failure.code, str(failure))

    def _check(self, pets: Sequence[petstore_pb2.Pet], *, new: bool) -> None:
        with self.telemetry.step("pets.Validate", pets=len(pets)):
            problem = next(_problems(pets, new=new), "")
            if problem:
                raise InvalidRequest(problem)


def _problems(pets: Sequence[petstore_pb2.Pet], *, new: bool) -> Iterator[str]:
    if not pets:
        yield "pets is empty; list at least one pet"
    for number, pet in enumerate(pets):
        where = f"pets[{number}]"
        if new and pet.id:
            yield f'{where}.id is "{pet.id}"; leave it empty: new pets get an id'
        if not new and not pet.id:
            yield f"{where}.id is missing; it must name the pet to update"
        if not pet.name.strip():
            yield f"{where}.name is missing; every pet needs a name"
        if not _known(pet.type):
            yield f"{where}.type is {_type_name(pet.type)}; it must be {TYPES}"
        try:
            birthday(pet)
        except ValueError:
            yield f"{where}.birthday is {_written(pet.birthday)}; {_DAY}"


def _read_search(request: petstore_pb2.SearchPetsReq) -> Wanted:
    for kind in request.types:
        if not _known(kind):
            raise InvalidRequest(f"types has {_type_name(kind)}; accepted: {TYPES}")
    days = request.birthdate_range
    start = _day(days.start, date.min, "start")
    end = _day(days.end, date.max, "end")
    if start >= end:
        raise InvalidRequest(
            f"birthdate_range starts on {start} and ends on {end}; the end must be later"
        )
    return Wanted(set(request.names), set(request.types), start, end)


def _day(given: Date, unset: date, name: str) -> date:
    if given == Date():
        return unset
    try:
        return date(given.year, given.month, given.day)
    except ValueError:
        raise InvalidRequest(f"birthdate_range.{name} is {_written(given)}; {_DAY}") from None


def _known(kind: "petstore_pb2.PetType.ValueType") -> bool:
    return kind != petstore_pb2.PTUnknown and kind in petstore_pb2.PetType.values()


def _type_name(kind: "petstore_pb2.PetType.ValueType") -> str:
    known = kind in petstore_pb2.PetType.values()
    return petstore_pb2.PetType.Name(kind) if known else f"type {kind}"


def _written(day: Date) -> str:
    return f"{day.year:04}-{day.month:02}-{day.day:02}"
