"""Look at a few traces for the tags of a search that found nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from ops.backends.jaeger.latest import latest
from ops.backends.jaeger.query_service import QueryService
from ops.backends.jaeger.span_match import has_tag, meets, values
from ops.backends.otlp.convert import WARNINGS, as_text, service_name
from ops.backends.otlp.pieces import pieces
from ops.backends.trace_search.search import TraceSearch
from ops.vocabulary.seen_tags import SeenTags

MOST_NOTED = 2_000  # spans whose tags are noted; the search's own are looked for in all


@dataclass(slots=True)
class Survey:
    """What the spans of a service have in some traces.

    `has` and `met` say of each tag and condition of the search, tags first, whether any span has
    its key, and whether any meets it; `together`, whether one span meets all. `seen` are tags that
    they do have.
    """

    search: TraceSearch
    has: list[bool] = field(init=False)
    met: list[bool] = field(init=False)
    together: bool = False
    seen: SeenTags = field(default_factory=SeenTags)
    ids: set[bytes] = field(default_factory=set)
    noted: int = 0
    _keys: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._keys = [key for key, _ in self.search.tags]
        self._keys += [each.key for each in self.search.conditions]
        self.has, self.met = [False] * len(self._keys), [False] * len(self._keys)

    @property
    def traces(self) -> int:
        """How many traces were looked at."""
        return len(self.ids)

    def add(self, message: bytes) -> None:
        """Look at a serialized TracesData."""
        for piece, _ in pieces(message):
            self.add_parsed(TracesData.FromString(piece))

    def add_parsed(self, data: TracesData) -> None:
        """Look at the spans of the search's service."""
        for each in data.resource_spans:
            if self.search.service not in ("", service_name(each.resource)):
                continue
            self._note(each.resource.attributes)
            for scope_spans in each.scope_spans:
                for span in scope_spans.spans:
                    self._look_at(each.resource, scope_spans.scope, span)

    def _look_at(self, resource: Resource, scope: InstrumentationScope, span: Span) -> None:
        self.ids.add(span.trace_id)
        where = resource, scope, span
        met = [has_tag(key, value, *where) for key, value in self.search.tags]
        met += [meets(each, *where) for each in self.search.conditions]
        self.together |= all(met)
        self.met = [one or other for one, other in zip(self.met, met, strict=True)]
        for place, key in enumerate(self._keys):
            self.has[place] |= met[place] or any(True for _ in values(key, *where))
        if self.noted < MOST_NOTED:
            self.noted += 1
            self._note(span.attributes)
            for event in span.events:
                self._note(event.attributes)

    def _note(self, items: Iterable[KeyValue]) -> None:
        for item in items:
            if item.key != WARNINGS:
                self.seen.add(item.key, as_text(item.value))


async def survey(server: QueryService, search: TraceSearch) -> Survey:
    """Read up to `limit` of the traces of a search's service and times, a few megabytes at most."""
    found = Survey(search)
    whole = TraceSearch(search.start, search.end, search.limit, search.service)
    await latest(server, whole, found.add, found.add_parsed)
    return found
