"""Test which spans a trace search matches, for servers that cannot do it themselves.

See ops.backends.trace_search.tags for which conditions that are. They are tested on the traces
that match the rest of the search.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from ops.backends.otlp.convert import ERROR, KINDS, as_text, failed, service_name
from ops.backends.trace_search.tags import Tags
from ops.vocabulary.tags import ERROR as ERROR_TAG
from ops.vocabulary.tags import KIND, RESOURCE, TRUE

_STATUS = {"OK": Status.STATUS_CODE_OK, "ERROR": ERROR}


@dataclass(frozen=True, slots=True)
class SpanMatch:
    """All conditions of a search that one span must meet; empty and 0 mean any.

    Durations are in nanoseconds.
    """

    service: str
    operation: str
    tags: Tags
    span_min: int
    span_max: int

    def __call__(self, resource: Resource, scope: InstrumentationScope, span: Span) -> bool:
        """Return whether this span meets all conditions; the rarest is tested first."""
        duration = span.end_time_unix_nano - span.start_time_unix_nano
        return (
            all(_matches(key, value, resource, scope, span) for key, value in self.tags)
            and self.operation in ("", span.name)
            and duration >= self.span_min
            and (not self.span_max or duration <= self.span_max)
            and (not self.service or service_name(resource) == self.service)
        )


def _matches(
    key: str, value: str, resource: Resource, scope: InstrumentationScope, span: Span
) -> bool:
    # Words that Jaeger 2.17 and later understand; see ops.vocabulary.tags.
    if key == ERROR_TAG and value.lower() in TRUE:
        return failed(span)
    if key == KIND:
        return KINDS.get(span.kind) == value.lower()
    if key == "span.status":
        return span.status.code == _STATUS.get(value.upper())
    if key == "scope.name":
        return scope.name == value
    if key == "scope.version":
        return scope.version == value
    if key.startswith(RESOURCE):
        return _has(resource.attributes, key.removeprefix(RESOURCE), value)
    # Any other key may be anywhere in the span.
    places = (
        span.attributes,
        resource.attributes,
        scope.attributes,
        *(event.attributes for event in span.events),
        *(link.attributes for link in span.links),
    )
    return any(_has(items, key, value) for items in places)


def _has(items: Iterable[KeyValue], key: str, value: str) -> bool:
    """Look at the first attribute with this key, as Jaeger does."""
    return next((as_text(item.value) == value for item in items if item.key == key), False)
