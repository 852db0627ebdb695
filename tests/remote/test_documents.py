"""Every document says a rate that clients accept, and nothing that they do not know."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.remote import documents, said
from ops.remote.documents import answer, default, encoded, etag, remote_config, strategies
from ops.remote.grpc import message
from ops.sampling.revisions import InForce
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate
from tests.remote.fuzzing import runs

TEN = InForce(7, rate(0.1), 0)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (NEVER, {"samplingRate": 0.0}),
        (ALWAYS, {"samplingRate": 1.0}),
        (rate(0.1), {"samplingRate": 0.1}),
        (rate(1e-300), {"samplingRate": 1e-300}),
    ],
)
def test_it_answers_a_rate_as_a_number(policy: Policy, expected: dict[str, float]) -> None:
    found = json.loads(encoded(answer(InForce(1, policy, 0))))
    assert found == {"strategyType": "PROBABILISTIC", "probabilisticSampling": expected}


def test_it_answers_traces_per_second_as_a_whole_number() -> None:
    found = encoded(answer(InForce(1, per_second(5), 0)))
    assert (
        found == b'{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":5}}'
    )


def test_it_answers_rates_of_operations_beside_the_default_rate() -> None:
    found = answer(InForce(1, rate(0.1).by_operation({"GET /": 0.5}), 0))
    assert found["operationSampling"] == {
        "defaultSamplingProbability": 0.1,
        "defaultLowerBoundTracesPerSecond": 0,
        "perOperationStrategies": [
            {"operation": "GET /", "probabilisticSampling": {"samplingRate": 0.5}}
        ],
    }


def test_only_our_own_sampler_gets_the_end_and_what_follows() -> None:
    timed = InForce(7, ALWAYS, 0, until=1_795_521_600_250_000_000, then=rate(0.1))
    assert "opsportal" not in answer(timed)
    assert answer(timed, ours=True)["opsportal"] == {
        "revision": 7,
        "until": "2026-11-24T12:00:00.250+00:00",
        "then": {
            "strategyType": "PROBABILISTIC",
            "probabilisticSampling": {"samplingRate": 0.1},
        },
    }


def test_jaegers_file_has_the_default_and_each_service() -> None:
    found = strategies(default(rate(0.01)), {"b": InForce(2, per_second(5), 0), "a": TEN})
    assert found == {
        "default_strategy": {"type": "probabilistic", "param": 0.01},
        "service_strategies": [
            {"service": "a", "type": "probabilistic", "param": 0.1},
            {"service": "b", "type": "ratelimiting", "param": 5},
        ],
    }


def test_opamp_sends_edot_its_rate_as_text_and_nothing_else() -> None:
    found = remote_config(TEN, key="elastic", ours=False)
    assert found and dict(found[0]) == {"elastic": b'{"sampling_rate":"0.1"}'}


def test_opamp_sends_traces_per_second_to_our_own_sampler_only() -> None:
    limited = InForce(7, per_second(5), 0)
    assert remote_config(limited, key="elastic", ours=False) is None
    found = remote_config(limited, key="elastic", ours=True)
    assert found and list(found[0]) == ["opsportal"]


def test_each_revision_has_its_own_tag_and_hash() -> None:
    again = InForce(8, rate(0.1), 0)
    body = encoded(answer(TEN))
    assert etag(body, 7) != etag(body, 8)
    configs = [remote_config(each, key="elastic", ours=False) for each in (TEN, again)]
    assert configs[0] and configs[1] and configs[0][1] != configs[1][1]


POLICIES = st.one_of(
    st.sampled_from([NEVER, ALWAYS]),
    st.floats(0, 1, exclude_min=True).map(rate),
    st.integers(1, 10_000).map(per_second),
)
NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=20)
OPERATIONS = st.dictionaries(NAMES, st.floats(0, 1), max_size=3)


@runs(5)
@given(POLICIES, POLICIES, OPERATIONS)
def test_what_it_sends_is_finite_and_what_it_reads_back_agrees(
    policy: Policy, then: Policy, operations: dict[str, float]
) -> None:
    if policy.share is not None:
        policy = policy.by_operation(operations)
    sampling = InForce(7, policy, 0, until=1, then=then)
    found = json.loads(encoded(answer(sampling, ours=True)))  # refuses what is not finite
    config = remote_config(sampling, key="elastic", ours=False)
    if policy.share is None:
        assert config is None
        assert message(sampling).rateLimitingSampling.maxTracesPerSecond == policy.rate
    else:
        assert found["probabilisticSampling"]["samplingRate"] == policy.rate
        assert (config is None) == bool(policy.operations), "one rate is all that EDOT can do"
        config = remote_config(sampling, key="elastic", ours=True)
        assert config
        reported = said.policy(said.member(config[0]["elastic"], "sampling_rate"))
        assert reported and said.agrees(policy, reported)
        assert message(sampling).probabilisticSampling.samplingRate == policy.rate
    assert json.loads(encoded(documents.strategies(sampling, {"a": sampling})))


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("0.5", rate(0.5)), (0.5, rate(0.5)), ("0", NEVER), (1, ALWAYS), ("1e-05", rate(1e-05)),
        ("5/s", per_second(5)), ("0/s", None), ("99999/s", None), ("nan", None), ("inf", None),
        ("-1", None), ("1.5", None), (True, None), (None, None), ([], None), ("", None),
        (10**400, None),
    ],
)  # fmt: skip
def test_it_reads_what_machines_say_is_in_force(text: object, policy: Policy | None) -> None:
    assert said.policy(text) == policy


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{", b"[" * 10_000, b'"' + b"a" * 20_000])
def test_it_finds_nothing_in_what_is_no_document(body: bytes) -> None:
    assert said.member(body, "sampling_rate") is None
