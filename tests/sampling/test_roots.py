"""What new traces prove: seconds after the change are what these tests count in."""

from dataclasses import replace
from typing import Any

import pytest

from ops.sampling.facts import InstanceSampling
from ops.sampling.proof import Proof, Way
from ops.sampling.revisions import InForce
from ops.sampling.roots import ANYBODY, POLL, SOON, judge, key_of, with_roots
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate
from ops.vocabulary.roots import Root

CHANGED = 1_795_521_600 * timerange.SECOND
TENTH = InForce(7, rate(0.1), CHANGED)
KNOWN = CHANGED + SOON


def root(policy: Policy = TENTH.policy, *, start: int = KNOWN, **more: Any) -> Root:
    return replace(Root(start, "GET /", policy), **more)


def instance(
    name: str = "one", proof: Proof = Proof.CONFIRMED, sampling: InForce = TENTH, **more: Any
) -> InstanceSampling:
    made = InstanceSampling(
        name,
        sampling.policy,
        timerange.to_datetime(sampling.since),
        confirmed=proof is Proof.CONFIRMED,
        way=Way.OPAMP,
        proof=proof,
        revision=sampling.revision,
    )
    return replace(made, **more)


def proofs(
    roots: list[Root], known: list[InstanceSampling], sampling: InForce = TENTH
) -> list[Proof | None]:
    return [each.proof for each in with_roots(known, judge(roots, sampling, known))]


CARRIED = [
    (TENTH, rate(0.1), Proof.ROOTS),
    (TENTH, rate(0.1 + 1e-6), Proof.ROOTS),
    (TENTH, rate(0.11), Proof.CONTRADICTED),
    (TENTH, ALWAYS, Proof.CONTRADICTED),
    (TENTH, per_second(5), Proof.CONTRADICTED),
    (InForce(7, ALWAYS, CHANGED), rate(1), Proof.ROOTS),
    (InForce(7, NEVER, CHANGED), rate(0.1), Proof.CONTRADICTED),
    (InForce(7, per_second(5), CHANGED), per_second(5), Proof.ROOTS),
    (InForce(7, per_second(5), CHANGED), per_second(6), Proof.CONTRADICTED),
    (InForce(7, per_second(1), CHANGED), ALWAYS, Proof.CONTRADICTED),
    (InForce(7, rate(0.1).by_operation({"GET /": 0.5}), CHANGED), rate(0.5), Proof.ROOTS),
    (InForce(7, rate(0.1).by_operation({"GET /": 0.5}), CHANGED), rate(0.1), Proof.CONTRADICTED),
]


@pytest.mark.parametrize(("sampling", "policy", "expected"), CARRIED)
def test_roots_carry_what_is_in_force_or_contradict_it(
    sampling: InForce, policy: Policy, expected: Proof
) -> None:
    found = judge([root(policy, instance="one")], sampling, [instance(sampling=sampling)])
    assert found["opamp one"].proof is expected


def test_its_own_word_is_stronger_unless_its_roots_contradict_it() -> None:
    says, only_asked = instance(), instance(proof=Proof.FETCHED)
    fitting, other = root(instance="one"), root(ALWAYS, instance="one")
    assert proofs([fitting], [says]) == [Proof.CONFIRMED]
    assert proofs([other], [says]) == [Proof.CONTRADICTED]
    later = replace(fitting, start=KNOWN + POLL)
    assert proofs([later], [only_asked]) == [Proof.ROOTS]
    [found] = with_roots([says], judge([other], TENTH, [says]))
    assert not found.confirmed
    assert found.answer == (
        "answered, not in force: its new traces carry always; check whether its code or "
        "OTEL_TRACES_SAMPLER sets another sampler"
    )


@pytest.mark.parametrize("proof", [Proof.REFUSED, Proof.SILENT, Proof.CONTRADICTED, Proof.GONE])
def test_of_an_instance_that_does_not_follow_roots_prove_nothing(proof: Proof) -> None:
    assert proofs([root(ALWAYS, instance="one")], [instance(proof=proof)]) == [proof]


def test_roots_that_began_before_an_instance_could_know_do_not_count() -> None:
    """They may end, or arrive, much later."""
    late = root(ALWAYS, start=KNOWN - 1, instance="one")
    assert proofs([late], [instance()]) == [Proof.CONFIRMED]
    assert proofs([late, root(instance="one")], [instance()]) == [Proof.CONFIRMED]
    sent_later = instance(told_at=timerange.to_datetime(CHANGED + timerange.MINUTE))
    assert proofs([root(ALWAYS, instance="one")], [sent_later]) == [Proof.CONFIRMED]


def test_one_that_was_sent_something_else_cannot_know() -> None:
    for other in (instance(revision=6), instance(policy=ALWAYS)):
        assert proofs([root(ALWAYS, instance="one")], [other]) == [Proof.CONFIRMED]
    unknown = instance(told_at=None)
    assert proofs([root(ALWAYS, instance="one")], [unknown]) == [Proof.CONFIRMED]


def test_several_behind_one_address_have_a_poll_s_time() -> None:
    asker = instance("10.0.0.1 Go", Proof.FETCHED, way=Way.REMOTE, host="10.0.0.1")
    here = frozenset({"10.0.0.1"})
    assert proofs([root(ALWAYS, hosts=here)], [asker]) == [Proof.FETCHED]
    after = root(ALWAYS, hosts=here, start=KNOWN + POLL)
    assert proofs([after], [asker]) == [Proof.CONTRADICTED]


def test_some_operations_may_have_rules_of_their_own() -> None:
    mixed = [root(instance="one"), root(ALWAYS, instance="one")]
    assert judge(mixed, TENTH, [instance()]) == {}


def test_a_root_is_of_the_only_instance_on_its_host() -> None:
    a, b = (instance(name, host=f"10.0.0.{name}") for name in "12")
    here = root(ALWAYS, hosts=frozenset({"web-1", "10.0.0.1"}))
    assert proofs([here], [a, b]) == [Proof.CONTRADICTED, Proof.CONFIRMED]
    twins = [a, replace(b, host="10.0.0.1")]
    assert list(judge([here], TENTH, twins)) == [ANYBODY]
    of_one = replace(here, instance="2")
    assert proofs([of_one], twins) == [Proof.CONFIRMED, Proof.CONTRADICTED]


class TestOfAnUnknownInstance:
    def test_they_count_for_all_that_have_no_roots_of_their_own(self) -> None:
        known = [instance("1"), instance("2"), instance("3", Proof.FETCHED)]
        roots = [root(ALWAYS, start=KNOWN + POLL), root(instance="1", start=KNOWN + POLL)]
        found = with_roots(known, judge(roots, TENTH, known))
        expected = [Proof.CONFIRMED, Proof.CONTRADICTED, Proof.CONTRADICTED]
        assert [each.proof for each in found] == expected
        assert "new traces, perhaps of another instance, carry always" in found[1].answer

    def test_they_prove_that_the_others_follow(self) -> None:
        known = [instance("1"), instance("2", Proof.FETCHED)]
        [first, second] = with_roots(known, judge([root(start=KNOWN + POLL)], TENTH, known))
        assert (first.proof, second.proof) == (Proof.CONFIRMED, Proof.ROOTS)
        assert second.answer == "new traces carry the rate, but not the name of an instance"

    def test_they_count_only_when_all_of_these_can_know(self) -> None:
        fetched = instance("2", Proof.FETCHED)
        assert judge([root(ALWAYS)], TENTH, [instance("1"), fetched]) == {}
        refused = instance("2", Proof.REFUSED)
        late = root(ALWAYS, start=KNOWN + timerange.HOUR)
        assert judge([late], TENTH, [instance("1"), refused]) == {}

    def test_without_any_other_they_say_nothing(self) -> None:
        roots = [root(instance="1"), root(ALWAYS, instance="unknown")]
        known = [instance("1")]
        assert list(judge(roots, TENTH, known)) == [key_of(known[0])]
