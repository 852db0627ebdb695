"""`/traces/ID/logs.jsonl` and `/traces/ID/otlp.json`: a trace for other programs."""

import asyncio
import json
import math
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator

from django.http import StreamingHttpResponse
from django.views.decorators.http import require_safe

from ops.traces import actions
from ops.traces.actions import LogLine, TraceLogs
from ops.vocabulary.spans import Value
from ops.vocabulary.timerange import format_moment
from opsportal.dashboard.pages import page
from opsportal.dashboard.views.logs import log_filter
from opsportal.dashboard.visit import Visit

LINES = 500  # in a piece


@require_safe
@page(actions.show_logs)
async def logs(visit: Visit, trace_id: str) -> StreamingHttpResponse:
    """Return the lines that the logs page shows for the same query, as one JSON object each."""
    found = await actions.show_logs(
        visit.actor, trace_id=trace_id, site=visit.asked, filter=log_filter(visit.request.GET)
    )
    name = f"logs-{_short(found.trace_id)}.jsonl"
    return _download(_lines(found), name, "application/jsonl; charset=utf-8")


@require_safe
@page(actions.export_trace)
async def otlp(visit: Visit, trace_id: str) -> StreamingHttpResponse:
    """Return the whole trace in the form that Jaeger imports."""
    found = await actions.export_trace(visit.actor, trace_id=trace_id, site=visit.asked)
    return _download(found.pieces, f"trace-{_short(found.trace_id)}.json", "application/json")


def _short(trace_id: str) -> str:
    """Return the last 16 digits, which 64-bit IDs have too."""
    return trace_id[-16:]


def _download(pieces: Iterator[bytes], name: str, kind: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(_off_loop(pieces), content_type=kind, headers=headers)


async def _off_loop(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


def _lines(found: TraceLogs) -> Iterator[bytes]:
    for first in range(0, len(found.lines), LINES):
        lines = map(_line, found.lines[first : first + LINES])
        yield "".join(f"{_encode(line)}\n" for line in lines).encode()


def _line(line: LogLine) -> dict[str, object]:
    return {
        "time": format_moment(line.time),
        "unix_ns": str(line.time),
        "service": line.service,
        "operation": line.operation,
        "span_id": line.span_id,
        "name": line.name,
        "attributes": {key: _plain(value) for key, value in line.attributes.items()},
    }


def _plain(value: Value) -> object:
    """Return bytes, NaN and infinities, which JSON lacks, as protobuf's JSON writes them."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
