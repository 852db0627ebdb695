"""A plain Python service follows a server by its environment alone; an OTLP sink counts."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opsportal_sampler.strategies import (
    PerOperation,
    Probabilistic,
    RateLimiting,
    Strategy,
    read_document,
)

from tests.clients.server import fake_server, rate
from tests.clients.test_opamp import OpampServer, config
from tests.live import portals, servers
from tests.ports import free_ports

PACKAGE = servers.ROOT / "clients" / "opsportal-sampler"
SERVICE = """
import itertools, time
from opentelemetry import trace
tracer = trace.get_tracer("shop")
for number in itertools.count():
    with tracer.start_as_current_span("order", attributes={"number": number}):
        with tracer.start_as_current_span("payment"):
            time.sleep(0.002)
"""
Sets = Callable[[float], None]
Way = Callable[[Path], AbstractContextManager[tuple[str, Sets]]]


class Sink(trace_service_pb2_grpc.TraceServiceServicer):
    """Counts the spans that arrive."""

    def __init__(self) -> None:
        self.url = ""
        self.instances: set[str] = set()
        self.names: Counter[str] = Counter()
        self._kept: defaultdict[float, list[int]] = defaultdict(list)

    def Export(  # noqa: N802 - gRPC's name
        self, request: trace_service_pb2.ExportTraceServiceRequest, _: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            of_process = _attributes(resource.resource.attributes)
            self.instances.add(of_process["service.instance.id"].string_value)
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                self.names[span.name] += 1
                said = _attributes(span.attributes)
                if span.name == "order":
                    at = said["sampler.param"].double_value
                    self._kept[at].append(said["number"].int_value)
        return trace_service_pb2.ExportTraceServiceResponse()

    def kept(self, at: float, enough: int = 1) -> list[int]:
        """The numbers of the orders that were kept at this rate, as soon as there are enough.

        Those that were not kept are the gaps.
        """
        numbers = list(self._kept[at])
        return numbers if len(numbers) >= enough else []


def _attributes(found: Iterable[KeyValue]) -> dict[str, AnyValue]:
    return {each.key: each.value for each in found}


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    server = grpc.server(ThreadPoolExecutor(1))
    add_to_server: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add_to_server(sink, server)
    sink.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield sink
    server.stop(None).wait()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as pip installs it, with its entry points."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    shutil.copytree(PACKAGE, source, dirs_exist_ok=True)
    options = "--no-deps", "--no-build-isolation", "--no-index", "--quiet"
    command = sys.executable, "-m", "pip", "install", *options, "--target", target, source
    subprocess.run([str(word) for word in command], check=True)
    return target


@contextmanager
def remote_sampling(_: Path) -> Iterator[tuple[str, Sets]]:
    with fake_server() as server:
        yield f"endpoint={server.url}", lambda to: server.serves(rate(to), f'"{to}"')


@contextmanager
def opamp(_: Path) -> Iterator[tuple[str, Sets]]:
    with fake_server() as server:
        offering = OpampServer(server)

        def sets(to: float) -> None:
            offering.offers = config(int(to * 100), elastic={"sampling_rate": f"{to}"})

        yield f"opamp={server.url}", sets


@contextmanager
def jaeger(folder: Path) -> Iterator[tuple[str, Sets]]:
    strategies = folder / "strategies.json"

    def sets(to: float) -> None:
        document = {"default_strategy": {"type": "probabilistic", "param": to}}
        strategies.write_text(json.dumps(document))

    sets(1.0)
    with servers.jaeger_sampling(folder, strategies) as url:
        yield f"endpoint={url}", sets


@contextmanager
def plain_service(installed: Path, folder: Path, argument: str, otlp: str) -> Iterator[None]:
    """Run it with what an operator sets, and nothing in code; it has found its server."""
    program = folder / "service.py"
    program.write_text(SERVICE)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(installed),
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_TRACES_SAMPLER": "parentbased_jaeger_remote",
        "OTEL_TRACES_SAMPLER_ARG": f"{argument},pollingIntervalMs=200",
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    instrument = Path(sys.executable).parent / "opentelemetry-instrument"
    command = instrument, sys.executable, program
    (folder / "service").mkdir()
    with servers.running(command, folder / "service", lambda: True, env=environment):
        yield


def counted(sink: Sink, at: float) -> float:
    """The part of all orders that is kept while the service says that it is this part."""
    numbers = servers.until(partial(sink.kept, at, enough=200), f"kept at {at}")
    return len(numbers) / (max(numbers) - min(numbers) + 1)


@pytest.mark.parametrize("way", [remote_sampling, opamp, jaeger])
def test_a_plain_service_follows_while_it_runs(
    way: Way, installed: Path, sink: Sink, tmp_path: Path
) -> None:
    with way(tmp_path) as (argument, sets):
        sets(0.5)
        with plain_service(installed, tmp_path, argument, sink.url):
            for wanted in 0.5, 0.1, 1.0:
                sets(wanted)
                assert counted(sink, wanted) == pytest.approx(wanted, rel=0.3)
    assert set(sink.names) == {"order", "payment"}  # none of a poll
    assert len(sink.instances) == 1


SITES = """
[sites.shop.jaeger]
address = "127.0.0.1:1"
[sites.shop.remote]
default_sampling = "20%"
[sites.shop.services.shop]
"""
RAISE = """
from datetime import timedelta
from django.utils import timezone
from ops.sampling.models import Revision
now = timezone.now()
Revision.objects.create(
    at=now, site="shop", service="shop", strategy="always", rate=1.0,
    until=now + timedelta(seconds=10), then_strategy="rate", then_rate=0.5,
    previous="", actor="olga", door="browser", request_id="raise",
)
"""


@pytest.mark.parametrize("way", ["endpoint=http://{}", "opamp=http://{}/v1/opamp"])
def test_a_raise_ends_in_time_although_opsportal_is_away(
    way: str, installed: Path, sink: Sink, tmp_path: Path
) -> None:
    http, rpc = (f"127.0.0.1:{port}" for port in free_ports(2))
    addresses = {"OPSPORTAL_REMOTE_ADDRESS": http, "OPSPORTAL_REMOTE_GRPC_ADDRESS": rpc}
    state = {"OPSPORTAL_REMOTE_STATE": str(tmp_path / "state")}
    portal = portals.portal(tmp_path, SITES, **addresses, **state)
    argument = f"{way.format(http)},initialSamplingRate=0.2"
    with plain_service(installed, tmp_path, argument, sink.url):
        with portal.running("remote", tmp_path):
            assert counted(sink, 0.2) == pytest.approx(0.2, rel=0.3)
            portal.manage("shell", "--verbosity", "0", "--command", RAISE)
            assert counted(sink, 1.0) == pytest.approx(1.0)
        assert counted(sink, 0.5) == pytest.approx(0.5, rel=0.3)


def test_it_reads_every_strategy_of_a_real_jaeger(tmp_path: Path) -> None:
    """Which names the type by its number, and has all bounds as 0."""
    strategies = tmp_path / "strategies.json"
    checkout = {"operation": "checkout", "type": "probabilistic", "param": 1}
    services = [
        {"service": "limited", "type": "ratelimiting", "param": 5},
        {
            "service": "each",
            "type": "probabilistic",
            "param": 0.5,
            "operation_strategies": [checkout],
        },
    ]
    never = {"type": "probabilistic", "param": 0}
    document = {"default_strategy": never, "service_strategies": services}
    strategies.write_text(json.dumps(document))
    with servers.jaeger_sampling(tmp_path, strategies) as url:

        def read(service: str) -> Strategy:
            answer = httpx.get(f"{url}/sampling", params={"service": service})
            return read_document(answer.content).strategy

        assert read("any") == Probabilistic(0)
        assert read("limited") == RateLimiting(5)
        assert read("each") == PerOperation(0.5, rates={"checkout": 1})
