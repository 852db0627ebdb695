"""Our sampler and unmodified agents of others follow what is set, and their proof is true.

All run at once: one of them asks every 30 seconds, and nothing changes that. Each numbers its
root spans, so that what arrives tells the rate.
"""

import asyncio
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ops.remote.agents import Agent
from ops.sampling.proof import Proof
from ops.sites import Service
from ops.vocabulary.policies import ALWAYS, per_second, rate
from ops.vocabulary.timerange import now_ns
from opsportal.listening import serving
from tests.live import servers
from tests.remote.conftest import KEY, Machines
from tests.web_server import listening

AGENTS = servers.HERE / "agents"
SAMPLER = servers.ROOT / "clients" / "opsportal-sampler" / "src"
PATIENCE = 240.0
SPANS = 500  # numbers to look at, while a tenth is kept
MARGIN = 100  # numbers that may have been decided before a change was in force
TENTH = rate(0.1)
JS, GO = "js-remote", "go-remote"
OURS = "opsportal-sampler"


@dataclass
class Sink:
    """What arrives over OTLP/HTTP: the numbers of root spans, by service."""

    numbers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        if scope["path"] == "/v1/traces":
            self._read(ExportTraceServiceRequest.FromString(body))
        head = [(b"content-type", b"application/x-protobuf")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b""})

    def _read(self, request: ExportTraceServiceRequest) -> None:
        for each in request.resource_spans:
            names = [
                a.value.string_value for a in each.resource.attributes if a.key == "service.name"
            ]
            for span in (span for scope in each.scope_spans for span in scope.spans):
                for attribute in span.attributes:
                    if attribute.key == "number":
                        self.numbers[names[0]].append(attribute.value.int_value)
                    if attribute.key == "url.query":  # Java's
                        query = dict(parse_qsl(attribute.value.string_value))
                        self.numbers[names[0]].append(int(query["number"]))


@dataclass
class Found:
    """What was seen of one agent: shares that arrived, and the proofs of both revisions."""

    shares: list[float] = field(default_factory=list)
    proofs: list[Agent] = field(default_factory=list)


@dataclass(frozen=True)
class Kind:
    """One agent: what prepares it, and how it is started with (program, door, sink)."""

    prepared_by: str
    command: Callable[[str, str, str], list[str]]
    proof: Proof
    sends_spans: bool = True


def _edot_python(programs: str, _door: str, _sink: str) -> list[str]:
    return [f"{programs}/opentelemetry-instrument", f"{programs}/python", f"{AGENTS}/service.py"]


def _edot_node(_modules: str, _door: str, _sink: str) -> list[str]:
    return ["node", "--import", "@elastic/opentelemetry-node", "service.js"]


def _java(jar: str, _door: str, _sink: str) -> list[str]:
    return ["java", "-Xmx128m", f"-javaagent:{jar}", f"{AGENTS}/Service.java"]


def _ours(way: str, name: str) -> Callable[[str, str, str], list[str]]:
    def command(_path: str, door: str, sink: str) -> list[str]:
        argument = f"{way}=http://{door},pollingIntervalMs=500,service={name}"
        return [sys.executable, f"{AGENTS}/ours.py", argument, f"http://{sink}", name]

    return command


KINDS = {
    "ours-remote": Kind(OURS, _ours("endpoint", "ours-remote"), Proof.CONFIRMED),
    "ours-opamp": Kind(OURS, _ours("opamp", "ours-opamp"), Proof.CONFIRMED),
    "edot-python": Kind("python", _edot_python, Proof.CONFIRMED),
    "edot-node": Kind("node", _edot_node, Proof.CONFIRMED),
    JS: Kind(
        "node",
        lambda _, door, sink: ["node", "remote.js", f"http://{door}", f"http://{sink}", JS],
        Proof.FETCHED,
    ),
    GO: Kind(
        "go",
        lambda programs, door, sink: [f"{programs}/remote", f"http://{door}/sampling", sink, GO],
        Proof.FETCHED,
    ),
    "java-remote": Kind("java", _java, Proof.FETCHED),
    **{
        f"opamp-go-{name}": Kind(
            "go",
            lambda programs, door, _, name=name, scheme=scheme, more=more: [  # type: ignore[misc]
                f"{programs}/opamp", f"{scheme}://{door}/v1/opamp", f"opamp-go-{name}", *more,
            ],
            Proof.CONFIRMED,
            sends_spans=False,
        )
        for name, scheme, more in (
            ("http", "http", []), ("gzip", "http", ["gzip"]), ("socket", "ws", []),
        )
    },
}  # fmt: skip


class Story:
    """Runs agents against the door, all at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sink = Sink()
        self.machines = Machines(services={name: Service(name, name) for name in KINDS})
        self.machines.clock = now_ns  # type: ignore[assignment]
        self.found = {name: Found() for name in KINDS}
        self.ports = ("", "", "")

    async def run(self, prepared: dict[str, str], names: set[str]) -> None:
        """Tell the story of these kinds, as far as they are prepared."""
        async with (
            listening(serving(self.sink)) as sink,
            self.machines.http() as door,
            self.machines.grpc() as grpc,
            asyncio.TaskGroup() as group,
        ):
            self.ports = door, grpc, sink
            pushing = group.create_task(self._push())
            wheres = {name: prepared.get(KINDS[name].prepared_by) for name in names}
            stories = (self._one(name, where) for name, where in wheres.items() if where)
            await asyncio.gather(*stories)
            pushing.cancel()

    async def _push(self) -> None:
        while True:
            await self.machines.sockets.push(self.machines.site)
            await asyncio.sleep(0.25)

    async def _one(self, name: str, where: str) -> None:
        kind, found = KINDS[name], self.found[name]
        async with self._process(name, where):
            with suppress(TimeoutError):  # what was not seen fails below
                async with asyncio.timeout(PATIENCE):
                    for revision, policy in ((1, TENTH), (2, ALWAYS)):
                        self.machines.set(name, revision, policy)
                        found.proofs.append(await self._proof(name, revision))
                        if kind.sends_spans:
                            found.shares.append(await self._share(name))

    @asynccontextmanager
    async def _process(self, name: str, where: str) -> AsyncIterator[None]:
        door, grpc, sink = self.ports
        environment = {
            **{key: os.environ[key] for key in ("HOME", "PATH")},
            "NODE_PATH": where,
            "PYTHONPATH": str(SAMPLER) if KINDS[name].prepared_by == OURS else "",
            "OTEL_SERVICE_NAME": name,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{sink}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "ELASTIC_OTEL_OPAMP_ENDPOINT": f"http://{door}/v1/opamp",
            "ELASTIC_OTEL_EXPERIMENTAL_OPAMP_HEARTBEAT_INTERVAL": "1000",
        }
        folder = AGENTS
        if KINDS[name].prepared_by == "java":
            environment["OTEL_JAVAAGENT_ENABLED"] = "true"  # though a compiler runs first
            environment["OTEL_TRACES_SAMPLER"] = "parentbased_jaeger_remote"
            argument = f"endpoint=http://{grpc},pollingIntervalMs=500,initialSamplingRate=0.5"
            environment["OTEL_TRACES_SAMPLER_ARG"] = argument
        if KINDS[name].prepared_by == "node":  # modules are looked for beside the program
            folder = self.folder / name
            folder.mkdir()
            (folder / "node_modules").symlink_to(where)
            for program in AGENTS.glob("*.js"):
                (folder / program.name).write_bytes(program.read_bytes())
        with (self.folder / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *KINDS[name].command(where, door, sink),
                env=environment, cwd=folder, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    async def _proof(self, name: str, revision: int) -> Agent:
        """Wait for the proof that this kind of agent can give."""
        wanted = KINDS[name].proof

        def agent() -> Agent | None:
            agents = self.machines.site.agents.unwritten(0)
            mine = (each for each in agents if each.service == name and each.proof is wanted)
            return next(
                (each for each in mine if revision in (each.proven_revision, each.sent_revision)),
                None,
            )

        while (found := agent()) is None:  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.05)
        return found

    async def _share(self, name: str) -> float:
        """Return the share that arrives, of spans that were started from now on."""
        numbers = self.sink.numbers[name]
        first = max(numbers, default=0) + MARGIN
        while max(numbers, default=0) < first + SPANS:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        kept = {number for number in numbers if first <= number < first + SPANS}
        return len(kept) / SPANS


@pytest.fixture(scope="module")
def prepared() -> dict[str, str]:
    """Where the agents are that can be had here; why not, for others."""
    kinds = {kind.prepared_by for kind in KINDS.values()} - {OURS}
    found = {OURS: str(SAMPLER)}
    for kind in sorted(kinds):
        made = subprocess.run(
            [servers.HERE / "agents.sh", kind],
            check=False,
            capture_output=True,
            text=True,
            timeout=180,
        )
        found[kind] = made.stdout.strip() if made.returncode == 0 else f"!{made.stderr.strip()}"
    return found


@pytest.fixture(scope="module")
def story(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    prepared: dict[str, str],
) -> Story:
    """Everything that happened, to those that are tested."""
    told = Story(tmp_path_factory.mktemp("agents"))
    names = {name for name in KINDS for item in request.session.items if f"[{name}]" in item.name}
    there = {kind: at for kind, at in prepared.items() if not at.startswith("!")}
    asyncio.run(told.run(there, names))
    return told


@pytest.mark.parametrize("name", KINDS)
def test_it_follows_and_its_proof_is_true(
    name: str, story: Story, prepared: dict[str, str]
) -> None:
    where = prepared[KINDS[name].prepared_by]
    if where.startswith("!"):
        pytest.skip(where[1:])  # in CI too: no registry has everything, so what is missing is named
    found = story.found[name]
    log = (story.folder / f"{name}.log").read_text(errors="replace")[-2000:]
    assert [each.proof for each in found.proofs] == [KINDS[name].proof] * 2, log
    if KINDS[name].sends_spans:
        tenth, all_ = found.shares
        assert 0.04 < tenth < 0.2 and all_ > 0.97, (found.shares, log)


async def test_jaeger_serves_our_document_which_it_gets_with_a_key(tmp_path: Path) -> None:
    """Go's client sends the password of a URL, so a Jaeger elsewhere can come with a key."""
    machines = Machines()
    machines.set("petstore", 1, TENTH)
    async with machines.http() as door:
        url = f"http://jaeger:{quote(KEY)}@{door}/strategies.json"
        async with AsyncExitStack() as stack:
            running = servers.jaeger_sampling(tmp_path, url)
            jaeger = await asyncio.to_thread(running.__enter__)
            stack.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
            client = await stack.enter_async_context(httpx.AsyncClient())

            async def ask() -> Any:
                return (await client.get(f"{jaeger}/sampling?service=petstore")).json()

            assert (await ask())["probabilisticSampling"] == {"samplingRate": 0.1}
            machines.set("petstore", 2, per_second(5))
            limit = {"maxTracesPerSecond": 5}
            await servers.eventually(ask, lambda found: found.get("rateLimitingSampling") == limit)
