"""Which spans a trace search means, for servers that cannot tell.

Releases of Jaeger before 2.17 find nothing for `error` and the other words below, so these are
tested here, on the traces that the rest of the search finds.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from ops.backends.otlp import ERROR, KINDS, as_text, service_name

Tags = tuple[tuple[str, str], ...]

_TRUE = ("true", "1", "t")
_FALSE = ("false", "0", "f")
_STATUS = {"OK": Status.STATUS_CODE_OK, "ERROR": ERROR}
_WORDS = ("error", "span.kind", "span.status")
_RESOURCE = "resource."


def not_understood(tags: Tags) -> Tags:
    """Return the tags that a server before 2.17 finds nothing for."""
    return tuple(tag for tag in tags if tag[0] in _WORDS or tag[0].startswith(_RESOURCE))


def is_about_the_trace(tag: tuple[str, str]) -> bool:
    """Tell whether a tag is error=false: no span of the trace failed, whatever else they are.

    Releases disagree on what it means to one span; so it is no server's to test.
    """
    return tag[0] == "error" and tag[1].lower() in _FALSE


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
        """Tell whether this span meets all of them; the rarest is asked first."""
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
    if key == "error":
        return span.status.code == ERROR and value.lower() in _TRUE
    if key == "span.kind":
        return KINDS.get(span.kind) == value.lower()
    if key == "span.status":
        return span.status.code == _STATUS.get(value.upper())
    if key.startswith(_RESOURCE):
        return _has(resource.attributes, key.removeprefix(_RESOURCE), value)
    places = (
        span.attributes,
        resource.attributes,
        scope.attributes,
        *(event.attributes for event in span.events),
        *(link.attributes for link in span.links),
    )
    return any(_has(items, key, value) for items in places)


def _has(items: Iterable[KeyValue], key: str, value: str) -> bool:
    return any(item.key == key and as_text(item.value) == value for item in items)
