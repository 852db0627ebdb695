"""Instances that Prometheus knows are sent their sampling at a port of their hosts."""

import asyncio

import pytest

from ops.actor import Actor
from ops.backends.addresses import addresses
from ops.errors import BackendUnavailable, InvalidInput
from ops.sampling import actions
from ops.sites import sites
from ops.vocabulary.policies import ALWAYS, NEVER, per_second
from tests.conftest import SiteFile
from tests.fakes.instance import fake_instance
from tests.fakes.prometheus import FakePrometheus, Fault
from tests.sampling.test_reconciling import after, reconciling

pytestmark = pytest.mark.django_db(transaction=True)
UP = 'up{job="petstore"}'


async def test_the_hosts_that_prometheus_scrapes_are_the_instances(
    operator: Actor, site_file: SiteFile
) -> None:
    async with FakePrometheus() as prometheus, fake_instance() as instance:
        host, _, port = instance.address.rpartition(":")
        site_file(
            f"""
            [sites.demo]
            default_service = "petstore"
            [[sites.demo.prometheus]]
            url = "{prometheus.url}"
            [sites.demo.services.petstore]
            targets_port = {port}
            """
        )
        prometheus.says(UP, ({"job": "petstore", "instance": f"{host}:9100"}, 1))
        made = await actions.change_policy(operator, policy=ALWAYS)
        assert [each.address for each in made.instances] == [instance.address]
        assert instance.told == [("STAlways", 0.0)]

        new = {"job": "petstore", "instance": "localhost:9100"}
        prometheus.says(UP, ({"job": "petstore", "instance": f"{host}:9100"}, 1), (new, 0))
        site = sites().site("demo")
        async with asyncio.timeout(30):  # an answer of a second ago is good enough
            while len(await addresses(site, site.service("petstore"))) < 2:
                pass
        await (await reconciling()).round(after(0))
        assert len(instance.told) == 2, "the new one got it, too"
        now = await actions.current(operator)
        assert [each.confirmed for each in now.instances] == [True, True]

        with pytest.raises(InvalidInput, match="cannot be sampled at 5 traces/s"):
            await actions.change_policy(operator, policy=per_second(5))
        prometheus.fault = Fault.LOGIN_PAGE

        async def until_it_fails() -> None:
            while True:
                await addresses(site, site.service("petstore"))

        with pytest.raises(BackendUnavailable, match="instances of petstore cannot be found"):
            await asyncio.wait_for(until_it_fails(), 30)
        with pytest.raises(BackendUnavailable):
            await actions.change_policy(operator, policy=NEVER)
        assert len(instance.told) == 2, "nothing was changed"
