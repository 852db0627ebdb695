"""IDs of unusual lengths."""

from ops.traces.tree import tree_of
from tests.backends.otlp.conftest import NOON, read
from tests.fakes.jaeger import span, trace


def test_it_reads_ids_of_another_length_beside_usual_ones() -> None:
    first, second = trace(span("shop", "a", start=NOON)), trace(span("shop", "b", start=NOON + 1))
    (root,) = first.resource_spans[0].scope_spans[0].spans
    (child,) = second.resource_spans[0].scope_spans[0].spans
    root.span_id, root.parent_span_id = b"12345678", b""
    child.span_id, child.parent_span_id = b"\xab\xcd", root.span_id
    spans = read(first, second)

    assert list(spans.ids) == ["3132333435363738", "abcd".zfill(16)]
    assert list(spans.parent_ids) == ["", "3132333435363738"]
    assert list(tree_of(spans).parents) == [-1, 0]


def test_a_parent_of_zeros_is_none() -> None:
    assert list(read(trace(span("shop", "a", parent_id="00" * 8))).parent_ids) == [""]
