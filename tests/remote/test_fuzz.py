"""Whatever comes in, at each door that reads sampling: a refusal in words, or a finite rate."""

import asyncio
import gzip
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc.aio
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import InvalidInput
from ops.language.times import Clock, said_end
from ops.remote.agents import LONGEST_KEY, LONGEST_TEXT
from ops.rpc import messages
from ops.sampling import terms
from ops.sampling.terms import Term
from ops.vocabulary.policies import Policy, parse_policy, per_second, rate
from proto.jaeger.api_v2.sampling_pb2 import (
    SamplingStrategyParameters,
    SamplingStrategyResponse,
)
from proto.ops import ops_pb2
from tests.remote.conftest import KEY, NOW, Machines
from tests.remote.fuzzing import runs
from tests.remote.test_opamp import MESSAGES

HOSTILE = [
    "nan", "-nan", "inf", "-inf", "1e-300", "1e300", "1e400", "-1", "-0", "0", "1", "0.5", "5/s",
    "0/s", "10000/s", "10001/s", "9" * 400, "0x1p-1", "½", "1_0", " 0.5 ", "", "\0", "true",
]  # fmt: skip
FLOATS = st.floats() | st.sampled_from([math.nan, 1e-300, -1e-300, 5e-324, 1e308, -1.0, 0.0, 1.0])
TEXTS = st.sampled_from(HOSTILE) | FLOATS.map(repr) | st.integers().map(str) | st.text(max_size=40)
# What may be in a header is what a server lets through: latin-1.
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "x-sampling-applied", "x-sampling-phase", "x-service-instance-id", "if-none-match",
            "user-agent", "content-encoding", "content-type", "accept-encoding",
        ]
    ),
    TEXTS | st.sampled_from(["gzip", "initial", "*", 'W/"1"', "%00%ff%0a"]),
    max_size=5,
)  # fmt: skip
PATHS = st.sampled_from(
    ["/sampling", "/api/sampling", "/strategies.json", "/v1/opamp", "/sites/demo/sampling"]
) | st.text("/.%sites", max_size=12).map("/".__add__)
QUERIES = st.sampled_from(["service=petstore", "service=", "service=a&service=b", ""]) | TEXTS
METHOD = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy"
BODIES = st.binary(max_size=60) | MESSAGES.map(lambda each: each.SerializeToString())


def named(service: str) -> bytes:
    """Return the request of an SDK of a service."""
    return SamplingStrategyParameters(serviceName=service).SerializeToString()


async def asked(
    machines: Machines, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Send one request to the door, without a socket between."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(errors="ignore"),
        "headers": [
            (b"authorization", b"Bearer " + KEY.encode()),
            *((name.encode(), each.encode("latin-1", "replace")) for name, each in headers.items()),
        ],
        "client": ("10.0.0.1", 5),
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await machines.application(scope, receive, send)
    start, rest = sent
    return start["status"], dict(start["headers"]), rest["body"]


@runs(5)
@given(
    st.lists(
        st.tuples(st.sampled_from(["GET", "POST", "PUT"]), PATHS, QUERIES, HEADERS, BODIES),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_whatever_is_sent_over_http_gets_an_answer(
    requests: list[tuple[str, str, str, dict[str, str], bytes]], packed: bool
) -> None:
    machines = Machines()
    machines.set("petstore", 7, rate(0.5))

    async def ask() -> None:
        for method, path, query, headers, body in requests:
            more = {"content-encoding": "gzip"} if packed else {}
            content = gzip.compress(body)[:50] if packed else body
            check(*await asked(machines, method, path, query, headers | more, content))

    asyncio.run(ask())
    for agent in machines.site.agents.unwritten(machines.clock.now):
        assert len(agent.key) <= LONGEST_KEY
        assert max(map(len, (agent.client, agent.reason))) <= LONGEST_TEXT
        assert agent.said is None or math.isfinite(agent.said.rate)


def check(status: int, headers: dict[bytes, bytes], body: bytes) -> None:
    assert status in (200, 304, 400, 401, 404, 405, 413, 414, 415)
    if headers[b"content-type"] == b"application/json" and status == 200:
        assert b"NaN" not in body and b"Infinity" not in body
        found = json.loads(body)
        share = found.get("probabilisticSampling", {"samplingRate": 0})["samplingRate"]
        assert 0 <= share <= 1


@runs(1 / 5)  # a server for each takes a while
@given(st.lists(st.binary(max_size=60) | TEXTS.map(named), min_size=20, max_size=60))
def test_whatever_is_sent_over_grpc_gets_an_answer(bodies: list[bytes]) -> None:
    machines = Machines()
    machines.set("petstore", 7, rate(0.5))

    async def ask() -> None:
        async with machines.grpc() as address, grpc.aio.insecure_channel(address) as channel:
            call: Any = channel.unary_unary(METHOD)
            for body in bodies:
                sent = call(body)
                if await sent.code() is grpc.StatusCode.OK:
                    found = SamplingStrategyResponse.FromString(await sent)
                    assert 0 <= found.probabilisticSampling.samplingRate <= 1
                else:
                    assert await sent.code() is grpc.StatusCode.INVALID_ARGUMENT

    asyncio.run(ask())


@runs(10)
@given(
    st.builds(
        ops_pb2.ChangeSamplingReq,
        type=st.integers(-(2**31), 2**31 - 1) | st.integers(0, 4),
        float_value=FLOATS,
        until=st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**12), 10**15).map(NOW.__add__),
        then_policy=TEXTS.filter(lambda text: text.isascii()),
        reason=st.text(max_size=400),
    )
)
def test_whatever_is_asked_for_over_grpc_is_refused_or_kept_within_bounds(
    request: ops_pb2.ChangeSamplingReq,
) -> None:
    with in_words():
        policy, term = messages.policy(request), messages.term(request)
        then = messages.then_policy(request)
        terms.check(term, NOW, request.reason)
        then = terms.check_then("petstore", term, None, then)
        is_bounded(policy)
        until = term.until(NOW)
        assert until is None or NOW < until <= NOW + terms.LONGEST
        if then:
            is_bounded(then)


@runs(10)
@given(TEXTS, TEXTS)
def test_whatever_people_type_is_refused_or_kept_within_bounds(policy: str, end: str) -> None:
    with in_words():
        is_bounded(parse_policy(policy))
    with in_words():
        until = said_end(end, Clock(NOW))
        terms.check(Term(end=until), NOW, policy)
        assert NOW < until <= NOW + terms.LONGEST


@contextmanager
def in_words() -> Iterator[None]:
    """Accept a refusal, as long as it is a short sentence."""
    try:
        yield
    except InvalidInput as error:
        if not 0 < len(str(error)) < 500:
            raise AssertionError(f"{len(str(error))} characters") from error


def is_bounded(policy: Policy) -> None:
    if policy.share is None:
        assert policy == per_second(int(policy.rate))
    else:
        assert 0 <= policy.share <= 1
    assert math.isclose(parse_policy(str(policy)).rate, policy.rate, rel_tol=1e-9)
