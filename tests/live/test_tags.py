"""A tag that a span has finds that span again in a real Jaeger, whatever its value."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.actor import Actor
from ops.filters import exact_tag, format_query, parse_query
from ops.traces.actions import list_traces, show_trace
from ops.traces.tags import searched
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.jaeger import span, trace
from tests.live import servers
from tests.live.large import send
from tests.traces.odd import NAMES, VALUES

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def jaeger(tmp_path: Path, site_file: SiteFile) -> AsyncIterator[servers.Jaeger]:
    with servers.jaeger(tmp_path) as running:
        site_file(f'[sites.p.jaeger]\naddress = "{running.query}"')
        yield running


@pytest.fixture
def reader(person: Person) -> Actor:
    return actor_of(person("rita", "viewers"))


async def sent(jaeger: servers.Jaeger, reader: Actor, *traces: TracesData) -> None:
    """Send traces, and wait for the last one."""
    await send(jaeger.otlp, [spans for each in traces for spans in each.resource_spans])
    last = traces[-1].resource_spans[0].scope_spans[0].spans[0].name

    async def found() -> Any:
        return (await list_traces(reader, query=parse_query(f'operation="{last}"'))).traces

    await servers.eventually(found, bool)


async def test_every_value_finds_its_span(jaeger: servers.Jaeger, reader: Actor) -> None:
    pairs = [*((f"v{number}", value) for number, value in enumerate(VALUES))]
    pairs += [(f"n{number}{name}", name) for number, name in enumerate(NAMES)]
    started = time.time_ns()
    made = [
        trace(span("odd", f"op {n}", tags={key: value}, start=started + n))
        for n, (key, value) in enumerate(pairs)
    ]
    await sent(jaeger, reader, *made)

    for message, (key, value) in zip(made, pairs, strict=True):
        trace_id = message.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()
        whole = (await show_trace(reader, trace_id=trace_id)).rows[0].span
        assert whole is not None
        text = searched(whole, key, whole.attributes[key], "exact")
        assert text is not None, (key, value)
        line = format_query(parse_query("service=odd limit=30"))
        asked = parse_query(line)
        for tag in ((key, text), exact_tag(_written(key, text))):
            query = type(asked)(service="odd", tags=(tag,))
            found = await list_traces(reader, query=parse_query(format_query(query)))
            assert [each.trace_id for each in found.traces] == [trace_id], (key, value, text)


def _written(key: str, value: str) -> str:
    """As a program writes a tag to the gRPC door."""
    if "=" in key or key.startswith('"'):
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"={value}'
    return f"{key}={value}"
