"""Traces to read."""

from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.backends.otlp.reader import read_trace
from ops.vocabulary.spans import Spans
from tests.fakes.jaeger import span

NOON = 1_732_449_600_000_000_000
names = st.text(max_size=5)
planned = st.builds(
    lambda service, operation, start, tags, duration: span(
        service, operation, start=NOON + start, tags=tags, duration=duration
    ),
    st.sampled_from(["shop", "store", ""]),
    names,
    st.integers(0, 3),
    st.dictionaries(names, st.one_of(names, st.integers(-5, 500), st.booleans()), max_size=3),
    st.integers(-2, 5),
)


def read(*messages: TracesData) -> Spans:
    spans = read_trace([message.SerializeToString() for message in messages])
    assert spans is not None
    return spans
