"""The watcher looks at new traces for proof, and what it finds is shown with the instances."""

from dataclasses import replace
from datetime import timedelta

import grpc
import pytest

from ops.actor import Actor
from ops.database import in_database
from ops.errors import BackendUnavailable
from ops.sampling import actions
from ops.sampling.models import Instance, Revision, RootsSeen
from ops.sampling.proof import Proof, Way
from ops.sampling.proving import LATER, PROVER, YOUNG, SiteProving
from ops.sampling.rounds import EACH
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.policies import rate
from ops.watch import lease
from ops.watch.lease import LeaseLost
from ops.watch.models import WatchedSite
from tests.conftest import SiteFile
from tests.fakes.jaeger import ANY_JAEGER, FakeJaeger, span, trace

pytestmark = [pytest.mark.django_db(transaction=True), ANY_JAEGER]
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def work(jaeger: FakeJaeger, site_file: SiteFile, operator: Actor) -> SiteProving:
    """A service set to 10% two minutes ago, which its one instance has confirmed."""
    site_file(
        f"""
        [sites.demo]
        default_service = "petstore"
        [sites.demo.jaeger]
        address = "{jaeger.address}"
        [sites.demo.remote]
        default_sampling = "1%"
        [sites.demo.services.petstore]
        jaeger_name = "pets"
        [sites.demo.services.idle]
        """
    )
    await actions.change_policy(operator, policy=rate(0.1))
    await in_database(_confirmed)
    [found] = await in_database(lease.claim, "a", ["demo"], 60.0, 1)
    return SiteProving(sites().site("demo"), found)


def _confirmed() -> None:
    made = Revision.objects.get()
    Revision.objects.update(at=made.at - 2 * MINUTE)
    Instance.objects.create(
        site="demo",
        service="petstore",
        way=Way.OPAMP,
        key="one",
        address="10.0.0.1",
        first_heard=made.at,
        heard=made.at,
        sent_revision=made.id,
        sent_strategy=made.strategy,
        sent_rate=made.rate,
        sent_at=made.at - 2 * MINUTE,
        proof=Proof.CONFIRMED,
        proven_revision=made.id,
    )


def kept(jaeger: FakeJaeger, share: float, seconds_ago: float = 10) -> None:
    tags = {"sampler.type": "probabilistic", "sampler.param": share}
    start = timerange.now_ns() - int(seconds_ago * timerange.SECOND)
    jaeger.add(
        trace(span("pets", "GET", start=start, tags=tags, resource={"service.instance.id": "one"}))
    )


async def shown(operator: Actor) -> Proof | None:
    [found] = (await actions.current(operator)).instances
    return found.proof


async def test_roots_that_contradict_are_shown(
    work: SiteProving, jaeger: FakeJaeger, operator: Actor
) -> None:
    kept(jaeger, 1.0, seconds_ago=118)
    now = timerange.now_ns()
    await work.round(now)
    assert await shown(operator) is Proof.CONFIRMED, "that one began before it could know"
    kept(jaeger, 1.0)
    await work.round(now + EACH)
    now_shown = await actions.current(operator)
    assert [each.proof for each in now_shown.instances] == [Proof.CONTRADICTED]
    assert now_shown.confirmed == 0


async def test_it_asks_seldom_and_only_of_what_is_in_force(
    work: SiteProving, jaeger: FakeJaeger
) -> None:
    now = timerange.now_ns()
    await work.round(now)
    [asked] = [call.request.query for call in jaeger.calls if call.method == "FindTraces"]
    assert (asked.service_name, asked.search_depth) == ("pets", 20)
    await work.round(now + EACH - 1)
    await work.round(now + EACH)
    assert jaeger.methods().count("FindTraces") == 2
    old = now + YOUNG
    for at in (old, old + EACH, old + LATER):
        await work.round(at)
    assert jaeger.methods().count("FindTraces") == 4


async def test_what_was_found_of_another_revision_or_long_ago_does_not_count(
    work: SiteProving, jaeger: FakeJaeger, operator: Actor
) -> None:
    kept(jaeger, 1.0)
    await work.round(timerange.now_ns())
    assert await shown(operator) is Proof.CONTRADICTED
    await in_database(lambda: RootsSeen.objects.update(until=Revision.objects.get().at))
    assert await shown(operator) is Proof.CONFIRMED
    await work.round(timerange.now_ns() + EACH)
    await in_database(RootsSeen.objects.update, revision=10**6)
    assert await shown(operator) is Proof.CONFIRMED


async def test_a_jaeger_that_fails_proves_nothing_and_is_asked_again(
    work: SiteProving, jaeger: FakeJaeger, operator: Actor
) -> None:
    kept(jaeger, 1.0)
    jaeger.fail(grpc.StatusCode.UNAVAILABLE, "no storage")
    now = timerange.now_ns()
    with pytest.raises(BackendUnavailable):
        await work.round(now)
    assert await shown(operator) is Proof.CONFIRMED
    jaeger.recover()
    await work.round(now + timerange.SECOND)
    assert await shown(operator) is Proof.CONTRADICTED


async def test_a_watcher_that_has_lost_the_site_writes_nothing(
    work: SiteProving, jaeger: FakeJaeger
) -> None:
    kept(jaeger, 1.0)
    await in_database(WatchedSite.objects.update, epoch=9)
    with pytest.raises(LeaseLost):
        await work.round(timerange.now_ns())
    assert not await in_database(RootsSeen.objects.exists)


async def test_only_sites_with_traces_and_services_that_can_be_set_are_looked_at(
    work: SiteProving,
) -> None:
    site = sites().site("demo")
    assert PROVER.has(site)
    assert not PROVER.has(replace(site, jaeger=None))
    assert not PROVER.has(replace(site, remote=None))
