"""Which silences are refused, and which need a second yes."""

import pytest

from ops.errors import InvalidInput
from ops.silences import rules
from ops.vocabulary.matchers import parse_matchers
from ops.vocabulary.timerange import DAY, HOUR, SECOND

NOW = 1_795_000_000 * SECOND


@pytest.mark.parametrize(
    ("matchers", "comment", "lasts", "words"),
    [
        ("", "", HOUR, "needs a matcher"),
        ('team!="pets"', "", HOUR, "would silence every alert without that label"),
        ('team!~"a|b", zz!=""', "", HOUR, "would silence every alert without that label"),
        ('team=~".*"', "", HOUR, "also matches alerts without these labels"),
        ('alertname="A"', "x" * 1_001, HOUR, "the reason has 1,001 characters; the limit is 1,000"),
        ('alertname="A"', "", 0, "must end in the future"),
        ('alertname="A"', "", -HOUR, "must end in the future"),
        ('alertname="A"', "", 25 * HOUR, "of more than 24 h needs a reason"),
        ('alertname="A"', "why", 91 * DAY, "may last 90 d"),
        (", ".join(f'a{n}="b"' for n in range(21)), "", HOUR, "21 matchers"),
    ],
)
def test_it_is_refused(matchers: str, comment: str, lasts: int, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        rules.check(parse_matchers(matchers), comment, NOW + lasts, NOW)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("matchers", "comment", "lasts"),
    [
        ('alertname="A"', "", 24 * HOUR),
        ('alertname="A", team!="pets"', "", HOUR),
        ('alertname=~"A|B"', "why", 90 * DAY),
        ('team=~".+"', "", HOUR),
    ],
)
def test_it_is_accepted(matchers: str, comment: str, lasts: int) -> None:
    rules.check(parse_matchers(matchers), comment, NOW + lasts, NOW)


@pytest.mark.parametrize(
    ("matchers", "hidden", "number"),
    [
        ('alertname="A"', 20, 0),
        ('alertname="A"', 21, 1),
        ('team="pets"', 1, 1),
        ('alertname!="A", team="pets"', 21, 2),
        ('alertname=~"A|B"', 0, 0),
    ],
)
def test_a_wide_silence_needs_a_second_yes(matchers: str, hidden: int, number: int) -> None:
    assert len(rules.questions(parse_matchers(matchers), hidden, 20)) == number
