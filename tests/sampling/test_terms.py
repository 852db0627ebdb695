"""How long a change lasts, what follows it, and who may say so in which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import InvalidInput
from ops.sampling import terms
from ops.sampling.terms import PERMANENT, USUAL, Term, usual
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate

NOW = 1_796_002_400 * timerange.SECOND  # 2026-11-30T01:33:20Z


@pytest.mark.parametrize(
    ("baseline", "policy", "expected"),
    [
        (rate(0.01), rate(0.1), Term(USUAL)),
        (rate(0.1), rate(0.01), PERMANENT),
        (rate(0.1), rate(0.1), PERMANENT),
        (ALWAYS, NEVER, PERMANENT),
        (None, ALWAYS, PERMANENT),  # nothing to return to
        (rate(0.1), per_second(1), Term(USUAL)),  # nobody knows which is more
        (per_second(5), rate(0.1), Term(USUAL)),
        (per_second(5), per_second(5), PERMANENT),
        # A raise of one operation is one, and so is the end of a lower rate.
        (rate(0.1), rate(0.01).by_operation({"GET /": 0.2}), Term(USUAL)),
        (rate(0.1), rate(0.1).by_operation({"GET /": 0.01}), PERMANENT),
        (rate(0.1).by_operation({"GET /": 0.01}), rate(0.1), Term(USUAL)),
        (rate(0.1).by_operation({"GET /": 0.2}), rate(0.1), PERMANENT),
    ],
)
def test_a_raise_ends_by_itself_unless_told(
    baseline: Policy | None, policy: Policy, expected: Term
) -> None:
    assert usual(baseline, policy) == expected


@pytest.mark.parametrize(
    ("term", "said"),
    [
        (Term(duration=8 * timerange.SECOND), "at least 10 s and at most 7 d; this one would end"),
        (Term(end=NOW), "this one would end at 2026-11-30T01:33:20Z"),
        (Term(end=1), "this one would end at 1970-01-01T00:00:00Z"),
        (Term(duration=8 * timerange.DAY), "this one would end at 2026-12-08T01:33:20Z"),
        (Term(end=2**63 - 1), "this one would end at 2262"),
    ],
)
def test_a_change_lasts_neither_too_short_nor_too_long(term: Term, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        terms.check(term, NOW, "")


@pytest.mark.parametrize("reason", ["a\nb", "a\x00", "\u202eabc", "a" * 301])
def test_a_reason_is_one_short_line(reason: str) -> None:
    with pytest.raises(InvalidInput, match="a reason is one line of at most 300 characters"):
        terms.check(PERMANENT, NOW, reason)


@given(st.integers(terms.SHORTEST, terms.LONGEST))
def test_an_accepted_term_ends_when_it_says(duration: int) -> None:
    term = Term(duration)
    terms.check(term, NOW, "SlowSearch since 1.3.0: “bäd”")
    assert term.until(NOW) == NOW + duration == Term(end=NOW + duration).until(0)


TIMED = Term(USUAL)
BY_OPERATION = rate(0.1).by_operation({"GET /": 0})


@pytest.mark.parametrize(
    ("term", "baseline", "then", "expected"),
    [
        (PERMANENT, rate(0.1), None, None),
        (PERMANENT, None, None, None),
        (TIMED, rate(0.1), None, rate(0.1)),
        (TIMED, rate(0.1), rate(0.1), rate(0.1)),
        (TIMED, None, NEVER, NEVER),
        (TIMED, None, None, "petstore has no permanent sampling to return to; say what follows"),
        (TIMED, rate(0.1), NEVER, "petstore returns to 10%, its permanent sampling; leave out"),
        (PERMANENT, None, NEVER, "what follows is for a change with an end only"),
        (TIMED, BY_OPERATION, None, BY_OPERATION),
        (TIMED, BY_OPERATION, BY_OPERATION, BY_OPERATION),
        (TIMED, BY_OPERATION, rate(0.1), BY_OPERATION),  # as a request keeps it
        (TIMED, None, BY_OPERATION, "what follows is one rate, without rates of single operations"),
    ],
)
def test_what_follows_is_known_before_a_change_is_made(
    term: Term, baseline: Policy | None, then: Policy | None, expected: Policy | str | None
) -> None:
    if isinstance(expected, str):
        with pytest.raises(InvalidInput, match=expected):
            terms.check_then("petstore", term, baseline, then)
    else:
        assert terms.check_then("petstore", term, baseline, then) == expected
