"""The sampler client against gRPC servers on port 0, with and without TLS."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from ops.backends.samplers import Sampler, resolve, server_name
from ops.errors import BackendUnavailable
from ops.sites import Service, Tls
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, rate
from tests.fakes import tls
from tests.fakes.instance import FakeInstance, fake_instance
from tests.fakes.jaeger import FakeJaeger


@pytest.fixture
async def instance() -> AsyncIterator[FakeInstance]:
    async with fake_instance() as fake:
        yield fake


@pytest.mark.parametrize(
    ("policy", "kind", "value"),
    [
        (NEVER, "STNever", 0.0),
        (ALWAYS, "STAlways", 0.0),
        (rate(0.25), "STFloat", 0.25),
    ],
    ids=str,
)
async def test_it_tells_the_instance(
    instance: FakeInstance, policy: Policy, kind: str, value: float
) -> None:
    await Sampler(instance.address, None).change(policy)
    assert instance.told == [(kind, value)]


async def test_it_tells_again_what_it_told_before(instance: FakeInstance) -> None:
    sampler = Sampler(instance.address, None)
    await asyncio.gather(sampler.change(ALWAYS), sampler.change(ALWAYS))
    assert len(instance.told) == 2


async def test_it_names_the_instance_that_is_gone() -> None:
    with pytest.raises(BackendUnavailable) as caught:
        await Sampler("127.0.0.1:1", None).change(ALWAYS)
    assert str(caught.value) == (
        "the instance at 127.0.0.1:1 refused the connection; check that it is running and that "
        "this is the instance's gRPC port"
    )


async def test_it_passes_a_refusal_on(instance: FakeInstance) -> None:
    instance.fails = grpc.StatusCode.FAILED_PRECONDITION
    with pytest.raises(BackendUnavailable, match="refused the request: told to fail"):
        await Sampler(instance.address, None).change(ALWAYS)


async def test_it_tries_each_change_whatever_the_ones_before_met() -> None:
    async with fake_instance() as instance:
        address = instance.address
    sampler = Sampler(address, None)
    for _ in range(5):
        with pytest.raises(
            BackendUnavailable, match="refused the connection; check that"
        ) as caught:
            await sampler.change(ALWAYS)
        assert "next try" not in str(caught.value)
    async with fake_instance(port=int(address.rpartition(":")[2])) as back:
        await sampler.change(ALWAYS)
        assert len(back.told) == 1


async def test_it_ends_the_call_when_whoever_asked_leaves(instance: FakeInstance) -> None:
    instance.hangs = True
    changing = asyncio.create_task(Sampler(instance.address, None).change(ALWAYS))
    await instance.asked.wait()
    changing.cancel()
    await asyncio.wait([changing])
    await instance.given_up.wait()


async def test_it_checks_without_changing_anything(instance: FakeInstance) -> None:
    await Sampler(instance.address, None).check()
    assert instance.told == [] and not instance.asked.is_set()


async def test_it_finds_that_an_instance_lacks_the_rpc() -> None:
    async with FakeJaeger() as other:
        sampler = Sampler(other.address, None, table="[sites.a.services.b]")
        with pytest.raises(BackendUnavailable, match=r"offer petstore\.PetStore/ChangeSampler"):
            await sampler.check()


async def test_it_names_the_table_of_its_service() -> None:
    async with fake_instance(tls.grpcs()) as fake:
        sampler = Sampler(fake.address, None, table="[sites.a.services.b]")
        for call in (sampler.check(), sampler.change(ALWAYS)):
            with pytest.raises(BackendUnavailable, match=r"tls = true in \[sites\.a\.services\.b"):
                await call


async def test_it_speaks_tls_to_an_authority_that_is_named() -> None:
    async with fake_instance(tls.grpcs()) as fake:
        await Sampler(fake.address, Tls(ca=tls.CA)).change(ALWAYS)
        assert len(fake.told) == 1


async def test_it_shows_its_own_certificate() -> None:
    own = Tls(ca=tls.CA, certificate=tls.CERTIFICATE, key=tls.KEY)
    async with fake_instance(tls.grpcs(ask_for_certificate=True)) as fake:
        await Sampler(fake.address, own).change(ALWAYS)
        with pytest.raises(BackendUnavailable, match=r"set tls\.certificate and tls\.key in"):
            await Sampler(fake.address, Tls(ca=tls.CA)).change(ALWAYS)


async def test_it_checks_the_name_that_resolved_to_the_address() -> None:
    trusted = Tls(ca=tls.CA)
    async with fake_instance(tls.grpcs()) as fake:
        await Sampler(fake.address, trusted, tls.SERVER_NAME).change(ALWAYS)
        with pytest.raises(BackendUnavailable, match="has a certificate for another name"):
            await Sampler(fake.address, trusted, "other.example.com").change(ALWAYS)


async def test_it_resolves_a_list_to_itself() -> None:
    service = Service("petstore", "petstore", instances=("b:2", "a:1"))
    assert await resolve(service) == ("b:2", "a:1")
    assert server_name(service) == ""


async def test_it_resolves_a_name_to_all_its_addresses() -> None:
    found = await resolve(Service("petstore", "petstore", dns="localhost:7000"))
    assert "127.0.0.1:7000" in found
    assert set(found) <= {"127.0.0.1:7000", "[::1]:7000"}


async def test_it_says_that_a_name_does_not_resolve() -> None:
    service = Service("petstore", "petstore", dns="petstore.invalid:7000")
    with pytest.raises(BackendUnavailable) as caught:
        await resolve(service)
    assert str(caught.value).startswith(
        "the instances of petstore cannot be found: petstore.invalid does not resolve ("
    )
    assert server_name(service) == "petstore.invalid"
