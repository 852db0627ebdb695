import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import InvalidInput
from ops.vocabulary.policies import (
    ALWAYS,
    NEVER,
    Policy,
    Strategy,
    parse_operations,
    parse_policy,
    per_second,
    rate,
    take_operations,
)
from ops.vocabulary.spreads import Spread

HEALTH = rate(0.1).by_operation({"GET /health": 0.001, "GET /": 0})
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
        st.none()
        | st.floats(1e-6, 1).map(rate)
        | st.sampled_from([NEVER, ALWAYS, per_second(7), HEALTH])
    )
)
def test_a_written_spread_is_short_and_reads_back(policies: list[Policy | None]) -> None:
    spread = Spread.of(policies)
    written = spread.text
    assert len(written) <= 255, "it fits its column"
    assert str(Spread.read(written)) == written
    parts = json.loads(json.dumps(spread.parts))
    assert str(Spread.read(written, parts)) == str(spread)
    assert (parts is None) == (HEALTH not in policies)


@pytest.mark.parametrize("text", ["", "who knows", "10 %", "12 % on 2, never on 1", "10% on x"])
def test_an_old_spread_is_read_as_far_as_it_can_be(text: str) -> None:
    Spread.read(text)
    assert Spread.read("10 %").policy == rate(0.1)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ('10% "GET /health"=0.1% “GET /” = never', HEALTH),
        ('float 0.1 "GET /"=0% "GET /health"=0.001', HEALTH),
        ('"pay"=always never', NEVER.by_operation({"pay": 1.0})),
        ("5/s", per_second(5)),
    ],
)
def test_it_reads_rates_of_single_operations(text: str, policy: Policy) -> None:
    rest, shares = take_operations(text)
    assert parse_policy(rest).by_operation(shares) == policy
    assert parse_operations(policy.lines) == shares


def test_it_says_which_operations_differ() -> None:
    assert str(HEALTH) == "10%, but GET / 0%, GET /health 0.1%"
    many = ALWAYS.by_operation({f"op{n}": 0.5 for n in range(1, 6)})
    assert str(many) == "always, but op1 50%, op2 50%, op3 50% and 2 more"
    assert (HEALTH.base, HEALTH.highest, many.highest) == (rate(0.1), 0.1, 1.0)
    assert (HEALTH.of_operation("GET /"), HEALTH.of_operation("else")) == (0, 0.1)


def test_it_keeps_every_trace_only_if_it_does_of_every_operation() -> None:
    assert ALWAYS.keeps_everything and rate(1.0).by_operation({"GET /": 1.0}).keeps_everything
    some = (HEALTH, ALWAYS.by_operation({"GET /health": 0.1}), per_second(1), NEVER)
    assert not any(each.keeps_everything for each in some)


@pytest.mark.parametrize(
    ("policy", "operations", "problem"),
    [
        (per_second(5), {"a": 0.1}, "5 traces/s cannot be combined with rates of single"),
        (ALWAYS, {f"{n}": 0.1 for n in range(51)}, "51 operations have a rate; the limit is 50"),
        (ALWAYS, {"": 0.1}, "has 1 to 256 bytes"),
        (ALWAYS, {"ä" * 129: 0.1}, "has 1 to 256 bytes; .* has 258"),
        (ALWAYS, {"a\nb": 0.1}, "has a quote, or is not one line"),
        (ALWAYS, {'a"b': 0.1}, "has a quote, or is not one line"),
        (ALWAYS, {"a": 1.01}, 'the rate of "a" must be between 0 and 1'),
        (ALWAYS, {"a": -1e-300}, 'the rate of "a" must be between 0 and 1'),
        (ALWAYS, {"a": math.nan}, 'the rate of "a" must be between 0 and 1'),
        (ALWAYS, {"a": math.inf}, 'the rate of "a" must be between 0 and 1'),
    ],
)
def test_it_refuses_operations_that_no_client_could_follow(
    policy: Policy, operations: dict[str, float], problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        policy.by_operation(operations)


def test_it_reads_one_operation_a_line() -> None:
    lines = ["GET /health = 0.1%", "GET /?a=b=never"]
    assert parse_operations(lines) == {"GET /health": 0.001, "GET /?a=b": 0}


@pytest.mark.parametrize("lines", [["a=5/s"], ["a=soon"], ["a=0.1", "a =0.2"], ["a"], ["a="], [""]])
def test_it_refuses_a_share_that_is_none_and_an_operation_with_two(lines: list[str]) -> None:
    with pytest.raises(InvalidInput):
        parse_operations(lines)
