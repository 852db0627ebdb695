"""The sampler in processes of its own: who they are, forks, and the end."""

import itertools
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest
from opentelemetry.sdk.resources import Resource
from opsportal_sampler.instance import Instance, InstanceDetector

from tests.clients.server import PATIENCE, FakeServer, rate

SOURCE = Path(__file__).parent.parent.parent / "clients" / "opsportal-sampler" / "src"
FORKS = """
import os, sys
from opentelemetry.sdk.trace import TracerProvider
from opsportal_sampler import jaeger_remote
provider = TracerProvider(sampler=jaeger_remote())
child = os.fork()
print(provider.resource.attributes["service.instance.id"], flush=True)
sys.stdin.read()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def environment(argument: str, **more: str) -> Mapping[str, str]:
    ours = {"PYTHONPATH": str(SOURCE), "OTEL_TRACES_SAMPLER_ARG": argument}
    return {**os.environ, **ours, **more}


def python(code: str, argument: str) -> "subprocess.CompletedProcess[str]":
    code = f"import os; {code}"
    return subprocess.run(
        [sys.executable, "-c", code.replace("ARG", 'os.environ["OTEL_TRACES_SAMPLER_ARG"]')],
        env=environment(argument),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )


def test_each_process_polls_as_the_instance_that_its_spans_name(server: FakeServer) -> None:
    server.serves(rate(0.5), '"r1"')
    argument = f"endpoint={server.url},pollingIntervalMs=100"
    code = FORKS.replace("jaeger_remote()", f"jaeger_remote({argument!r})")
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(argument, OTEL_SERVICE_NAME="shop"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        spans = {line(process.stdout), line(process.stdout)}
        acknowledged: set[str] = set()
        for _ in range(300):
            request = server.wait(lambda request: request.headers.get("If-None-Match") == '"r1"')
            assert request.path.endswith("?service=shop")
            acknowledged.add(request.headers["X-Service-Instance-Id"])
            if acknowledged == spans:
                break
        assert acknowledged == spans
        assert process.stdin
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    assert len(spans) == 2


def line(pipe: IO[str] | None) -> str:
    assert pipe
    return pipe.readline().strip()


@pytest.mark.parametrize("way", ["endpoint", "opamp"])
def test_a_process_ends_although_the_server_hangs(server: FakeServer, way: str) -> None:
    server.answer = lambda _: itertools.chain([b"HTTP/1.1 200 -\r\nX: "], itertools.repeat(b"a"))
    code = "import opsportal_sampler as o; s = o.jaeger_remote(ARG); print(s.get_description())"
    done = python(code, f"{way}={server.url}")
    assert done.stdout == "JaegerRemoteSampler{0.001}\n"


def test_opamp_without_its_extra_says_what_to_install(server: FakeServer) -> None:
    code = (
        "import sys; sys.modules['opentelemetry._opamp.client'] = None; "
        "import opsportal_sampler as o; print(o.jaeger_remote(ARG).get_description())"
    )
    done = python(code, f"opamp={server.url},initialSamplingRate=0.5")
    assert done.stdout == "JaegerRemoteSampler{0.5}\n"
    assert "pip install 'opsportal-sampler[opamp]'" in done.stderr
    assert not server.requests


def test_it_is_who_the_sdk_says(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = Resource.create().attributes
    assert Instance().id == resource["service.instance.id"]
    assert Instance().service == resource["service.name"]
    assert InstanceDetector().detect().attributes["service.instance.id"] == Instance().id
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=a%20shop,service.instance.id=1")
    assert (Instance().service, Instance().id) == ("a shop", "1")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    assert Instance().service == "shop"
    assert (Instance("b", "2").service, Instance("b", "2").id) == ("b", "2")
