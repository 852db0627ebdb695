"""One press samples the services in which an alert's failing traces begin."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import grpc
import pytest

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import InvalidInput, NotFound, NotPermitted
from ops.overview.actions import propose_raise, raise_sampling
from ops.requests.actions import State
from ops.sampling.actions import change_policy
from ops.sampling.terms import Term
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, Policy, rate
from tests.conftest import SiteFile
from tests.fakes.instance import FakeInstance, fake_instance
from tests.fakes.jaeger import ANY_JAEGER, FakeJaeger, Planned, span, trace
from tests.fakes.prometheus import FakePrometheus, alert

pytestmark = [pytest.mark.django_db(transaction=True), ANY_JAEGER]
SITE = """
[sites.production]
jaeger = {{ address = "{jaeger}" }}
prometheus = {{ name = "main", url = "{prometheus}" }}
[sites.production.services.gateway]
jaeger_name = "edge.gateway"
instances = ["{gateway}"]
sampling = "10%"
[sites.production.services.petstore]
instances = ["{petstore}"]
sampling = "25%"
sampling_ceiling = {ceiling}
requests = "requests"
version = "petstore_build_info"
[sites.production.services.store]
"""


@dataclass
class Place:
    site_file: SiteFile
    jaeger: FakeJaeger
    prometheus: FakePrometheus
    gateway: FakeInstance
    petstore: FakeInstance

    def set(self, ceiling: int = 1_000) -> None:
        self.site_file(
            SITE.format(
                jaeger=self.jaeger.address,
                prometheus=self.prometheus.url,
                gateway=self.gateway.address,
                petstore=self.petstore.address,
                ceiling=ceiling,
            )
        )

    def traced(self, number: int, *path: str, error: str | None = "") -> None:
        """Add failing traces that begin in the first of these services and end in the last."""
        for _ in range(number):
            children: tuple[Planned, ...] = ()
            for service in reversed(path):
                children = (span(service, "Call", children=children, error=error),)
            self.jaeger.add(trace(*children))

    async def fires(self, actor: Actor, name: str, job: str) -> str:
        self.prometheus.rule(name, alert(name, job=job))
        listed = await alerts.list_alerts(actor)
        return next(each.fingerprint for each in listed.alerts if each.name == name)


@pytest.fixture
async def place(site_file: SiteFile, jaeger: FakeJaeger) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        prometheus = await stack.enter_async_context(FakePrometheus())
        gateway = await stack.enter_async_context(fake_instance())
        petstore = await stack.enter_async_context(fake_instance())
        made = Place(site_file, jaeger, prometheus, gateway, petstore)
        prometheus.says("requests", ({}, 8.0))
        made.set()
        yield made


async def made() -> list[tuple[str, str, str]]:
    found = await in_database(list, AuditEntry.objects.order_by("seq"))
    return [(row.action, row.target, row.outcome) for row in found if row.actor == "olga"]


async def test_it_names_the_services_in_which_the_failing_traces_begin(
    operator: Actor, place: Place
) -> None:
    place.traced(12, "edge.gateway", "petstore", "store")
    place.traced(6, "petstore", "store")
    place.traced(1, "mobile", "store")
    place.traced(50, "store", error=None)
    fingerprint = await place.fires(operator, "StoreSlow", "store")

    found = await propose_raise(operator, fingerprint=fingerprint)

    assert (found.about, found.services) == (("store",), ("gateway", "petstore"))
    assert found.reason == "StoreSlow is firing"
    assert found.why == (
        "Of 19 failing traces of store, 12 begin in gateway and 6 in petstore: "
        "sampling is decided there."
    )


async def test_a_service_that_begins_its_own_traces_is_all_there_is(
    operator: Actor, place: Place
) -> None:
    place.traced(20, "petstore", "store")
    place.traced(1, "edge.gateway", "petstore")
    place.prometheus.says(
        "petstore_build_info",
        ({"instance": "petstore-1", "version": "1.2.0"}, 1),
        ({"instance": "petstore-3", "version": "1.3.0"}, 1),
    )
    fingerprint = await place.fires(operator, "QueueDeep", "petstore")

    found = await propose_raise(operator, fingerprint=fingerprint)

    assert (found.services, found.why) == (("petstore",), "")
    assert found.reason == "QueueDeep is firing; petstore 1.3.0 on 1 of 2"


@pytest.mark.parametrize(
    ("roots", "why"),
    [
        ((), ""),
        (
            ("mobile",),
            "All 3 failing traces of store begin in mobile. The site file does not have mobile, "
            "so that stays as it is.",
        ),
    ],
)
async def test_without_a_root_that_is_known_it_is_the_service_itself(
    operator: Actor, place: Place, roots: tuple[str, ...], why: str
) -> None:
    for each in roots:
        place.traced(3, each, "store")
    fingerprint = await place.fires(operator, "StoreSlow", "store")

    found = await propose_raise(operator, fingerprint=fingerprint)

    assert (found.services, found.why) == (("store",), why)


async def test_without_failing_traces_the_latest_count(operator: Actor, place: Place) -> None:
    place.traced(5, "petstore", "store", error=None)

    found = await propose_raise(operator, about=["store"])

    assert (found.services, found.failing, found.reason) == (("petstore",), False, "")
    assert "All 5 traces of store begin in petstore" in found.why


async def test_while_jaeger_is_silent_it_says_what_is_not_known(
    operator: Actor, place: Place
) -> None:
    place.jaeger.fail(grpc.StatusCode.UNAVAILABLE)
    fingerprint = await place.fires(operator, "StoreSlow", "store")

    found = await propose_raise(operator, fingerprint=fingerprint)

    assert found.services == ("store",)
    assert found.why.startswith("Where its traces begin is unknown, and sampling is decided there")


async def test_each_service_is_a_change_of_its_own_and_one_may_fail_alone(
    operator: Actor, place: Place
) -> None:
    fingerprint = await place.fires(operator, "StoreSlow", "store")
    services = ("gateway", "petstore", "store")

    done = await raise_sampling(operator, services=services, fingerprint=fingerprint)

    gateway, petstore, store = done
    assert gateway.change and petstore.change and store.error
    assert gateway.change.policy == rate(1.0)
    assert gateway.change.reason == petstore.change.reason == "StoreSlow is firing"
    assert gateway.change.until and gateway.change.then == rate(0.1)
    assert "has no instances" in str(store.error)
    assert place.gateway.told == place.petstore.told == [("STFloat", 1.0)]
    changed = [each for each in await made() if each[0] == "sampling.change_policy"]
    assert sorted(changed) == [
        ("sampling.change_policy", "production/gateway", "ok"),
        ("sampling.change_policy", "production/gateway", "started"),
        ("sampling.change_policy", "production/petstore", "ok"),
        ("sampling.change_policy", "production/petstore", "started"),
        ("sampling.change_policy", "production/store", "failed"),
        ("sampling.change_policy", "production/store", "started"),
    ]


async def test_above_the_ceiling_it_is_one_request_however_often_it_is_pressed(
    operator: Actor, place: Place
) -> None:
    place.set(ceiling=6)
    services = ("gateway", "petstore")

    first = await raise_sampling(operator, services=services, about=["petstore"])
    second = await raise_sampling(operator, services=services, about=["petstore"])

    assert first[0].change and second[0].kept, "and what keeps everything is left as it is"
    assert first[1].request and second[1].request
    assert first[1].request.key == second[1].request.key
    assert first[1].request.state is State.OPEN and first[1].request.over
    assert place.petstore.told == []
    assert len(place.gateway.told) == 1


@pytest.mark.parametrize(
    ("policy", "minutes", "changes"),
    [(ALWAYS, 0, False), (ALWAYS, 60, False), (ALWAYS, 5, True), (rate(0.99), 60, True)],
)
async def test_what_keeps_every_trace_for_long_enough_is_left_as_it_is(
    operator: Actor, place: Place, policy: Policy, minutes: int, changes: bool
) -> None:
    term = Term(minutes * timerange.MINUTE)
    await change_policy(operator, service="petstore", policy=policy, term=term)

    [done] = await raise_sampling(operator, services=["petstore"], about=["petstore"])

    assert (done.change is not None, done.kept is not None) == (changes, not changes)
    assert len(place.petstore.told) == 1 + changes


async def test_a_service_with_nothing_to_return_to_says_so(
    operator: Actor, place: Place, site_file: SiteFile
) -> None:
    site_file(f'[sites.production.services.bare]\ninstances = ["{place.gateway.address}"]')

    [unknown] = await raise_sampling(operator, services=["bare"], about=["bare"])

    assert "has no permanent sampling to return to" in str(unknown.error)


async def test_only_those_who_may_change_sampling_press(
    viewer: Actor, operator: Actor, place: Place
) -> None:
    with pytest.raises(NotPermitted):
        await raise_sampling(viewer, services=["petstore"], about=["petstore"])
    with pytest.raises(NotPermitted):
        await propose_raise(viewer, about=["petstore"])
    with pytest.raises(InvalidInput, match="name 1 to 4 services"):
        await raise_sampling(operator, about=["petstore"])
    with pytest.raises(NotFound):
        await raise_sampling(operator, services=["<b>"], about=["petstore"])
    fingerprint = await place.fires(operator, "Elsewhere", "unheard-of")
    with pytest.raises(NotFound, match="has the labels of"):
        await propose_raise(operator, fingerprint=fingerprint)
    assert place.petstore.told == []
