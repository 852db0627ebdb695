"""Jaeger's query service over gRPC: api_v3 from release 2.13 on, api_v2 before that.

    client           what a site's Jaeger offers us: services, operations, a trace, a search
    query_service    the channel, and the best call that this server has
    window_reader    the traces of one window of a search, by summaries or whole traces
    summarizer       whole traces into summaries, message by message
    span_match       which spans match, if the server cannot test it
    survey           a look at a few traces, for the tags of a search that found nothing
    queries          searches into Jaeger's queries, its summaries into ours
    api_v2           the older model into OTLP

The search itself is in ops.backends.trace_search, reading a trace in ops.backends.otlp.
"""

from ops.backends.jaeger.client import Jaeger

__all__ = ["Jaeger"]
