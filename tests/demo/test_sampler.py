"""A sampler that is changed while tracers hold it."""

import asyncio
import math

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from ops.errors import InvalidInput
from ops.vocabulary.policies import ALWAYS, FORMS, NEVER, Policy, rate
from opsportal.demo.sampler import AskingSampler, ChangingSampler, read_policy
from proto.petstore import petstore_pb2
from tests.remote.conftest import Machines


def kept(tracer: Tracer, spans: int = 2_000) -> int:
    return sum(tracer.start_span("a").get_span_context().trace_flags.sampled for _ in range(spans))


def test_it_changes_under_a_tracer_that_exists() -> None:
    sampler = ChangingSampler(NEVER)
    tracer = TracerProvider(sampler, shutdown_on_exit=False).get_tracer("test")
    assert kept(tracer) == 0
    sampler.change(ALWAYS)
    assert kept(tracer) == 2_000
    sampler.change(rate(0.5))
    assert 800 < kept(tracer) < 1_200
    sampler.change(NEVER)
    assert kept(tracer) == 0


@pytest.mark.parametrize("asks", ["endpoint=http://{}", "opamp=http://{}/v1/opamp"])
async def test_one_that_asks_follows_and_begins_anew_after_a_restart(asks: str) -> None:
    machines = Machines()
    machines.set("petstore", 7, ALWAYS)
    async with machines.http() as address:
        sampler = AskingSampler(NEVER, f"{asks.format(address)},service=petstore,instance=one")
        tracer = TracerProvider(sampler, shutdown_on_exit=False).get_tracer("test")
        assert kept(tracer, 10) == 0
        sampler.restart()
        async with asyncio.timeout(60):
            while not kept(tracer, 10):  # noqa: ASYNC110 - its answer comes when it comes
                await asyncio.sleep(0.01)
    assert kept(tracer, 10) == 10
    await asyncio.to_thread(sampler.restart)  # now there is nobody to ask
    assert kept(tracer, 10) == 0
    sampler.close()


@pytest.mark.parametrize("policy", [NEVER, ALWAYS, rate(0.5)])
@pytest.mark.parametrize("flags", [TraceFlags(0), TraceFlags(1)])
def test_it_follows_the_parent_whatever_the_policy(policy: Policy, flags: TraceFlags) -> None:
    tracer = TracerProvider(ChangingSampler(policy), shutdown_on_exit=False).get_tracer("test")
    caller = SpanContext(0xAB, 0xCD, is_remote=True, trace_flags=flags)
    context = set_span_in_context(NonRecordingSpan(caller))
    span = tracer.start_span("a", context)
    assert span.get_span_context().trace_flags == flags


@pytest.mark.parametrize(
    ("kind", "value", "policy"),
    [
        (petstore_pb2.STNever, 0.0, NEVER),
        (petstore_pb2.STNever, 7.0, NEVER),
        (petstore_pb2.STAlways, 0.0, ALWAYS),
        (petstore_pb2.STFloat, 0.1, rate(0.1)),
        (petstore_pb2.STFloat, 1.0, rate(1.0)),
    ],
)
def test_it_reads_policies(
    kind: "petstore_pb2.SamplerType.ValueType", value: float, policy: Policy
) -> None:
    assert read_policy(petstore_pb2.Sampler(type=kind, float_value=value)) == policy


@pytest.mark.parametrize("value", [0.0, -1.0, 1.01, math.inf, -math.inf, math.nan])
def test_it_refuses_rates_out_of_bounds(value: float) -> None:
    with pytest.raises(InvalidInput, match="is not a sampling policy"):
        read_policy(petstore_pb2.Sampler(type=petstore_pb2.STFloat, float_value=value))


@pytest.mark.parametrize(("number", "name"), [(0, "STUnknown"), (9, "type 9")])
def test_it_refuses_types_that_it_does_not_know(number: int, name: str) -> None:
    sampler = petstore_pb2.Sampler.FromString(bytes([8, number]))
    with pytest.raises(InvalidInput) as caught:
        read_policy(sampler)
    assert str(caught.value) == f'"{name}" is not a sampling policy; accepted: {FORMS}'
