"""The tags seen lately in the traces of each service: opened traces, and those looked at."""

from cachetools import LRUCache

from ops.metrics import watched
from ops.vocabulary.seen_tags import SeenTags
from ops.vocabulary.spans import Spans
from ops.vocabulary.tags import compared

MOST_SERVICES = 100
MOST_NOTED = 20  # spans of one trace, read within some milliseconds

seen: LRUCache[tuple[str, str], SeenTags] = watched("tags seen", LRUCache(MOST_SERVICES))


def seen_in(site: str, service: str) -> SeenTags:
    """Return the tags seen in the spans of a service, by its name in traces; "" for any."""
    known = seen.get((site, service))
    if known is None:
        known = seen[site, service] = SeenTags()
    return known


def note_tags(site: str, spans: Spans) -> None:
    """Note the tags of a trace's first spans."""
    for number in range(min(len(spans), MOST_NOTED)):
        span = spans.store[number]
        known = seen_in(site, span.service)
        for key, value in (*span.attributes.items(), *span.process.items()):
            known.add(key, compared(value))
