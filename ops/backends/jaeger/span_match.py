"""Test which spans a trace search matches, for servers that cannot do it themselves.

See ops.backends.trace_search.tags for which tags that are, and ops.vocabulary.conditions. They
are tested on the traces that match the rest of the search.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from ops.backends.otlp.convert import ERROR, KINDS, as_text, failed, service_name
from ops.backends.trace_search.tags import Tags
from ops.vocabulary.conditions import Condition
from ops.vocabulary.tags import ERROR as ERROR_TAG
from ops.vocabulary.tags import FALSE, KIND, RESOURCE, SCOPE, SCOPE_RELEASE, STATUS, TRUE

_STATUSES = {ERROR: "error", Status.STATUS_CODE_OK: "ok"}


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
    conditions: tuple[Condition, ...] = ()

    def __call__(self, resource: Resource, scope: InstrumentationScope, span: Span) -> bool:
        """Return whether this span meets all conditions; the rarest is tested first."""
        duration = span.end_time_unix_nano - span.start_time_unix_nano
        return (
            all(has_tag(key, value, resource, scope, span) for key, value in self.tags)
            and self.operation in ("", span.name)
            and duration >= self.span_min
            and (not self.span_max or duration <= self.span_max)
            and (not self.service or service_name(resource) == self.service)
            and all(meets(each, resource, scope, span) for each in self.conditions)
        )


def has_tag(
    key: str, value: str, resource: Resource, scope: InstrumentationScope, span: Span
) -> bool:
    """Return whether a span has a tag with this value."""
    if key == ERROR_TAG:
        wanted = value.lower() in TRUE
        return failed(span) if wanted else value in _anywhere(key, resource, scope, span)
    if key in (KIND, STATUS):
        value = value.lower()
    return value in values(key, resource, scope, span)


def meets(
    condition: Condition, resource: Resource, scope: InstrumentationScope, span: Span
) -> bool:
    """Return whether a span meets a condition."""
    if condition.is_tag:
        found = tuple(values(condition.key, resource, scope, span))
    else:
        found = (span.name if condition.key == "operation" else service_name(resource),)
    return condition.is_met(found)


def values(key: str, resource: Resource, scope: InstrumentationScope, span: Span) -> Iterator[str]:
    """Yield what a span has as the value of a tag, in the string form that Jaeger compares.

    Words that Jaeger 2.17 and later understand have a meaning of their own, see
    ops.vocabulary.tags. Any other key may be in several places of the span.
    """
    if key == KIND:
        kind = KINDS.get(span.kind)
        yield from (kind,) if kind else ()
    elif key == STATUS:
        yield _STATUSES.get(span.status.code, "unset")
    elif key == SCOPE:
        yield scope.name
    elif key == SCOPE_RELEASE:
        yield scope.version
    elif key.startswith(RESOURCE):
        yield from _first(resource.attributes, key.removeprefix(RESOURCE))
    elif key == ERROR_TAG:
        # What a span says of its error is a tag, or the message of its status.
        found = _anywhere(key, resource, scope, span)
        yield from (text for text in found if text.lower() not in FALSE)
        if span.status.code == ERROR:
            yield span.status.message
    else:
        yield from _anywhere(key, resource, scope, span)


def _anywhere(
    key: str, resource: Resource, scope: InstrumentationScope, span: Span
) -> Iterator[str]:
    yield from _first(span.attributes, key)
    yield from _first(resource.attributes, key)
    yield from _first(scope.attributes, key)
    for event in span.events:
        yield from _first(event.attributes, key)
    for link in span.links:
        yield from _first(link.attributes, key)


def _first(items: Iterable[KeyValue], key: str) -> Iterator[str]:
    """Yield the value of the first attribute with this key, as Jaeger does."""
    for item in items:
        if item.key == key:
            yield as_text(item.value)
            return
