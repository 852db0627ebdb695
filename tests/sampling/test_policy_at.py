"""Which policy was in force, as far as our own changes tell."""

import grpc
import pytest

from ops.actor import Actor
from ops.errors import NotConfirmed, NotPermitted
from ops.sampling.actions import change_policy, policy_at
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, NEVER
from tests.conftest import SiteFile
from tests.fakes.instance import fake_instance

pytestmark = pytest.mark.django_db(transaction=True)

SITE = """
[sites.demo]
default_service = "petstore"
[sites.demo.services.petstore]
instances = ["{first}", "{second}"]
[sites.demo.services.orders]
"""


async def test_it_returns_the_newest_change_at_or_before_the_moment(
    operator: Actor, site_file: SiteFile
) -> None:
    async with fake_instance() as first, fake_instance() as second:
        site_file(SITE.format(first=first.address, second=second.address))
        began = timerange.now_ns()
        always = await change_policy(operator, policy=ALWAYS)
        between = timerange.now_ns()
        second.fails = grpc.StatusCode.UNAVAILABLE
        with pytest.raises(NotConfirmed):
            await change_policy(operator, policy=NEVER)

    assert await policy_at(operator, at=began) is None
    assert await policy_at(operator, at=between) == always
    now = await policy_at(operator)
    assert now is not None
    assert (now.policy, now.confirmed, len(now.instances)) == (NEVER, 1, 2)
    assert await policy_at(operator, service="orders") is None


async def test_it_tells_a_stranger_nothing(stranger: Actor, site_file: SiteFile) -> None:
    site_file(SITE.format(first="127.0.0.1:1", second="127.0.0.1:2"))

    with pytest.raises(NotPermitted):
        await policy_at(stranger)
