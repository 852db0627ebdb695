import pytest

from tests.alerts.making import alert


@pytest.mark.parametrize(
    ("annotations", "summary"),
    [
        ({"summary": "s", "message": "m", "description": "d"}, "s"),
        ({"summary": "", "message": "m", "description": "d"}, "m"),
        ({"description": "d", "runbook_url": "r"}, "d"),
        ({"runbook_url": "r"}, ""),
    ],
)
def test_its_summary_is_the_annotation_that_says_it_best(
    annotations: dict[str, str], summary: str
) -> None:
    assert alert(annotations=annotations).summary == summary


def test_its_severity_is_a_label() -> None:
    assert alert(labels={"severity": "page"}).severity == "page"
    assert alert().severity == ""
