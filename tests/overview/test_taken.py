"""Which sampling took a trace: what it says itself, and what was in force where it begins."""

from typing import Any

import pytest

from ops.actor import Actor
from ops.errors import NotFound
from ops.overview.actions import Taken, explain_taken
from ops.sampling.actions import change_policy
from ops.vocabulary.policies import Policy, parse_policy, per_second, rate
from tests.conftest import SiteFile
from tests.fakes.instance import fake_instance
from tests.fakes.jaeger import ANY_JAEGER, FakeJaeger, span, trace

SITE = """
[sites.production]
jaeger = {{ address = "{jaeger}" }}
[sites.production.services.petstore]
jaeger_name = "shop.petstore"
instances = ["{instance}"]
"""


@pytest.mark.parametrize(
    ("carried", "said", "in_force", "sentence"),
    [
        (rate(1.0), "", None, "100%, as the trace itself says"),
        (rate(1.0), "", rate(1.0), "100%, as the trace itself says; that was in force in shop"),
        (rate(0.0999999), "", rate(0.1), "that was in force in shop"),
        (rate(0.25), "", rate(1.0), "25%, as the trace itself says, though 100% was in force"),
        (per_second(5), "", per_second(5), "5 traces/s, as the trace itself says; that was in"),
        (per_second(5), "", rate(1.0), "5 traces/s, as the trace itself says, though 100% was"),
        (None, "sampler.type=remote", rate(0.1), "sampler.type=remote, as the trace itself says,"),
        (None, "", rate(0.1), "10%, the policy of shop then; the trace does not record it"),
    ],
)
def test_it_says_which_of_the_two_it_knows(
    carried: Policy | None, said: str, in_force: Policy | None, sentence: str
) -> None:
    assert sentence in Taken("shop", carried, said, None, in_force).sentence


async def taken(jaeger: FakeJaeger, actor: Actor, service: str, **more: Any) -> Taken | None:
    trace_id = jaeger.add(trace(span(service, "GET /pets", **more)))
    return await explain_taken(actor, trace_id=trace_id)


@ANY_JAEGER
@pytest.mark.django_db(transaction=True)
async def test_it_reads_the_root_and_what_was_in_force_there(
    operator: Actor, viewer: Actor, site_file: SiteFile, jaeger: FakeJaeger
) -> None:
    carried = {"sampler.type": "probabilistic", "sampler.param": 0.25}
    odd = {"sampler.type": "lower\nbound" * 50, "sampler.param": 7}
    async with fake_instance() as instance:
        site_file(SITE.format(jaeger=jaeger.address, instance=instance.address))
        before = await taken(jaeger, viewer, "shop.petstore")
        by_operation = parse_policy("50%")
        change = await change_policy(operator, policy=by_operation, service="petstore")
        own = await taken(jaeger, viewer, "shop.petstore", tags=carried)
        other = await taken(jaeger, viewer, "shop.petstore", tags=odd)
        silent = await taken(jaeger, viewer, "shop.petstore")
        elsewhere = await taken(jaeger, viewer, "kafka", tags=carried)
        rootless = await taken(jaeger, viewer, "shop.petstore", tags=carried, parent_id="ab" * 8)

    assert before is None, "nothing had been set"
    assert own == Taken("shop.petstore", rate(0.25), "", change, rate(0.5))
    assert other and len(other.said) < 120 and other.carried is None
    assert silent == Taken("shop.petstore", None, "", change, rate(0.5))
    assert elsewhere == Taken("kafka", rate(0.25), "", None, None)
    assert rootless is None, "another span's sampler decided"


@ANY_JAEGER
@pytest.mark.django_db(transaction=True)
async def test_there_has_to_be_such_a_trace(
    viewer: Actor, site_file: SiteFile, jaeger: FakeJaeger
) -> None:
    site_file(SITE.format(jaeger=jaeger.address, instance="127.0.0.1:1"))
    with pytest.raises(NotFound):
        await explain_taken(viewer, trace_id="ab" * 16)
