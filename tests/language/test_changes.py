"""A reason is written as it is read."""

import pytest

from ops.language.changes import as_reason, take_reason


@pytest.mark.parametrize(
    ("reason", "read"),
    [
        ("QueueDeep", "QueueDeep"),
        ('the "slow" checkout', "the 'slow' checkout"),
        ("the \u201cslow\u201d checkout", "the 'slow' checkout"),
        ("C:\\new", "C:\\new"),
    ],
)
def test_it_is_read_as_it_was_written(reason: str, read: str) -> None:
    left, found = take_reason(f"petstore 10% {as_reason(reason)} now")

    assert left.split() == ["petstore", "10%", "now"]
    assert found == read


def test_no_reason_is_nothing() -> None:
    assert as_reason("") == ""
