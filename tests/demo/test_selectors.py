"""Selectors as Prometheus reads them."""

import pytest

from opsportal.demo.samples import Samples
from opsportal.demo.selectors import read_selector


@pytest.fixture
def samples() -> Samples:
    made = Samples()
    for job, team in (("store", "a"), ("mailer", ""), ("petstore", 'say "hi"')):
        made.add("up", {"job": job} | ({"team": team} if team else {}), 1, 1)
    made.add("other", {"job": "store"}, 1, 1)
    return made


@pytest.mark.parametrize(
    ("text", "jobs"),
    [
        ("up", "mailer petstore store"),
        (" up{} ", "mailer petstore store"),
        ('up{job="store"}', "store"),
        ('up{job!="store"}', "mailer petstore"),
        ('up{job=~"store|mail"}', "store"),
        ('up{job!~".*store", team=""}', "mailer"),
        ('up{ job = "petstore" , team="say \\"hi\\"",}', "petstore"),
        ("nothing_like_it", ""),
        ('{__name__=~"up|down",job=~"|store"}', "store"),
        ('{__name__!="other",team="a"}', "store"),
    ],
)
def test_it_selects_what_matches(samples: Samples, text: str, jobs: str) -> None:
    selector = read_selector(text)
    assert selector is not None
    assert " ".join(sorted(dict(key)["job"] for key in selector.at(samples, 1))) == jobs


@pytest.mark.parametrize(
    "text",
    ["", "rate(up[30s])", "up > 1", "up{job}", 'up{job="a" team="b"}', 'up{job="a"', "up{job='a'}"],
)
def test_it_reads_nothing_else(text: str) -> None:
    assert read_selector(text) is None


def test_a_text_with_an_odd_escape_or_pattern_is_no_selector() -> None:
    assert read_selector(r'up{job="\d"}') is None
    assert read_selector('up{job=~"("}') is None
