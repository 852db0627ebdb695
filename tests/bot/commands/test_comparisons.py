from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from pytest_django import Settings

from bot.replies import FollowUp
from ops.actor import Actor
from ops.vocabulary.timerange import SECOND
from tests.bot.conftest import Backends, cells, said
from tests.fakes.jaeger import EITHER_JAEGER, MILLISECOND, span, trace

pytestmark = pytest.mark.django_db(transaction=True)
NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z, long past


def search(milliseconds: int, **query: Any) -> TracesData:
    took = milliseconds * MILLISECOND
    below = span("store", "Query", duration=took, start=NOON, **query)
    return trace(span("petstore", "Search", duration=took, start=NOON, children=[below]))


async def test_it_compares_two_traces(
    viewer: Actor, backends: Backends, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://ops.example.com"
    ids = [backends.jaeger.add(search(30)), backends.jaeger.add(search(1200, error="too late"))]
    reply = await said(
        viewer, f"compare https://ops.example.com/traces/{ids[0]}/?a=b with {ids[1]}"
    )
    assert reply.summary == "B took 1.17 s longer: store Query explains all of it"
    assert cells(reply) == [("+1.17 s", "slower", "store Query", "30 ms -> 1.2 s", "1 -> 1 spans")]
    assert reply.columns[3:] == ("Own time, A -> B", "Spans, A -> B")
    assert reply.notes == ("1 span failed only in B, the deepest in Query: too late",)
    assert [link.url for link in reply.links] == [
        f"https://ops.example.com/traces/compare/?trace={ids[0]}&trace={ids[1]}",
        f"https://ops.example.com/traces/{ids[0]}/",
        f"https://ops.example.com/traces/{ids[1]}/",
    ]
    assert reply.follow_ups[1] == FollowUp("Open B", f"show trace {ids[1]}")


@EITHER_JAEGER
async def test_it_compares_a_trace_with_what_is_usual(viewer: Actor, backends: Backends) -> None:
    backends.jaeger.add(*(search(30) for _ in range(6)))
    slow, other = (
        backends.jaeger.add(each) for each in (search(1200), trace(span("petstore", "AddPets")))
    )
    reply = await said(viewer, f"compare {slow}")
    assert reply.summary == (
        "petstore Search: 1.2 s, usually 30 ms: +1.17 s compared with the last 6 that succeeded"
    )
    assert cells(reply)[0][:3] == ("+1.17 s", "slower", "store Query")
    assert reply.columns[3:] == ("Own time, usual -> here", "Spans, usual -> here")
    alone = await said(viewer, f"compare {other}")
    assert alone.summary == (
        "petstore AddPets: 10 ms; no other trace like it that succeeded was found in the day before"
    )
    assert alone.rows == ()
    assert alone.follow_ups == (FollowUp("The trace", f"show trace {other}"),)
