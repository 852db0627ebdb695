"""What is in force follows from what was set, whatever the order and the moment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.sampling.revisions import InForce, Setting, in_force
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate

POLICIES = st.sampled_from([NEVER, ALWAYS, rate(0.01), rate(0.1), per_second(5)])
MOMENTS = st.integers(0, 40)


@st.composite
def several(draw: st.DrawFn) -> list[Setting]:
    """Return settings of one service, in any order; their clocks may differ."""
    found = []
    for number in range(draw(st.integers(0, 8))):
        at, kind = draw(MOMENTS), draw(st.sampled_from(["person", "file", "timed"]))
        timed = kind == "timed"
        found.append(
            Setting(
                number=number,
                at=at,
                policy=draw(POLICIES),
                until=at + draw(st.integers(1, 15)) if timed else None,
                then=draw(POLICIES) if timed else None,
                from_file=kind == "file",
            )
        )
    return list(draw(st.permutations(found)))


def told_one_by_one(settings: list[Setting], at: int) -> Policy | None:
    """Read the rule step by step, as somebody would who looks at each revision in turn."""
    base: Policy | None = None
    timed: Setting | None = None
    for each in sorted(settings, key=lambda each: each.number):
        if each.at > at:
            continue
        if each.until is not None:
            timed = each
        elif each.from_file:
            base = each.policy
        else:
            base, timed = each.policy, None
    if timed is None or timed.until is None:
        return base
    return timed.policy if at < timed.until else base or timed.then


@given(several(), MOMENTS)
def test_it_is_what_one_reads_step_by_step(settings: list[Setting], at: int) -> None:
    found = in_force(settings, at)
    assert (found.policy if found else None) == told_one_by_one(settings, at)


@given(several(), MOMENTS)
def test_it_says_since_when_and_what_follows(settings: list[Setting], at: int) -> None:
    found = in_force(settings, at)
    if found is None:
        return
    assert found.since <= at
    assert found.returned <= (found.until is None)
    if found.until is not None:
        assert at < found.until
        end = found.until
        later = in_force([each for each in settings if each.at <= at], end)
        assert later
        assert (later.policy, later.since, later.returned) == (found.then, end, True)
        assert later.baseline == found.baseline == found.then


@given(several(), MOMENTS)
def test_the_newest_of_each_kind_are_enough(settings: list[Setting], at: int) -> None:
    past = sorted((each for each in settings if each.at <= at), key=lambda each: each.number)
    kinds = {(each.until is None, each.from_file): each for each in past}
    assert in_force(kinds.values(), at) == in_force(settings, at)


PERSON = Setting(1, 10, rate(0.1))
TIMED = Setting(2, 20, ALWAYS, until=30, then=rate(0.1))


@pytest.mark.parametrize(
    ("settings", "at", "expected"),
    [
        ([], 5, None),
        ([PERSON], 9, None),
        ([PERSON], 10, InForce(1, rate(0.1), 10)),
        ([PERSON, TIMED], 20, InForce(2, ALWAYS, 20, 30, rate(0.1))),
        ([PERSON, TIMED], 30, InForce(1, rate(0.1), 30, returned=True)),
        ([TIMED], 29, InForce(2, ALWAYS, 20, 30, rate(0.1))),
        ([TIMED], 30, InForce(2, rate(0.1), 30, returned=True)),
        # A person's change ends it, however the clock goes on; so does another timed one.
        ([TIMED, Setting(3, 25, NEVER)], 26, InForce(3, NEVER, 25)),
        ([TIMED, Setting(3, 25, NEVER)], 35, InForce(3, NEVER, 25)),
        (
            [PERSON, TIMED, Setting(3, 22, NEVER, 25, NEVER)],
            26,
            InForce(1, rate(0.1), 25, returned=True),
        ),
        # The site file moves the baseline only.
        (
            [PERSON, TIMED, Setting(3, 25, NEVER, from_file=True)],
            26,
            InForce(2, ALWAYS, 20, 30, NEVER),
        ),
        ([TIMED, Setting(3, 25, NEVER, from_file=True)], 30, InForce(3, NEVER, 30, returned=True)),
        ([TIMED, Setting(3, 35, NEVER, from_file=True)], 36, InForce(3, NEVER, 35)),
        # What a person has ended is not revived by the site file.
        (
            [TIMED, Setting(3, 22, rate(0.5)), Setting(4, 25, NEVER, from_file=True)],
            26,
            InForce(4, NEVER, 25),
        ),
    ],
)  # fmt: skip
def test_it_tells_the_revision_the_time_and_what_follows(
    settings: list[Setting], at: int, expected: InForce | None
) -> None:
    assert in_force(settings, at) == expected
