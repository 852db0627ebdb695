"""Reading the roots of a service's latest traces."""

import time

import pytest

from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, rate
from ops.vocabulary.roots import Root
from tests.backends.conftest import client
from tests.fakes.jaeger import ANY_JAEGER, FakeJaeger, Release, span, trace

START = time.time_ns() // 1000 * 1000 - timerange.MINUTE
KEPT = {"sampler.type": "probabilistic", "sampler.param": 0.5}
ONE = {"service.instance.id": "one", "host.name": "web-1", "host.ip": ["10.0.0.1", "::1"]}


async def roots(fake: FakeJaeger) -> tuple[Root, ...]:
    end = START + timerange.MINUTE
    return await client(fake).roots("petstore", start=START, end=end, most=20)


@pytest.mark.parametrize("release", ["2.20", "1.x"])
async def test_it_reads_what_roots_say_and_where_they_are_from(release: Release) -> None:
    async with FakeJaeger(release) as fake:
        told = trace(span("petstore", "GET /", start=START, tags=KEPT, resource=ONE))
        state = trace(span("petstore", "GET /", start=START + 1000))
        state.resource_spans[0].scope_spans[0].spans[0].trace_state = "a=b,ot=th:0"
        fake.add(told, state)
        first, second = sorted(await roots(fake), key=lambda each: each.start)
        assert (first.start, first.operation, first.carried) == (START, "GET /", rate(0.5))
        assert (first.instance, second.instance, second.carried) == ("one", "", ALWAYS)
        assert "web-1" in first.hosts and not second.hosts


@ANY_JAEGER
async def test_children_and_other_services_roots_do_not_count(jaeger: FakeJaeger) -> None:
    inner = span("petstore", "Query", start=START + 1000, tags=KEPT)
    jaeger.add(
        trace(span("web", "GET /", start=START, tags=KEPT, children=[inner])),
        trace(span("petstore", "GET /", start=START, tags=KEPT, parent_id="ab" * 8)),
        trace(span("petstore", "GET /", start=START)),
    )
    assert await roots(jaeger) == ()
