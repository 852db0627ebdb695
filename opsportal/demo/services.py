"""The services behind the petstore, simulated in this process: store and mailer.

Their waiting is real; `Trouble` sets how often they fail.
"""

import asyncio
import random
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import count

import grpc

from opsportal.demo.telemetry import Failure, Telemetry
from proto.petstore import petstore_pb2

ATTEMPTS = 3
MAILER = "mailer:6742"
_dice = random.Random()  # noqa: S311 - dice, not secrets


class DeadlineExceeded(Failure):
    """An answer did not come in time."""

    def __init__(self) -> None:
        super().__init__(grpc.StatusCode.DEADLINE_EXCEEDED, "deadline exceeded")


class ConnectionRefused(Failure):
    """Nothing listens at the address."""

    def __init__(self, address: str) -> None:
        super().__init__(grpc.StatusCode.UNAVAILABLE, f"connection refused by {address}")


class NoSuchPet(Failure):
    """No pet has this id."""

    def __init__(self, pet_id: str) -> None:
        super().__init__(grpc.StatusCode.NOT_FOUND, f'there is no pet with the id "{pet_id}"')


class NoPrice(Failure):
    """A price could not be calculated."""

    def __init__(self) -> None:
        super().__init__(grpc.StatusCode.INTERNAL, "no price: division by zero in a discount")


@dataclass
class Trouble:
    """How often things fail, from 0 to 1: statements that time out, e-mails refused.

    `prices` is how often a bad release finds no price, `patience` how many seconds a statement
    may take.
    """

    store: float = 0.0
    mailer: float = 0.0
    prices: float = 0.4
    patience: float = 0.4


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pets to find; empty means any. The range includes its start but not its end."""

    names: Collection[str] = ()
    types: Collection["petstore_pb2.PetType.ValueType"] = ()
    born_from: date = date.min
    born_before: date = date.max

    def fits(self, pet: petstore_pb2.Pet) -> bool:
        return (
            (not self.names or pet.name in self.names)
            and (not self.types or pet.type in self.types)
            and self.born_from <= birthday(pet) < self.born_before
        )


def birthday(pet: petstore_pb2.Pet) -> date:
    """Return the day; raises ValueError if there is no such day."""
    return date(pet.birthday.year, pet.birthday.month, pet.birthday.day)


class Store:
    """Keeps the pets, by id; its spans go to `otlp`, host:port or a URL."""

    def __init__(self, otlp: str, trouble: Trouble) -> None:
        operations = ("store.Query", "store.Insert", "store.Update", "store.Delete")
        self.telemetry = Telemetry(
            "store", instance="store-1", version="4.0.7", otlp=otlp, operations=operations
        )
        self.trouble = trouble
        self._pets: dict[str, petstore_pb2.Pet] = {}
        self._ids = count(1)

    async def query(self, wanted: Wanted) -> list[petstore_pb2.Pet]:
        """Return the pets that fit; raises DeadlineExceeded after three attempts."""
        with self.telemetry.call("store.Query") as span:
            with self.telemetry.step("db.Connect"):
                await work(2, 6)
            await self._select()
            found = [pet for pet in self._pets.values() if wanted.fits(pet)]
            span.set_attribute("db.response.returned_rows", len(found))
            return found

    async def insert(self, pets: Collection[petstore_pb2.Pet]) -> list[str]:
        """Save new pets; return their new ids."""
        with self.telemetry.call("store.Insert"):
            await self._write("INSERT pets", len(pets))
            return list(self._keep(pets))

    def _keep(self, pets: Collection[petstore_pb2.Pet]) -> Iterator[str]:
        for pet in pets:
            kept = petstore_pb2.Pet()
            kept.CopyFrom(pet)
            kept.id = str(next(self._ids))
            self._pets[kept.id] = kept
            yield kept.id

    async def update(self, pets: Collection[petstore_pb2.Pet]) -> None:
        """Replace pets, all or none; raises NoSuchPet."""
        with self.telemetry.call("store.Update"):
            await self._write("UPDATE pets", len(pets))
            for pet in pets:
                if pet.id not in self._pets:
                    raise NoSuchPet(pet.id)
            for pet in pets:
                self._pets[pet.id].CopyFrom(pet)

    async def delete(self, ids: Collection[str]) -> None:
        """Delete pets; ids that no pet has are ignored."""
        with self.telemetry.call("store.Delete"):
            await self._write("DELETE pets", len(ids))
            for pet_id in ids:
                self._pets.pop(pet_id, None)

    async def _select(self) -> None:
        for attempt in range(1, ATTEMPTS):
            with suppress(DeadlineExceeded):
                await self._try_select(attempt)
                return
        await self._try_select(ATTEMPTS)

    async def _try_select(self, attempt: int) -> None:
        text = "SELECT id, name, type, birthday FROM pets WHERE name IN (?, ?) AND type = ?"
        with self.telemetry.step("SELECT pets", db_query_text=text, db_attempt=attempt) as span:
            if _dice.random() < self.trouble.store:
                span.add_event("waiting for a lock", {"table": "pets", "attempt": attempt})
                await asyncio.sleep(self.trouble.patience)
                raise DeadlineExceeded
            await work(3, 25)

    async def _write(self, statement: str, rows: int) -> None:
        with self.telemetry.step(statement, db_rows=rows):
            await work(3, 25)


class Mailer:
    """Notifies owners of their new pets; its spans go to `otlp`, host:port or a URL."""

    def __init__(self, otlp: str, trouble: Trouble) -> None:
        operations = ("mailer.Notify",)
        self.telemetry = Telemetry(
            "mailer", instance="mailer-1", version="0.9.2", otlp=otlp, operations=operations
        )
        self.trouble = trouble

    async def notify(self, names: Collection[str]) -> None:
        """Send one mail; raises ConnectionRefused."""
        with self.telemetry.call("mailer.Notify") as span:
            span.add_event("mail queued", {"pets": len(names)})
            with self.telemetry.step("smtp.Send", server_address=MAILER):
                await work(2, 12)
                if _dice.random() < self.trouble.mailer:
                    raise ConnectionRefused(MAILER)
            span.add_event("mail sent", {"pets": len(names)})


async def quote_prices(telemetry: Telemetry, trouble: Trouble) -> None:
    """Do what a bad release does in each call: take long, and often raise NoPrice."""
    with telemetry.step("prices.Quote"):
        await asyncio.sleep(trouble.patience * _dice.uniform(1, 2))
        if _dice.random() < trouble.prices:
            raise NoPrice


async def work(shortest: float, longest: float) -> None:
    """Take some time, in milliseconds; one in fifty takes much longer."""
    slow = 20 if _dice.random() < 0.02 else 1
    await asyncio.sleep(slow * _dice.uniform(shortest, longest) / 1000)
