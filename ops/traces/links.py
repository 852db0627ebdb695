"""Links between spans, both ways.

A span names the spans that it links to, in its own trace or in another: a consumer of a batch
links to the producer of each message. No backend can be queried in the other direction, so the
links of traces that were read are remembered: following one to another trace shows the way back.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cachetools import LRUCache

from ops.metrics import watched
from ops.vocabulary.spans import Spans

MOST = 1_000  # links read per trace, and remembered per target trace
TRACES = 2_000  # target traces for which links are remembered


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A link from one span to another; IDs as in Span."""

    trace_id: str
    span_id: str
    to_trace_id: str
    to_span_id: str


_remembered: LRUCache[tuple[str, str], dict[SpanLink, None]] = watched("links", LRUCache(TRACES))


def links_of(spans: Spans) -> tuple[SpanLink, ...]:
    """Return the links of a trace's spans, the first MOST of them."""
    found: list[SpanLink] = []
    for number in sorted(spans.linked):
        span = spans.store[number]
        found += (
            SpanLink(span.trace_id, span.span_id, link.trace_id, link.span_id)
            for link in span.links
        )
        if len(found) >= MOST:
            break
    return tuple(found[:MOST])


def remember(site: str, links: Iterable[SpanLink]) -> None:
    """Remember the links of a trace that was read on a site."""
    for link in links:
        known = _remembered.setdefault((site, link.to_trace_id), {})
        if len(known) < MOST:
            known[link] = None


def links_to(site: str, trace_id: str) -> tuple[SpanLink, ...]:
    """Return the links to a trace from recently read traces of the site."""
    return tuple(_remembered.get((site, trace_id), ()))
