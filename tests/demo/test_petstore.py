"""The petstore by its own protocol, its spans in a Jaeger, its counts in a registry."""

from typing import Any

import aiohttp
import grpc
import grpc.aio
import pytest
from django.core.management.base import CommandError
from google.type.date_pb2 import Date

from opsportal.demo import petstore
from opsportal.demo.rollouts import Release
from opsportal.demo.running import grpc_server, http_server, metrics_page
from opsportal.demo.store import Query, spans
from opsportal.demo.telemetry import telling
from proto.petstore import petstore_pb2
from tests.demo.conftest import Shop

Pet = petstore_pb2.Pet
BORN = Date(year=2020, month=2, day=29)
REX = Pet(name="Rex", type=petstore_pb2.PTCanine, birthday=BORN)
KIWI = Pet(name="Kiwi", type=petstore_pb2.PTBird, birthday=Date(year=2022, month=1, day=1))


async def add(shop: Shop, *pets: Pet) -> list[str]:
    return list((await shop.client.AddPets(petstore_pb2.AddPetsReq(pets=pets))).ids)


async def search(shop: Shop, **wanted: Any) -> list[str]:
    stream = shop.client.SearchPets(petstore_pb2.SearchPetsReq(**wanted))
    return sorted([pet.name async for pet in stream])


async def refusal(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    return caught.value.details() or ""


def changed(pet: Pet, **fields: Any) -> Pet:
    other = Pet()
    other.CopyFrom(pet)
    for name, value in fields.items():
        if name == "birthday":
            other.birthday.CopyFrom(value)
        else:
            setattr(other, name, value)
    return other


async def test_it_adds_finds_updates_and_deletes_pets(shop: Shop) -> None:
    rex, kiwi = await add(shop, REX, KIWI)
    assert await search(shop) == ["Kiwi", "Rex"]
    assert await search(shop, names=["Rex", "Max"]) == ["Rex"]
    assert await search(shop, types=[petstore_pb2.PTBird]) == ["Kiwi"]
    update = petstore_pb2.UpdatePetsReq(pets=[changed(REX, id=rex, name="Max")])
    await shop.client.UpdatePets(update)
    assert await search(shop) == ["Kiwi", "Max"]
    await shop.client.DeletePets(petstore_pb2.DeletePetsReq(ids=[kiwi, "999"]))
    assert await search(shop) == ["Max"]


async def test_it_takes_the_start_of_a_range_but_not_its_end(shop: Shop) -> None:
    await add(shop, REX)
    day_after = Date(year=2020, month=3, day=1)
    for start, end, found in (
        (BORN, day_after, ["Rex"]),
        (None, BORN, []),
        (BORN, None, ["Rex"]),
        (day_after, None, []),
    ):
        days = petstore_pb2.DateRange(start=start, end=end)
        assert await search(shop, birthdate_range=days) == found


@pytest.mark.parametrize(
    ("pets", "text"),
    [
        ([], "pets is empty; list at least one pet"),
        ([REX, changed(REX, name=" ")], "pets[1].name is missing; every pet needs a name"),
        (
            [changed(REX, id="7")],
            'pets[0].id is "7"; leave it empty: new pets get an id',
        ),
        (
            [changed(REX, type=0)],
            "pets[0].type is PTUnknown; it must be PTCanine, PTFeline, PTBird or PTReptile",
        ),
        (
            [changed(REX, type=12)],
            "pets[0].type is type 12; it must be PTCanine, PTFeline, PTBird or PTReptile",
        ),
        (
            [changed(REX, birthday=Date(year=2021, month=2, day=29))],
            "pets[0].birthday is 2021-02-29; it must be a day with year, month and day",
        ),
    ],
)
async def test_it_says_what_is_wrong_with_new_pets(shop: Shop, pets: list[Pet], text: str) -> None:
    assert await refusal(add(shop, *pets)) == text
    assert await search(shop) == []
    assert shop.count("AddPets", "INVALID_ARGUMENT") == 1


async def test_it_says_what_is_wrong_with_other_requests(shop: Shop) -> None:
    update = petstore_pb2.UpdatePetsReq(pets=[REX])
    text = "pets[0].id is missing; it must name the pet to update"
    assert await refusal(shop.client.UpdatePets(update)) == text
    text = "ids is empty; list the id of each pet to delete"
    assert await refusal(shop.client.DeletePets(petstore_pb2.DeletePetsReq())) == text
    text = "types has PTUnknown; accepted: PTCanine, PTFeline, PTBird or PTReptile"
    assert await refusal(search(shop, types=[petstore_pb2.PTUnknown])) == text
    days = petstore_pb2.DateRange(start=BORN, end=BORN)
    text = "birthdate_range starts on 2020-02-29 and ends on 2020-02-29; the end must be later"
    assert await refusal(search(shop, birthdate_range=days)) == text
    days = petstore_pb2.DateRange(end=Date(year=2020))
    text = "birthdate_range.end is 2020-00-00; it must be a day with year, month and day"
    assert await refusal(search(shop, birthdate_range=days)) == text


async def test_it_updates_all_or_none(shop: Shop) -> None:
    [rex] = await add(shop, REX)
    pets = [changed(REX, id=rex, name="Max"), changed(KIWI, id="999")]
    with pytest.raises(grpc.aio.AioRpcError, match='there is no pet with the id "999"') as caught:
        await shop.client.UpdatePets(petstore_pb2.UpdatePetsReq(pets=pets))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert await search(shop) == ["Rex"]


async def test_it_changes_its_sampler(shop: Shop) -> None:
    for sampler, policy in (
        (petstore_pb2.Sampler(type=petstore_pb2.STNever), "AlwaysOffSampler"),
        (
            petstore_pb2.Sampler(type=petstore_pb2.STFloat, float_value=0.25),
            "TraceIdRatio",
        ),
        (petstore_pb2.Sampler(type=petstore_pb2.STAlways), "AlwaysOnSampler"),
    ):
        await shop.client.ChangeSampler(petstore_pb2.ChangeSamplerReq(sampler=sampler))
        assert f"root:{policy}" in shop.petstore.sampler.get_description()


async def test_it_refuses_a_sampler_that_is_not_set_and_lives_on(shop: Shop) -> None:
    text = await refusal(shop.client.ChangeSampler(petstore_pb2.ChangeSamplerReq()))
    assert text.startswith('"STUnknown" is not a sampling policy; accepted: never, always, or')
    assert "root:AlwaysOnSampler" in shop.petstore.sampler.get_description()
    assert await search(shop) == []


async def test_it_sends_spans_of_three_services_in_one_trace(shop: Shop) -> None:
    async with telling(
        shop.petstore.telemetry, shop.petstore.mailer.telemetry, shop.petstore.store.telemetry
    ):
        await add(shop, REX)
    [trace] = shop.jaeger.store.find(Query(depth=10, operation="AddPets"))
    names = {each.span.name for each in spans(trace)}
    assert {"AddPets", "mailer.Notify", "smtp.Send", "store.Insert", "INSERT pets"} <= names
    assert shop.jaeger.store.services() == {"petstore", "mailer", "store"}
    assert shop.jaeger.store.find(Query(depth=1, tags={"service.instance.id": "petstore-9"}))


async def test_its_spans_say_which_release_was_slow_and_failed(shop: Shop) -> None:
    shop.trouble.prices = 1.0
    async with telling(shop.petstore.telemetry, shop.petstore.store.telemetry):
        await search(shop)
        shop.petstore.roll_out(Release("9.9.10", bad=True))
        with pytest.raises(grpc.aio.AioRpcError, match="no price") as caught:
            await search(shop)
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        change = petstore_pb2.ChangeSamplerReq(
            sampler=petstore_pb2.Sampler(type=petstore_pb2.STAlways)
        )
        await shop.client.ChangeSampler(change)
    assert shop.count("SearchPets", "INTERNAL") == 1

    def found(**tags: str) -> list[str]:
        wanted = {key.replace("_", "."): value for key, value in tags.items()}
        traces = shop.jaeger.store.find(Query(depth=10, operation="SearchPets", tags=wanted))
        return [each.span.name for trace in traces for each in spans(trace, "petstore")]

    assert "prices.Quote" not in found(service_version="9.9.9")
    assert "prices.Quote" in found(service_version="9.9.10", error="true")
    assert len(found(service_version="9.9.10")) == len(found(error="true"))


async def test_it_sends_no_spans_after_never(shop: Shop) -> None:
    never = petstore_pb2.Sampler(type=petstore_pb2.STNever)
    async with telling(
        shop.petstore.telemetry, shop.petstore.mailer.telemetry, shop.petstore.store.telemetry
    ):
        await shop.client.ChangeSampler(petstore_pb2.ChangeSamplerReq(sampler=never))
        await add(shop, REX)
    assert not shop.jaeger.store.find(Query(depth=10, operation="AddPets"))
    assert shop.jaeger.store.find(Query(depth=10, operation="ChangeSampler"))


async def test_it_tries_three_times_and_says_why_it_failed(shop: Shop) -> None:
    shop.trouble.store = 1.0
    async with telling(shop.petstore.telemetry, shop.petstore.store.telemetry):
        with pytest.raises(grpc.aio.AioRpcError, match="deadline exceeded") as caught:
            await search(shop)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert shop.count("SearchPets", "DEADLINE_EXCEEDED") == 1
    [trace] = shop.jaeger.store.find(Query(depth=10, tags={"error": "true"}))
    selects = [each.span for each in spans(trace) if each.span.name == "SELECT pets"]
    assert [span.status.message for span in selects] == ["deadline exceeded"] * 3
    events = [event.name for span in selects for event in span.events]
    assert events == ["waiting for a lock", "exception"] * 3


async def test_it_adds_nothing_when_the_mailer_refuses(shop: Shop) -> None:
    shop.trouble.mailer = 1.0
    with pytest.raises(grpc.aio.AioRpcError, match="connection refused by mailer:6742") as caught:
        await add(shop, REX)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert shop.count("AddPets", "UNAVAILABLE") == 1
    assert await search(shop) == []


async def test_it_follows_its_callers_trace(shop: Shop) -> None:
    parent = f"00-{0xAB:032x}-{0xCD:016x}-01"
    async with telling(shop.petstore.telemetry):
        stream = shop.client.SearchPets(
            petstore_pb2.SearchPetsReq(), metadata=(("traceparent", parent),)
        )
        assert [pet async for pet in stream] == []
    trace = shop.jaeger.store.trace((0xAB).to_bytes(16, "big"))
    assert trace is not None


async def test_it_shows_its_metrics_over_http(shop: Shop) -> None:
    registry = shop.petstore.telemetry.registry
    async with (
        http_server("127.0.0.1:0", metrics_page(registry)) as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}/metrics") as answer,
    ):
        text = await answer.text()
    assert answer.content_type == "text/plain"
    assert 'petstore_build_info{version="9.9.9"} 1.0' in text
    assert 'petstore_requests_total{code="UNAVAILABLE",operation="AddPets"} 0.0' in text
    assert 'petstore_request_seconds_bucket{le="0.3"} 0.0' in text


async def test_it_says_in_one_sentence_that_an_address_is_taken(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    page = metrics_page(shop.petstore.telemetry.registry)
    async with http_server("127.0.0.1:0", page) as url:
        address = url.removeprefix("http://")
        sentence = f"cannot listen on {address}: in use, or not on this machine; choose another"
        with pytest.raises(CommandError, match=sentence):
            async with http_server(address, page):
                pass
        with pytest.raises(CommandError, match=sentence):
            async with grpc_server(address, petstore.NAME, shop.petstore.add_to):
                pass
    assert capfd.readouterr().err == ""
