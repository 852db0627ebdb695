"""Traces in OTLP: kept as the bytes that arrived, and read with as little parsing as possible.

    bytes of TracesData ──> trace_index ──> reader ──> Spans (columns)
                            which bytes     span_ids       │ a span, its events,
                            are a span      duplicates     │ a text, the export
                                                           v
                                                      stored_spans ──> convert

`wire_format` finds fields in protobuf's encoding, `convert` turns parsed messages into the types
of ops.vocabulary.spans, and `json_export` writes OTLP JSON.
"""

from ops.backends.otlp.reader import read_trace

__all__ = ["read_trace"]
