"""One trace to look at, and what its script is given."""

import json
import struct
from typing import Any

from tests.dashboard.places import Place
from tests.fakes.jaeger import MILLISECOND, span, trace

TRACES = "/sites/production/traces/"
QUERY = "00000000000000aa"
START = 1_795_469_320_000_000_000


def add_failing(place: Place) -> str:
    query = span(
        "store",
        "store.Query",
        span_id=QUERY,
        error="deadline exceeded",
        duration=900 * MILLISECOND,
        tags={"db.statement": "SELECT <name>", "attempts": 3, "javascript": "javascript:alert(1)"},
        events=[("retry", {"attempt": 1}), ("exception", {"exception.stacktrace": "a\nb"})],
        warnings=["clock skew adjusted"],
        resource={"host.name": "store-1"},
    )
    root = span(
        "petstore", "SearchPets", children=[query], error="it failed", duration=1240 * MILLISECOND
    )
    return place.jaeger.add(trace(root))


def read_columns(content: bytes) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """As the script does."""
    length = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + length])
    formats = {"f8": "d", "u4": "I", "i4": "i", "u1": "B"}
    columns = {}
    for name, (kind, place, count) in header["columns"].items():
        assert (4 + length + place) % 8 == 0
        found = struct.unpack_from(f"<{count}{formats[kind]}", content, 4 + length + place)
        columns[name] = list(found)
    return header, columns
