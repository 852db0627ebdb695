"""The first spans of a service's latest traces that say at which rate they were kept."""

from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from ops.backends.jaeger.latest import latest
from ops.backends.jaeger.query_service import QueryService
from ops.backends.otlp.convert import attributes, service_name
from ops.backends.otlp.pieces import pieces
from ops.backends.trace_search.search import TraceSearch
from ops.vocabulary.roots import Root, carried

_HOSTS = ("host.name", "hostname", "host.ip", "ip", "k8s.pod.ip", "k8s.pod.name")
LONGEST = 255
MOST_HOSTS = 16


async def roots(
    server: QueryService, service: str, start: int, end: int, most: int
) -> tuple[Root, ...]:
    """Read the roots of up to `most` traces that a service starts; times are Unix nanoseconds."""
    found: list[Root] = []

    def add(message: bytes) -> None:
        for piece, _ in pieces(message):
            add_parsed(TracesData.FromString(piece))

    def add_parsed(data: TracesData) -> None:
        for each in data.resource_spans:
            if service_name(each.resource) == service:
                spans = (span for scope in each.scope_spans for span in scope.spans)
                found.extend(filter(None, (_root(each.resource, span) for span in spans)))

    await latest(server, TraceSearch(start, end, most, service), add, add_parsed)
    return tuple(found)


def _root(resource: Resource, span: Span) -> Root | None:
    if span.parent_span_id.strip(b"\0"):
        return None  # its parent's decision rules it, whatever it carries
    policy = carried(attributes(span.attributes), span.trace_state)
    if policy is None:
        return None
    process = attributes(resource.attributes)
    hosts: set[str] = set()
    for key in _HOSTS:
        value = process.get(key)
        several = value if isinstance(value, list | tuple) else (value,)
        hosts.update(each[:LONGEST] for each in several if isinstance(each, str) and each)
    return Root(
        start=span.start_time_unix_nano,
        operation=span.name,
        carried=policy,
        instance=str(process.get("service.instance.id") or "")[:LONGEST],
        hosts=frozenset(sorted(hosts)[:MOST_HOSTS]),
    )
