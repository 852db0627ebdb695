"""What ran before, by the real Prometheus: rollouts of which it already has the samples."""

import subprocess
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from ops.backends.clients import clients, close_clients
from ops.errors import NotFound
from ops.sites import Site, load
from ops.versions.actions import ServiceVersions, State
from ops.versions.describing import describe
from ops.versions.reading import STEPS, read
from ops.vocabulary.timerange import MINUTE, SECOND
from opsportal.demo.running import http_server
from tests.live import servers

pytestmark = pytest.mark.django_db(transaction=True)

SCRAPES = 15  # seconds between them
MANY = 25  # services: enough for their queries to be joined
SITE = """
[sites.live]
[[sites.live.prometheus]]
url = "{url}"
[sites.live.services.done]
version = 'build{{job="done"}}'
[sites.live.services.back]
[sites.live.services.late]
rollout_within = "30m"
[sites.live.services.pushed]
[sites.live.services.pod]
alerts = {{ namespace = "shop" }}
[sites.live.services.gone]
"""
# (metric and labels, from and until in minutes ago, value)
SAMPLES = [
    ('build{job="done",instance="a",version="v1.10.0"}', 170, 60, 1),
    ('build{job="done",instance="b",version="v1.10.0"}', 170, 50, 1),
    ('build{job="done",instance="a",version="v1.9.0"}', 60, 0, 1),
    ('build{job="done",instance="b",version="v1.9.0"}', 50, 0, 1),
    ('back_build_info{job="back",instance="a",version="1"}', 170, 90, 1),
    ('back_build_info{job="back",instance="a",version="2"}', 90, 40, 1),
    ('back_build_info{job="back",instance="a",version="1"}', 40, 0, 1),
    ('go_build_info{job="back",instance="a",version="(devel)"}', 170, 0, 1),
    ('shop_build_info{job="late",instance="a",revision="f00"}', 170, 45, 1),
    ('shop_build_info{job="late",instance="b",revision="f00"}', 170, 0, 1),
    ('shop_build_info{job="late",instance="a",revision="0ff"}', 45, 0, 1),
    ('up{job="late",instance="a"}', 170, 0, 1),
    ('up{job="late",instance="b"}', 170, 0, 1),
    ('up{job="late",instance="c"}', 170, 0, 0),
    ('target_info{job="shop/pushed",instance="x",service_version="3"}', 170, 0, 1),
    ('kube_deployment_status_condition{deployment="pushed",condition="Progressing",'
     'status="false"}', 10, 0, 1),
    ('kube_deployment_status_condition{deployment="back",condition="Progressing",'
     'status="false"}', 10, 0, 0),
    ('kube_pod_container_info{container="pod",pod="p-1",namespace="shop",image="r:5000/pod:4"}',
     170, 0, 1),
    ('kube_pod_container_info{container="pod",pod="p-0",namespace="shop",image="r:5000/pod:3"}',
     170, 0, 1),
    ('kube_pod_status_phase{pod="p-0",namespace="shop",phase="Failed"}', 170, 0, 1),
    ('kube_deployment_spec_paused{deployment="pod",namespace="test"}', 10, 0, 1),
    ('up{job="gone",instance="a"}', 170, 0, 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def now() -> int:
    return time.time_ns() // MINUTE * MINUTE


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, now: int) -> Iterator[Site]:
    """A site whose Prometheus knows its last hours."""
    folder = tmp_path_factory.mktemp("rollouts")
    many = [f"many-{number}" for number in range(MANY)]
    samples = SAMPLES + [
        (f'own{{job="{name}",instance="a",version="{version}"}}', start, end, 1)
        for name in many
        for version, start, end in (("1", 20, 10), ("2", 10, 0))
    ]
    _backfill(folder, samples, now)
    path = folder / "sites.toml"
    with servers.prometheus(folder, [], "groups: []") as url:
        services = (
            f"[sites.live.services.{name}]\nversion = 'own{{job=\"{name}\"}}'\n" for name in many
        )
        path.write_text(SITE.format(url=url) + "".join(services))
        yield load(path).site()


def _backfill(folder: Path, samples: Iterable[tuple[str, int, int, int]], now: int) -> None:
    """Write samples as Prometheus would have; without its marks of an end, a series lingers."""
    by_metric: dict[str, list[str]] = {}
    for name, start, end, value in samples:
        first, last = (now // SECOND - minutes * 60 for minutes in (start, end))
        lines = [f"{name} {value} {at}" for at in range(first, last, SCRAPES)]
        by_metric.setdefault(name.partition("{")[0], []).extend(lines)
    text = "".join(
        f"# TYPE {metric} gauge\n" + "\n".join(sorted(lines, key=_series)) + "\n"
        for metric, lines in by_metric.items()
    )
    (folder / "samples").write_text(text + "# EOF\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*command, folder / "samples", folder / "data"], check=True, timeout=60)


def _series(line: str) -> str:
    return line.partition(" ")[0]


@pytest.fixture
async def found(site: Site) -> AsyncIterator[dict[str, ServiceVersions]]:
    """What is known of each service; of some nothing."""
    services = list(site.services.values())
    prometheus = clients().prometheus(site, site.prometheus[0])
    reading = await read(prometheus, services, 0, past=True)
    yield {each.name: describe(site.name, each, reading, now=True) for each in services}
    await close_clients()


LINGERS = 5  # minutes


def minutes_ago(moment: int, now: int) -> int:
    return round((now - moment) / MINUTE)


async def test_it_tells_rollouts_apart(found: dict[str, ServiceVersions], now: int) -> None:
    done, back, late = (found[name] for name in ("done", "back", "late"))

    assert (done.summary, done.rollout.state) == ("v1.9.0 on 2 of 2", State.STEADY)
    assert done.rollout.previous == "v1.10.0"
    assert minutes_ago(done.rollout.since, now) == 50 - LINGERS
    assert (back.summary, back.news) == ("1 on 1 of 1", "went back to 1")
    assert minutes_ago(back.rollout.since, now) == 40 - LINGERS
    assert late.counts == (("0ff", 1), ("f00", 1))
    assert late.lacking == "1 down"
    assert late.news == "rollout of 0ff stuck at 1 of 3: it has taken longer than 30 min"
    assert minutes_ago(late.rollout.since, now) == 45


async def test_it_reads_the_usual_metrics_and_what_kubernetes_says(
    found: dict[str, ServiceVersions],
) -> None:
    pushed, pod, gone = (found[name] for name in ("pushed", "pod", "gone"))

    assert pushed.summary == "3 on 1 of 1"
    assert pushed.news == (
        "rollout stuck: Kubernetes says that it made no progress before its deadline"
    )
    assert (pod.summary, pod.rollout.state) == ("4 on 1 of 1", State.STEADY)
    assert gone.summary == "unknown, 1 down"


async def test_it_reads_joined_queries(found: dict[str, ServiceVersions], now: int) -> None:
    many = [versions for name, versions in found.items() if name.startswith("many-")]

    assert {(each.summary, each.rollout.previous) for each in many} == {("2 on 1 of 1", "1")}
    assert {minutes_ago(each.rollout.since, now) for each in many} == {10 - LINGERS}


async def test_it_says_what_ran_at_an_earlier_moment(site: Site, now: int) -> None:
    services = [site.service("done"), site.service("back")]
    prometheus = clients().prometheus(site, site.prometheus[0])
    at = now - 58 * MINUTE
    reading = await read(prometheus, services, at, past=False)
    done, back = (describe(site.name, each, reading, now=False) for each in services)
    await close_clients()

    assert done.counts[0][0] == "v1.9.0"
    assert back.spread == "2"


async def test_it_sees_a_rollout_while_it_happens(tmp_path: Path) -> None:
    versions = ["v1.10.0", "v1.10.0"]

    def page(number: int) -> web.Application:
        async def metrics(_: web.Request) -> web.Response:
            return web.Response(text=f'petstore_build_info{{version="{versions[number]}"}} 1\n')

        application = web.Application()
        application.router.add_get("/metrics", metrics)
        return application

    async with AsyncExitStack() as stack:
        pages = [
            await stack.enter_async_context(http_server("127.0.0.1:0", page(n))) for n in (0, 1)
        ]
        targets = [each.removeprefix("http://") for each in pages]
        url = stack.enter_context(servers.prometheus(tmp_path, targets, "groups: []"))
        path = tmp_path / "sites.toml"
        path.write_text(
            f'[sites.live]\n[[sites.live.prometheus]]\nurl = "{url}"\n'
            "[sites.live.services.petstore]\n"
        )
        site = load(path).site()
        stack.push_async_callback(close_clients)

        async def look() -> ServiceVersions | None:
            [service] = site.services.values()
            prometheus = clients().prometheus(site, site.prometheus[0])
            reading = await read(prometheus, [service], 0, past=True)
            try:
                return describe(site.name, service, reading, now=True)
            except NotFound:
                return None

        def has_a_past(found: ServiceVersions | None) -> bool:
            periods = found.history.periods if found and found.history else ()
            return sum(each.end - each.start > STEPS[0] for each in periods) == len(versions)

        await servers.eventually(look, has_a_past)
        versions[0] = "v1.9.0"
        rolling = await servers.eventually(look, lambda found: found and found.mixed)
        assert rolling
        assert rolling.counts == (("v1.9.0", 1), ("v1.10.0", 1))
        assert rolling.news == "rolling out v1.9.0: 1 of 2"
        assert rolling.rollout.previous == "v1.10.0"
        versions[1] = "v1.9.0"
        done = await servers.eventually(look, lambda found: found and not found.mixed)
        assert done
        assert done.summary == "v1.9.0 on 2 of 2"
        assert (done.rollout.state, done.rollout.previous) == (State.STEADY, "v1.10.0")
