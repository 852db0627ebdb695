"""What we export of a trace is what Jaeger imports, at its OTLP receiver and in its UI."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ops.actor import Actor
from ops.errors import NotFound
from ops.traces.actions import export_trace
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.jaeger import span, trace
from tests.live import servers
from tests.live.large import large_trace, send

ORIGINAL, COPY = "ab" * 16, "cd" * 16
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def jaeger(tmp_path: Path, site_file: SiteFile) -> AsyncIterator[servers.Jaeger]:
    with servers.jaeger(tmp_path) as running:
        site_file(f'[sites.p.jaeger]\naddress = "{running.query}"')
        yield running


@pytest.fixture
def reader(person: Person) -> Actor:
    return actor_of(person("rita", "viewers"))


async def test_jaeger_imports_what_we_export(jaeger: servers.Jaeger, reader: Actor) -> None:
    made = trace(
        span(
            "shop", "Buy", kind="server", error="too late", tags={"n": 2**60, "x": 0.5, "b": b"\1"},
            events=[("retry", {"list": ["a", 1, True], "map": {"k": "v"}})],
            links=[("1f" * 16, "2e" * 8)], children=[span("store", "Query", kind="client")],
        ),
        trace_id=ORIGINAL,
    )  # fmt: skip
    for resource_spans in made.resource_spans:
        _fill(resource_spans.scope_spans[0].scope, resource_spans.scope_spans[0].spans)
    await send(jaeger.otlp, list(made.resource_spans))

    exported = await exported_spans(reader, ORIGINAL, 2)
    text = json.dumps(exported).replace(ORIGINAL, COPY)
    async with httpx.AsyncClient(headers={"Content-Type": "application/json"}) as client:
        imported = await client.post(f"{jaeger.otlp_http}/v1/traces", content=text)
        shown = await client.post(f"{jaeger.ui}/api/transform", content=text)

    assert imported.is_success, imported.text
    again = await exported_spans(reader, COPY, 2)
    assert flat(again) == flat(json.loads(text))
    assert '"droppedAttributesCount": 7' in text and '"traceState": "a=b"' in text
    assert shown.is_success, shown.text
    [in_ui] = shown.json()["data"]
    assert in_ui["traceID"] == COPY
    assert {each["operationName"] for each in in_ui["spans"]} == {"Buy", "Query"}


def _fill(scope: Any, spans: Any) -> None:
    """Set what spans seldom have."""
    scope.name, scope.version = "shop.lib", "1.2"
    for each in spans:
        assert isinstance(each, Span)
        each.trace_state, each.dropped_attributes_count = "a=b", 7
        each.dropped_events_count, each.dropped_links_count = 8, 9


async def exported_spans(reader: Actor, trace_id: str, count: int) -> Any:
    """Export a trace as soon as Jaeger has so many spans of it."""

    async def ask() -> Any:
        try:
            found = await export_trace(reader, trace_id=trace_id)
        except NotFound:
            return {"resourceSpans": []}
        return json.loads(b"".join(found.pieces))

    return await servers.eventually(ask, lambda found: len(flat(found)) == count)


def flat(found: Any) -> list[str]:
    """Each span with its resource and scope, in an order that does not depend on the storage."""
    return sorted(
        json.dumps([resource.get("resource"), scope.get("scope"), each], sort_keys=True)
        for resource in found["resourceSpans"]
        for scope in resource["scopeSpans"]
        for each in scope["spans"]
    )


async def test_a_large_one_comes_whole(jaeger: servers.Jaeger, reader: Actor) -> None:
    trace_id, batches = large_trace(10_000, time.time_ns())
    await send(jaeger.otlp, batches)

    found = await exported_spans(reader, trace_id, 10_000)

    sent = {
        each.span_id.hex()
        for batch in batches
        for scope in batch.scope_spans
        for each in scope.spans
    }
    assert {json.loads(each)[2]["spanId"] for each in flat(found)} == sent
