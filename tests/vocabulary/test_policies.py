import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import InvalidInput
from ops.vocabulary.policies import (
    ALWAYS,
    NEVER,
    Policy,
    Spread,
    Strategy,
    parse_policy,
    per_second,
    rate,
)

FORMS = "is not a sampling policy; accepted: never, always, or a rate above 0 and up to 1"


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("never", NEVER),
        (" Always ", ALWAYS),
        ("0.1", rate(0.1)),
        ("10%", rate(0.1)),
        ("10 %", rate(0.1)),
        ("float 0.25", rate(0.25)),
        ("rate 1", rate(1.0)),
        ("1e-3", rate(0.001)),
        ("5/s", per_second(5)),
        ("1 trace/s", per_second(1)),
        (" 10000  Traces / s ", per_second(10_000)),
    ],
)
def test_it_reads_what_people_write(text: str, policy: Policy) -> None:
    assert parse_policy(text) == policy


@pytest.mark.parametrize(
    "text",
    ["nan", "inf", "-inf", "0", "-1", "1.01", "101 %", "always 0.5", "neverever", "float",
     "sometimes", "1_0", "0x1", "0/s", "10001/s", "0.5/s", "-1/s", "/s", "5/m"],
)  # fmt: skip
def test_it_refuses_everything_else_with_one_wording(text: str) -> None:
    with pytest.raises(InvalidInput, match=FORMS):
        parse_policy(text)


def test_it_says_that_none_is_given() -> None:
    with pytest.raises(InvalidInput, match=r"^no sampling policy given; accepted: never, always"):
        parse_policy("")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -0.5, 1.0000001])
def test_it_cannot_be_made_with_a_rate_that_is_none(value: float) -> None:
    with pytest.raises(InvalidInput, match=FORMS):
        rate(value)


@pytest.mark.parametrize(
    ("strategy", "value"),
    [(Strategy.NEVER, 0.5), (Strategy.ALWAYS, 0), (Strategy.PER_SECOND, 0.5),
     (Strategy.PER_SECOND, 0), (Strategy.PER_SECOND, 10_001), (Strategy.PER_SECOND, math.nan)],
)  # fmt: skip
def test_it_cannot_be_made_with_another_strategy_s_number(strategy: Strategy, value: float) -> None:
    with pytest.raises(InvalidInput):
        Policy(strategy, value)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (NEVER, "never"),
        (ALWAYS, "always"),
        (rate(0.001), "0.1%"),
        (per_second(5), "5 traces/s"),
    ],
)
def test_it_says_its_share_in_percent(policy: Policy, text: str) -> None:
    assert str(policy) == text


@pytest.mark.parametrize(
    ("policies", "text", "policy"),
    [
        ([], "unknown", None),
        ([None], "unknown", None),
        ([None, None], "unknown", None),
        ([rate(0.1)] * 3, "10%", rate(0.1)),
        ([NEVER, rate(0.125), rate(0.125)], "12.5% on 2, never on 1", None),
        ([ALWAYS, None, ALWAYS], "always on 2, unknown on 1", None),
        ([per_second(5), per_second(5), NEVER], "5 traces/s on 2, never on 1", None),
    ],
)
def test_a_spread_says_how_many_instances_have_which_policy(
    policies: list[Policy | None], text: str, policy: Policy | None
) -> None:
    spread = Spread.of(policies)
    assert (str(spread), spread.policy) == (text, policy)
    assert str(Spread.read(text)) == text
    assert Spread.read(text).policy == policy


@given(
    st.lists(
        st.none() | st.floats(1e-6, 1).map(rate) | st.sampled_from([NEVER, ALWAYS, per_second(7)])
    )
)
def test_a_written_spread_is_short_and_reads_back(policies: list[Policy | None]) -> None:
    written = str(Spread.of(policies))
    assert len(written) <= 255, "it fits its column"
    assert str(Spread.read(written)) == written


@pytest.mark.parametrize("text", ["", "who knows", "10 %", "12 % on 2, never on 1", "10% on x"])
def test_an_old_spread_is_read_as_far_as_it_can_be(text: str) -> None:
    Spread.read(text)
    assert Spread.read("10 %").policy == rate(0.1)
