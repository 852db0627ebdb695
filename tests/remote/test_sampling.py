"""Jaeger's remote sampling: over HTTP, over gRPC, and for opsportal-sampler."""

import grpc.aio
import httpx
import pytest

from ops.remote.agents import MOST, Agent, Peer
from ops.sampling.proof import Proof
from ops.sampling.revisions import InForce
from ops.sites import Service
from ops.vocabulary.policies import NEVER, per_second, rate
from ops.vocabulary.timerange import MINUTE
from proto.jaeger.api_v2.sampling_pb2 import (
    PROBABILISTIC,
    RATE_LIMITING,
    SamplingStrategyParameters,
    SamplingStrategyResponse,
)
from proto.jaeger.api_v2.sampling_pb2_grpc import SamplingManagerStub
from tests.remote.conftest import Machines

METHOD = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy"
DEFAULT = {"strategyType": "PROBABILISTIC", "probabilisticSampling": {"samplingRate": 0.01}}
OURS = {"X-Service-Instance-Id": "one%2Ftwo", "X-Sampling-Phase": "initial"}


def heard(machines: Machines) -> list[Agent]:
    return machines.site.agents.unwritten(machines.clock.now)


@pytest.mark.parametrize("path", ["/sampling", "/api/sampling", "/api/sampling/sampling"])
@pytest.mark.parametrize("prefix", ["", "/sites/demo"])
async def test_it_answers_what_is_in_force(
    path: str, prefix: str, machines: Machines, http: httpx.AsyncClient
) -> None:
    machines.set("petstore", 7, NEVER)
    answer = await http.get(f"{prefix}{path}", params={"service": "petstore"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == (
        '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.0}}'
    )


async def test_it_answers_the_default_if_nothing_is_set_or_the_service_is_unknown(
    machines: Machines, http: httpx.AsyncClient
) -> None:
    for name in ("petstore", "stranger", "", "x" * 1000):
        assert (await http.get("/sampling", params={"service": name})).json() == DEFAULT
    (agent,) = heard(machines)
    assert (agent.service, agent.proof, agent.sent_revision) == ("petstore", Proof.FETCHED, 0)


async def test_a_service_asks_by_the_name_that_jaeger_shows(
    machines: Machines, http: httpx.AsyncClient
) -> None:
    machines.set("shop", 3, rate(0.25))
    answer = await http.get("/sampling", params={"service": "webshop"})
    assert answer.json()["probabilisticSampling"] == {"samplingRate": 0.25}
    assert [agent.service for agent in heard(machines)] == ["shop"]


@pytest.mark.parametrize(
    ("ways", "share"), [((), 0.25), (("remote",), 0.25), (("push", "opamp"), 0.01)]
)
async def test_a_service_that_the_site_file_gives_other_ways_gets_the_default(
    ways: tuple[str, ...], share: float
) -> None:
    machines = Machines(services={"shop": Service("shop", "webshop", sampling_ways=ways)})
    machines.set("shop", 3, rate(0.25))
    async with machines.http() as address, httpx.AsyncClient() as http:
        answer = await http.get(f"http://{address}/sampling", params={"service": "webshop"})
        document = (await http.get(f"http://{address}/strategies.json")).json()

    assert answer.json()["probabilisticSampling"] == {"samplingRate": share}
    assert bool(heard(machines)) == (share == 0.25)
    assert bool(document.get("service_strategies")) == (share == 0.25)


@pytest.mark.parametrize("query", ["", "?service=a&service=b", "?other=1"])
async def test_the_service_must_be_named_once(query: str, http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/sampling{query}")
    assert (answer.status_code, answer.text) == (
        400,
        "'service' parameter must be provided once\n",
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404), ("GET", "/sites/other/sampling", 404), ("POST", "/sampling", 405),
        ("GET", "/v1/opamp", 405), ("GET", "/sampling?service=" + "x" * 3000, 414),
        ("GET", "/healthz", 200),
    ],
)  # fmt: skip
async def test_anything_else_is_refused(
    method: str, path: str, status: int, http: httpx.AsyncClient
) -> None:
    assert (await http.request(method, path)).status_code == status


async def test_jaeger_reads_every_service_that_is_set(
    machines: Machines, http: httpx.AsyncClient
) -> None:
    machines.set("shop", 3, rate(0.25))
    assert (await http.get("/strategies.json")).json() == {
        "default_strategy": {"type": "probabilistic", "param": 0.01},
        "service_strategies": [{"service": "webshop", "type": "probabilistic", "param": 0.25}],
    }


async def test_a_tag_that_is_sent_back_is_answered_with_304_until_a_new_revision(
    machines: Machines, http: httpx.AsyncClient
) -> None:
    machines.set("petstore", 7, rate(0.5))
    asked = {"params": {"service": "petstore"}}
    first = await http.get("/sampling", **asked)  # type: ignore[arg-type]
    tag = {"If-None-Match": first.headers["etag"]}
    again = await http.get("/sampling", headers=tag, **asked)  # type: ignore[arg-type]
    assert (again.status_code, again.content) == (304, b"")
    machines.set("petstore", 8, rate(0.5))
    assert (await http.get("/sampling", headers=tag, **asked)).status_code == 200  # type: ignore[arg-type]


async def test_our_sampler_confirms_with_the_tag(
    machines: Machines, http: httpx.AsyncClient
) -> None:
    machines.desired.services["petstore"] = InForce(
        7, rate(0.5), 0, until=machines.clock.now + MINUTE, then=NEVER
    )

    async def ask(applied: str, **headers: str) -> httpx.Response:
        more = {"X-Sampling-Applied": applied, **headers}
        return await http.get("/sampling?service=petstore", headers={**OURS, **more})

    first = await ask("0.001")
    assert first.json()["opsportal"]["revision"] == 7
    (agent,) = heard(machines)
    assert (agent.key, agent.proof, agent.said) == ("one/two", Proof.FETCHED, rate(0.001))

    tag = first.headers["etag"]
    confirmed = await ask("0.5", **{"X-Sampling-Phase": "document", "If-None-Match": tag})
    assert confirmed.status_code == 304
    (agent,) = heard(machines)
    assert (agent.proof, agent.proven_revision, agent.said) == (Proof.CONFIRMED, 7, rate(0.5))

    await ask("0.9", **{"X-Sampling-Phase": "document", "If-None-Match": tag})
    assert [agent.proof for agent in heard(machines)] == [Proof.CONTRADICTED]


async def test_it_goes_on_answering_more_askers_than_it_remembers(
    machines: Machines, http: httpx.AsyncClient
) -> None:
    for number in range(MOST + 5):
        headers = {"x-service-instance-id": f"{number}", "x-sampling-phase": "initial"}
        machines.site.sampling("petstore", headers, Peer("127.0.0.1"), machines.clock.now)
    assert len(machines.site.agents) == MOST
    assert (await http.get("/sampling?service=petstore")).json() == DEFAULT


async def test_grpc_answers_the_same(machines: Machines) -> None:
    machines.set("petstore", 7, NEVER)
    machines.set("shop", 8, per_second(5))
    async with machines.grpc() as address, grpc.aio.insecure_channel(address) as channel:
        stub = SamplingManagerStub(channel)
        found = {
            name: await stub.GetSamplingStrategy(SamplingStrategyParameters(serviceName=name))
            for name in ("petstore", "webshop", "stranger")
        }
    assert found["petstore"].strategyType == PROBABILISTIC
    assert found["petstore"].HasField("probabilisticSampling")
    assert found["webshop"].strategyType == RATE_LIMITING
    assert found["webshop"].rateLimitingSampling.maxTracesPerSecond == 5
    assert found["stranger"].probabilisticSampling.samplingRate == 0.01
    assert {agent.address for agent in heard(machines)} == {"127.0.0.1"}


async def test_grpc_answers_operations(machines: Machines) -> None:
    machines.desired.services["petstore"] = InForce(7, rate(0.1).by_operation({"GET /": 0.5}), 0)
    async with machines.grpc() as address, grpc.aio.insecure_channel(address) as channel:
        found: SamplingStrategyResponse = await SamplingManagerStub(channel).GetSamplingStrategy(
            SamplingStrategyParameters(serviceName="petstore")
        )
    (operation,) = found.operationSampling.perOperationStrategies
    assert found.operationSampling.defaultSamplingProbability == 0.1
    assert (operation.operation, operation.probabilisticSampling.samplingRate) == ("GET /", 0.5)


async def test_grpc_refuses_what_is_no_request(machines: Machines) -> None:
    async with machines.grpc() as address, grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await channel.unary_unary(METHOD)(b"\x0a\xff")  # type: ignore[arg-type]
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "the request must be SamplingStrategyParameters"


def test_what_other_doors_hear_matters_only_of_those_that_say_something(machines: Machines) -> None:
    machines.set("petstore", 7, NEVER)
    now = machines.clock.now
    machines.site.sampling("petstore", {}, Peer("10.0.0.1", "Go-http-client/1.1"), now)
    assert not machines.site.is_unsure(now)
    ours = {"x-sampling-phase": "poll", "x-service-instance-id": "one"}
    machines.site.sampling("petstore", ours, Peer("10.0.0.1"), now)
    assert machines.site.is_unsure(now)
