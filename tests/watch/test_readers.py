"""Readers cost the sources nothing, and a Redis that hangs costs the readers little."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import msgspec
import pytest
from pytest_django import Settings

from ops.actor import Actor
from ops.alerts.actions import list_alerts
from ops.backends.clients import close_clients
from ops.backends.prometheus import Rules
from ops.vocabulary.alerts import Rule, Unreadable
from ops.watch import pieces
from ops.watch.packing import LONG, Packing
from ops.watch.picture import Picture, Pictures, SourceAnswer, pictures
from tests.alerts.making import NOON, alert
from tests.fakes.prometheus import FakePrometheus
from tests.watch.conftest import answering, watching

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("site")]


@dataclass
class HangingRedis:
    """Takes connections and says nothing."""

    url: str = ""
    connections: list[asyncio.StreamWriter] = field(default_factory=list)

    def accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)


@pytest.fixture
async def hanging(settings: Settings) -> AsyncIterator[HangingRedis]:
    redis = HangingRedis()
    server = await asyncio.start_server(redis.accept, "127.0.0.1", 0)
    redis.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    settings.REDIS_URL = redis.url
    yield redis
    server.close()
    for writer in redis.connections:
        writer.close()


@pytest.mark.parametrize("readers", [1, 1_000])
async def test_a_thousand_readers_ask_the_sources_no_more_than_one(
    first: FakePrometheus, operator: Actor, settings: Settings, readers: int
) -> None:
    first.rule("Down")
    settings.POLL_SECONDS = 60  # the next poll is far away
    async with watching() as watcher:
        await watcher.until(answering("shop-a", "shop-b"))
        found = await asyncio.gather(*(list_alerts(operator) for _ in range(readers)))
    assert {each.headline() for each in found} == {"Nothing is firing"}
    assert first.paths == ["/api/v1/rules"]


async def test_a_redis_that_hangs_is_asked_once_and_then_left_alone(
    first: FakePrometheus, operator: Actor, hanging: HangingRedis
) -> None:
    first.rule("Down")
    for _ in range(3):
        await close_clients()  # with their answers of the last second
        found = await asyncio.gather(*(list_alerts(operator) for _ in range(20)))
        assert {each.headline() for each in found} == {"Nothing is firing"}
        pictures.look_again("production", "alerts")
    assert len(hanging.connections) == 1
    assert first.paths == ["/api/v1/rules"] * 3


async def test_a_new_process_knows_nothing(hanging: HangingRedis) -> None:
    assert await Pictures().newest("production", "alerts", Rules) is None


async def test_a_redis_that_hangs_does_not_hold_up_the_polls(
    first: FakePrometheus, hanging: HangingRedis, settings: Settings
) -> None:
    settings.POLL_SECONDS = 1.0
    async with watching() as watcher:
        await watcher.until(answering("shop-a", "shop-b"))

        async def is_polled_again() -> bool:
            return len(first.paths) > 1 and len(hanging.connections) > 1

        await watcher.until(is_polled_again)


def test_a_picture_is_read_as_it_was_written() -> None:
    rule = Rule("Down", "demo", "a", False, "ok", "", NOON, 15, labels={"severity": "page"})
    answer = Rules(
        (alert("Down", {"pod": "one \N{SNOWMAN}"}), alert("Slow", state="pending")),
        (rule, replace(rule, evaluated_at=None)),
        unreadable=(Unreadable("a", "demo", "Down", 2),),
    )
    sources: dict[str, SourceAnswer[Rules]] = {
        "a": SourceAnswer(answer, NOON),
        "b": SourceAnswer(replace(answer, rules=None), NOON),
        "c": SourceAnswer(error="away", failing_since=NOON),
    }
    picture = Picture("production", "alerts", 1, 2, NOON, sources)
    assert Packing().unpack(Packing().pack(picture), Picture[Rules], Rules) == picture


def test_what_stays_the_same_is_packed_and_read_once() -> None:
    rule = Rule("Down", "demo", "a", False, "ok", "", NOON, 15)
    rules = tuple(replace(rule, name=f"Rule{number}") for number in range(LONG + 1))
    packing, unpacking = Packing(), Packing()

    def passed_on(answer: Rules) -> Rules:
        picture = Picture("production", "alerts", 1, 1, NOON, {"a": SourceAnswer(answer, NOON)})
        found: Picture[Rules] = unpacking.unpack(packing.pack(picture), Picture[Rules], Rules)
        assert found == picture
        [source] = found.sources.values()
        assert source.answer
        return source.answer

    one, other = passed_on(Rules((), rules)), passed_on(Rules((alert(),), rules))
    assert one.rules is other.rules
    new = passed_on(Rules((), tuple(replace(each, error="no") for each in rules)))
    assert new.rules is not one.rules


@pytest.mark.parametrize("text", [b"{}", b"[]", b'{"alerts": 1}', b'{"alerts": [{}]}', b"{"])
def test_what_another_release_wrote_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        pieces.read(text, Rules)
