"""Which policy the first span of a trace says that it was kept by."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate
from ops.vocabulary.roots import carried


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"sampler.type": "probabilistic", "sampler.param": 0.25}, rate(0.25)),
        ({"sampler.type": "probabilistic", "sampler.param": "0.25"}, rate(0.25)),
        ({"sampler.type": "probabilistic", "sampler.param": 1}, ALWAYS),
        ({"sampler.type": "const", "sampler.param": True}, ALWAYS),
        ({"sampler.type": "const", "sampler.param": "false"}, NEVER),
        ({"jaeger.sampler.type": "ratelimiting", "jaeger.sampler.param": 5.0}, per_second(5)),
        ({"sampler.type": "ratelimiting", "sampler.param": 0.5}, None),
        ({"sampler.type": "lowerbound", "sampler.param": 0.5}, None),
        ({"sampler.type": "probabilistic"}, None),
        ({"sampler.type": ["probabilistic"], "sampler.param": {}}, None),
        ({"sampler.type": "probabilistic", "sampler.param": math.nan}, None),
        ({"sampler.type": "probabilistic", "sampler.param": 2}, None),
        ({"sampler.type": "probabilistic", "sampler.param": -0.5}, None),
        ({"sampler.type": "probabilistic", "sampler.param": 10**400}, None),
        ({}, None),
    ],
)
def test_it_reads_what_samplers_write(attributes: dict[str, object], expected: Policy) -> None:
    assert carried(attributes, "ot=th:0" if attributes else "") == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("ot=th:8", 0.5),
        ("ot=th:0", 1),
        ("ot=th:c", 0.25),
        ("ot=th:e6666666666666", 0.1),
        ("ot=th:fd70a4", 0.01),
        ("ot=rv:abcdef01234567;th:8", 0.5),
        ("vendor=a:b, ot=th:8;rv:1", 0.5),
        ("ot=th:", None),
        ("ot=th:8g", None),
        ("ot=th:123456789abcdef", None),
        ("ot=rv:8", None),
        ("other=th:8", None),
        ("hot=th:8", None),
        ("x" * 600 + ",ot=th:8", None),
        ("", None),
    ],
)
def test_it_reads_the_threshold_of_the_tracestate(state: str, expected: float | None) -> None:
    found = carried({}, state)
    assert (found and found.rate) == (expected and pytest.approx(expected, rel=1e-3))


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(
    st.dictionaries(
        st.sampled_from(["sampler.type", "sampler.param", "jaeger.sampler.type"]),
        ANYTHING | st.sampled_from(["probabilistic", "ratelimiting", "const"]),
    ),
    st.text() | st.text("ot=h:;,0123456789abcdef").map("ot=th:".__add__),
)
def test_nothing_that_a_root_says_is_too_much(attributes: dict[str, object], state: str) -> None:
    found = carried(attributes, state)
    assert found is None or math.isfinite(found.rate)
