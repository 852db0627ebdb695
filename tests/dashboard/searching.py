"""Traces to search for on the page."""

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.vocabulary.timerange import SECOND
from tests.dashboard.places import Place
from tests.fakes.jaeger import MILLISECOND, span, trace

SEARCH = "/sites/production/traces/"


def failing() -> TracesData:
    query = span("store", "store.Query", error="deadline exceeded")
    return trace(span("petstore", "SearchPets", children=[query], error="it failed"))


def long_past(place: Place, *durations: int, operation: str = "AddPets") -> str:
    """Traces before a noon long ago; returns the line that finds them."""
    noon = 1_704_110_400 * SECOND
    for number, duration in enumerate(durations, 1):
        start = noon - number * SECOND
        root = span("petstore", operation, start=start, duration=duration * MILLISECOND)
        place.jaeger.add(trace(root))
    return "from=2024-01-01T11:00:00Z to=2024-01-01T12:00:00Z limit=1500"
