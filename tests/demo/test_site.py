"""The whole demo site, through the same actions as the doors use."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.database import in_database
from ops.errors import Conflict
from ops.overview import actions as overview
from ops.requests import actions as requests
from ops.sampling import actions as sampling
from ops.sampling.proof import Way
from ops.sites import sites
from ops.traces import actions as traces
from ops.versions import actions as versions
from ops.vocabulary.filters import parse_query
from ops.vocabulary.policies import ALWAYS, NEVER, Policy
from ops.vocabulary.units import unit_told, with_unit
from opsportal.demo.rules import rules
from opsportal.demo.site import PETSTORES, DemoSite
from opsportal.remote import remote_beside
from tests.conftest import Person, SiteFile, actor_of

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 60  # seconds


@pytest.fixture
async def site(site_file: SiteFile) -> AsyncIterator[DemoSite]:
    async with DemoSite() as site:
        site_file(site.sites_toml)
        yield site


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - spans come when they come
            await asyncio.sleep(0.1)


async def test_it_has_something_true_on_every_page(site: DemoSite, operator: Actor) -> None:
    async def traces_arrive() -> bool:
        found = await traces.list_traces(operator, query=parse_query("service=petstore"))
        return len(found.traces) > 0 and {"petstore", "store"} <= {*await traces.services(operator)}

    await until(traces_arrive)
    services = await traces.services(operator)
    for line in await versions.list_versions(operator):
        assert not line.problem
        if line.service == "petstore":
            assert line.summary == "1.2.0 on 3 of 3"
    page = await overview.show_overview(operator)
    assert page.problems == ()
    assert {line.service: line.problems for line in page.lines} == dict.fromkeys(
        ("petstore", "store", "mailer"), ()
    )
    now = time.time_ns()
    then = await overview.show_snapshot(operator, services=services, start=now, end=now)
    assert {line.service for line in then.lines} >= {"petstore", "store"}
    assert then.problems == ()
    listed = await alerts.list_alerts(operator)
    assert (listed.sources, listed.failures, listed.broken_rules) == (2, (), ())


@asynccontextmanager
async def machines_door() -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(remote_beside(stop))
        try:
            yield
        finally:
            stop.set()


async def test_a_change_reaches_each_petstore_in_its_way(
    site_file: SiteFile, operator: Actor, person: Person, tmp_path: Path, settings: Settings
) -> None:
    settings.REMOTE_STATE = tmp_path
    approver = await in_database(person, "ada", "approvers")
    restarts: list[str] = []

    async def traced() -> set[str]:
        """Which of the petstores have new traces."""
        found = set()
        for name in PETSTORES:
            query = parse_query(f"service=petstore service.instance.id={name} last=2s")
            if (await traces.list_traces(operator, query=query)).traces:
                found.add(name)
        return found

    async with DemoSite(restarts=lambda: restarts.pop() if restarts else "") as site:
        site_file(site.sites_toml)
        [pushed] = sites().site("demo").service("petstore").instances

        async def is_confirmed(policy: Policy) -> bool:
            now = await sampling.current(operator)
            return {
                (each.address, each.way) for each in now.instances if each.policy == policy
            } == {
                (pushed, Way.PUSH),
                ("petstore-2", Way.REMOTE),
                ("petstore-3", Way.OPAMP),
            } and now.confirmed == 3

        async def all_traced() -> bool:
            return await traced() == {*PETSTORES}

        async def none_traced() -> bool:
            return await traced() == set()

        async def only_the_restarted() -> bool:
            return await traced() == {"petstore-1"}

        async with machines_door():
            change = await sampling.change_policy(operator, policy=NEVER)
            assert [each.address for each in change.instances if each.confirmed] == [pushed]
            await until(partial(is_confirmed, NEVER))
            await until(none_traced)
            restarts.append("petstore-1")
            await until(only_the_restarted)
            with pytest.raises(Conflict, match="ver petstore's ceiling of 6 traces/s"):
                await sampling.change_policy(operator, policy=ALWAYS)
            asked = await requests.ask(operator, policy=ALWAYS)
            await requests.apply(actor_of(approver), key=asked.key)
            await until(partial(is_confirmed, ALWAYS))
            await until(all_traced)


async def test_its_doors_see_each_trouble(site_file: SiteFile, operator: Actor) -> None:
    now = [250.0]
    async with DemoSite(clock=lambda: now[0]) as site:
        site_file(site.sites_toml)

        async def mixed() -> bool:
            shown = await versions.show_versions(operator)
            return shown.summary == "1.3.1 on 1 of 3, 1.3.0 on 2 of 3"

        async def doubted() -> str:
            listed = await alerts.list_alerts(operator, patience=1)
            return listed.headline()

        await until(mixed)
        now[0] = 500.0

        async def broken() -> bool:
            return "SlowRequests" in await doubted()

        await until(broken)
        now[0] = 600.0 + 420

        async def silent() -> bool:
            return "prometheus-b did not answer" in await doubted()

        await until(silent)
        now[0] = 600.0

        async def calm() -> bool:
            return await doubted() == "Nothing is firing"

        await until(calm)


async def test_it_ends_cleanly(site_file: SiteFile) -> None:
    before = set(threading.enumerate())
    async with DemoSite() as site:
        site_file(site.sites_toml)
        assert sites().site("demo").default_service == "petstore"
    new = [each.name for each in threading.enumerate() if each not in before]
    assert [name for name in new if "Otel" in name] == []


def test_its_rules_are_known_queries_of_its_services() -> None:
    jobs = {"petstore", "store", "mailer"}
    assert {rule.labels["job"] for rule in rules() if rule.name != "Watchdog"} <= jobs
    assert all(rule.state == "inactive" for rule in rules())


def test_its_shares_are_shown_as_percentages() -> None:
    shares = [each for each in rules() if "humanizePercentage" in each.annotations["summary"]]
    assert len(shares) == 3
    told = {unit_told(each.labels, each.annotations) for each in shares}
    assert [with_unit("2.279e-01", unit) for unit in told] == ["22.8%"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--sampling=7"], '--sampling: "7" is not a sampling policy'),
        (["--listen=here"], 'argument --listen: "here" is not host:port'),
        (["--otlp=here"], 'argument --otlp: "here" is not host:port'),
        (["--otlp=ftp://a:1"], '"ftp://a:1" is not host:port or http://host:port'),
        (["--listen=a:99999"], "is not host:port, such as 127.0.0.1:6742"),
        (["--traffic=-1"], 'argument --traffic: "-1" is not a number of calls per second'),
    ],
)
def test_it_refuses_wrong_options_of_the_petstore(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("petstore", *arguments)
