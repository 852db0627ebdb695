from ops.vocabulary.figures import count


def test_counts_have_their_plural() -> None:
    assert [count(n, "span") for n in (0, 1, 12_000)] == ["0 spans", "1 span", "12,000 spans"]
    assert [count(n, "entry", "entries") for n in (1, 2)] == ["1 entry", "2 entries"]
