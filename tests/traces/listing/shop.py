"""Traces of a shop before a noon long ago."""

from dataclasses import replace

import pytest

from ops.actor import Actor
from ops.traces.actions import TraceList, list_traces
from ops.vocabulary.filters import TraceQuery, parse_query
from ops.vocabulary.timerange import HOUR, SECOND, Moment, TimeRange
from tests.fakes.jaeger import RELEASES, FakeJaeger, span, trace

NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z, long past
HOUR_BEFORE_NOON = TimeRange(Moment(NOON - HOUR), Moment(NOON))
SITE = """
[sites.production]
default_service = "shop"
jaeger = {{ address = "{0}", ui = "https://jaeger.example.com/" }}
[sites.production.services.shop]
jaeger_name = "petstore"
[sites.production.services.mailer]
[sites.bare]
jaeger = {{ address = "{0}" }}
[sites.empty]
"""
RELEASED = pytest.mark.parametrize("release", RELEASES)


def before_noon(line: str = "") -> TraceQuery:
    return replace(parse_query(line), range=HOUR_BEFORE_NOON)


def ids(found: TraceList) -> list[int]:
    return [int(each.trace_id, 16) for each in found.traces]


def add(jaeger: FakeJaeger, number: int, start: int, service: str = "petstore") -> None:
    """A trace with that id that starts so many nanoseconds before noon."""
    jaeger.add(trace(span(service, "AddPets", start=NOON - start), trace_id=f"{number:x}"))


def failing(jaeger: FakeJaeger, number: int, start: int) -> None:
    """A trace whose child raised; only its exception says what.

    It has more spans than come in one message from a release that does not send whole traces.
    """
    child = span(
        "store", "Query", error="", events=[("exception", {"exception.message": f"e{number}"})]
    )
    fine = [span("store", "Query") for _ in range(10)]
    root = span("petstore", "Search", start=NOON - start, error="failed", children=[child, *fine])
    jaeger.add(trace(root, trace_id=f"{number:x}"))


async def followed(viewer: Actor, query: TraceQuery) -> list[TraceList]:
    """The lists that one sees who goes on with what is older."""
    lists = [await list_traces(viewer, query=query)]
    while (older := lists[-1].older) is not None:
        lists.append(await list_traces(viewer, query=older))
    return lists
