"""What the sampler accepts from a server, and that nothing else changes anything."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opsportal_sampler.strategies import (
    Document,
    InvalidDocument,
    PerOperation,
    Probabilistic,
    RateLimiting,
    Strategy,
    describe,
    read_document,
    read_sampling_rate,
)

from tests.clients.server import rate

LIMITING = {"rateLimitingSampling": {"maxTracesPerSecond": 5}}
OPERATIONS = {
    "operationSampling": {
        "defaultSamplingProbability": 0.1,
        "defaultLowerBoundTracesPerSecond": 2,
        "defaultUpperBoundTracesPerSecond": 0,
        "perOperationStrategies": [
            {"operation": "GET /", "probabilisticSampling": {"samplingRate": 1}}
        ],
    }
}


@pytest.mark.parametrize(
    ("document", "strategy"),
    [
        (rate(0.5), Probabilistic(0.5)),
        (rate(0), Probabilistic(0)),
        (rate(0.5) | {"strategyType": 0}, Probabilistic(0.5)),
        ({"probabilisticSampling": {"samplingRate": 1e-300}}, Probabilistic(1e-300)),
        (LIMITING | {"strategyType": "RATE_LIMITING"}, RateLimiting(5)),
        (LIMITING | {"strategyType": 1}, RateLimiting(5)),
        (LIMITING, RateLimiting(5)),
        (rate(0.5) | LIMITING, Probabilistic(0.5)),
        (rate(0.5) | LIMITING | {"strategyType": 1}, RateLimiting(5)),
        (
            rate(0.5) | {"operationSampling": None, "rateLimitingSampling": None},
            Probabilistic(0.5),
        ),
        (rate(0.5) | OPERATIONS, PerOperation(0.1, 2, 0, {"GET /": 1})),
        ({"operationSampling": {"defaultSamplingProbability": 0.1}}, PerOperation(0.1)),
    ],
)
def test_it_reads_strategies_as_other_clients_do(document: object, strategy: Strategy) -> None:
    assert read_document(json.dumps(document).encode()) == Document(strategy)


def test_it_reads_what_opsportal_adds() -> None:
    document = rate(0.5, revision=17, until="2026-11-30T03:15:00Z", then=LIMITING)
    end = datetime(2026, 11, 30, 3, 15, tzinfo=UTC)
    expected = Document(Probabilistic(0.5), 17, end, RateLimiting(5))
    assert read_document(json.dumps(document).encode()) == expected


UNTIL = {"until": "2026-11-30T03:15:00Z", "then": LIMITING}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"9" * 5_000, "not JSON"),
        ([], "must be an object"),
        (None, "must be an object"),
        ({}, "no sampling strategy"),
        ({"strategyType": "PROBABILISTIC"}, "no sampling strategy"),
        (rate(0.5) | {"strategyType": "SOMETIMES"}, "strategyType"),
        (rate(0.5) | {"strategyType": True}, "strategyType"),
        (rate(0.5) | {"strategyType": []}, "strategyType"),
        (rate("0.5"), "must be a number"),
        (rate(True), "must be a number"),
        (rate(None), "must be a number"),
        (rate(math.nan), "from 0 to 1"),
        (rate(math.inf), "from 0 to 1"),
        (rate(-0.1), "from 0 to 1"),
        (rate(1.1), "from 0 to 1"),
        (rate(10**400), "from 0 to 1"),
        ({"probabilisticSampling": []}, "must be an object"),
        ({"rateLimitingSampling": {"maxTracesPerSecond": -1}}, "maxTracesPerSecond"),
        ({"rateLimitingSampling": {"maxTracesPerSecond": 2**31}}, "maxTracesPerSecond"),
        (rate(0.5) | {"operationSampling": {}}, "defaultSamplingProbability"),
        (
            {"operationSampling": {"defaultSamplingProbability": 1, "perOperationStrategies": {}}},
            "must be a list",
        ),
        (
            {
                "operationSampling": {
                    "defaultSamplingProbability": 1,
                    "perOperationStrategies": [{"probabilisticSampling": {"samplingRate": 1}}],
                }
            },
            "no operation",
        ),
        (rate(0.5) | {"opsportal": 17}, "opsportal must be an object"),
        (rate(0.5, revision="17"), "revision"),
        (rate(0.5, revision=-1), "revision"),
        (rate(0.5, until=UNTIL["until"]), "together"),
        (rate(0.5, then=LIMITING), "together"),
        (rate(0.5, **UNTIL | {"until": "2026-11-30T03:15:00"}), "until"),
        (rate(0.5, **UNTIL | {"until": 1796008500}), "until"),
        (rate(0.5, **UNTIL | {"then": {}}), "no sampling strategy"),
        (rate(0.5, **UNTIL | {"then": rate(math.nan)}), "from 0 to 1"),
    ],
)
def test_it_refuses_a_document_as_a_whole(document: object, says: str) -> None:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(InvalidDocument, match=says):
        read_document(body)


@pytest.mark.parametrize("value", ["0.1", 0.1, "1e-1"])
def test_it_reads_a_rate_as_text_or_number(value: object) -> None:
    body = json.dumps({"sampling_rate": value, "logging_level": "debug"}).encode()
    assert read_sampling_rate(body) == Document(Probabilistic(0.1))


@pytest.mark.parametrize(
    "body",
    [
        {"sampling_rate": "nan"},
        {"sampling_rate": "inf"},
        {"sampling_rate": "-1"},
        {"sampling_rate": "1.1"},
        {"sampling_rate": ""},
        {"sampling_rate": True},
        {"sampling_rate": None},
        {"sampling_rate": []},
        {},
        [],
    ],
)
def test_it_refuses_what_is_no_rate(body: object) -> None:
    with pytest.raises(InvalidDocument):
        read_sampling_rate(json.dumps(body).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def objects(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects with some of these members, each as it should be or not."""
    return st.fixed_dictionaries({}, optional={k: v | JSON for k, v in members.items()})


NUMBERS = st.floats() | st.floats(0, 1) | st.integers()
STRATEGIES = objects(
    strategyType=st.sampled_from(["PROBABILISTIC", "RATE_LIMITING", 0, 1]),
    probabilisticSampling=objects(samplingRate=NUMBERS),
    rateLimitingSampling=objects(maxTracesPerSecond=NUMBERS),
    operationSampling=objects(
        defaultSamplingProbability=NUMBERS,
        defaultLowerBoundTracesPerSecond=NUMBERS,
        defaultUpperBoundTracesPerSecond=NUMBERS,
        perOperationStrategies=st.lists(
            objects(operation=st.text(), probabilisticSampling=objects(samplingRate=NUMBERS)),
            max_size=3,
        ),
    ),
)
DOCUMENTS = st.builds(
    lambda document, extra: {**document, "opsportal": extra} if extra else document,
    STRATEGIES.filter(lambda value: isinstance(value, dict)),
    objects(revision=st.integers(), until=st.datetimes().map(str), then=STRATEGIES) | JSON,
)


@given(st.binary() | DOCUMENTS.map(lambda document: json.dumps(document).encode()))
def test_whatever_is_accepted_can_be_sampled_by(body: bytes) -> None:
    try:
        document = read_document(body)
    except InvalidDocument:
        return
    for strategy in (document.strategy, document.then or document.strategy):
        match strategy:
            case Probabilistic(one):
                numbers = [one]
            case RateLimiting(limit):
                numbers = [limit / 2**31]
            case PerOperation():
                bounds = strategy.lower_bound, strategy.upper_bound
                rates = strategy.rates.values()
                numbers = [strategy.default_rate, *(each / 2**31 for each in bounds), *rates]
        assert all(0 <= number <= 1 for number in numbers)
        assert float(describe(strategy).removesuffix("/s")) >= 0
