"""What came of a request is stored as data, and every door gets it back as it was."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops import errors
from ops.errors import BackendUnavailable, NotConfirmed, OpsError
from ops.requests import results
from ops.sampling.actions import InstanceSampling, SamplingChange
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate
from ops.vocabulary.spreads import Spread

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, OpsError) and kind is not NotConfirmed
]
HEALTH = rate(0.1).by_operation({"GET /health": 0.001})
WORDS = [NEVER, ALWAYS, per_second(5), HEALTH]
RATES = st.floats(0, 1, exclude_min=True).map(rate)
POLICIES: st.SearchStrategy[Policy] = st.sampled_from(WORDS) | RATES
TIMES = st.datetimes(timezones=st.just(UTC))


@st.composite
def changes(draw: st.DrawFn) -> SamplingChange:
    policy = draw(POLICIES)
    instances = st.builds(
        InstanceSampling, st.text(), st.just(policy), st.none() | TIMES, st.booleans(), st.text()
    )
    return SamplingChange(
        site=draw(st.text()),
        service=draw(st.text()),
        previous=draw(st.sampled_from([Spread(((NEVER, 2), (None, 1))), Spread.of([HEALTH])])),
        policy=policy,
        actor=draw(st.text()),
        door="slack",
        at=datetime(2026, 11, 29, tzinfo=UTC),
        request_id=draw(st.text()),
        instances=tuple(draw(st.lists(instances, max_size=3))),
        undo=draw(st.none() | POLICIES),
        revision=draw(st.integers(0, 2**63 - 1)),
        until=draw(st.none() | TIMES),
        then=draw(st.none() | POLICIES),
        reason=draw(st.text()),
    )


@given(changes())
def test_a_change_is_read_as_it_was_written(change: SamplingChange) -> None:
    assert results.read(json.loads(json.dumps(results.written(change)))) == change


@given(changes())
def test_a_change_of_the_release_before_can_be_read(change: SamplingChange) -> None:
    old = results.written(change)
    for key in ("revision", "until", "then", "reason", "before"):
        del old[key]
    previous = Spread.read(change.previous.text)
    known = replace(change, revision=0, until=None, then=None, reason="", previous=previous)
    assert results.read(old) == known


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_read_as_it_was_written(kind: type[OpsError]) -> None:
    made = kind("why", backend="x") if issubclass(kind, BackendUnavailable) else kind("why")
    found = results.problem(results.kind_of(made), str(made))
    assert (type(found), str(found)) == (kind, "why")


def test_an_error_that_is_ours_alone_is_stored_as_its_public_kind() -> None:
    class Odd(errors.Conflict):
        pass

    assert results.kind_of(Odd("why")) == "Conflict"
    assert type(results.problem("of another release", "why")) is OpsError
