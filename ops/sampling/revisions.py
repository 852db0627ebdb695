"""What is in force for a service at a moment: a pure function of what was set, and the moment.

    permanent     ├── 10% ────────────────────────────────────├── 5% ────────
    timed                  ├── always, until 14:30 ──┤
    in force      ├── 10% ─├── always ───────────────├── 10% ─├── 5% ────────

Each revision is permanent, or timed: then the baseline follows it, which is the newest permanent
revision or, without any, the policy that the timed one names. What a person sets ends an earlier
timed revision; what the site file sets only moves the baseline.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ops.vocabulary.policies import Policy

FILE = "file"  # the door of what the site file sets


@dataclass(frozen=True, slots=True)
class Setting:
    """What a revision sets from `at` on, and until `until` if it is timed (Unix nanoseconds).

    A larger `number` is newer. `then` is the policy after a timed one, if nothing is permanent.
    """

    number: int
    at: int
    policy: Policy
    until: int | None = None
    then: Policy | None = None
    from_file: bool = False


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force since a moment (Unix nanoseconds), and which revision says so.

    Until `until`, if it is timed; `then` follows. `returned` means that it is in force because a
    timed revision is over.
    """

    revision: int
    policy: Policy
    since: int
    until: int | None = None
    then: Policy | None = None
    returned: bool = False

    @property
    def baseline(self) -> Policy | None:
        """What is in force without a time limit."""
        return self.policy if self.until is None else self.then


def in_force(settings: Iterable[Setting], at: int) -> InForce | None:
    """Return what is in force at a moment; None if nothing was set, so that nobody is to act."""
    past = [each for each in settings if each.at <= at]
    permanent = _newest(each for each in past if each.until is None)
    by_person = _newest(each for each in past if each.until is None and not each.from_file)
    timed = _newest(each for each in past if each.until is not None)
    if timed and by_person and by_person.number > timed.number:
        timed = None
    end = timed.until if timed and timed.until is not None else 0
    if timed and at < end:
        then = permanent.policy if permanent else timed.then
        return InForce(timed.number, timed.policy, timed.at, end, then)
    if permanent:
        returned = permanent.at < end
        return InForce(
            permanent.number,
            permanent.policy,
            end if returned else permanent.at,
            returned=returned,
        )
    if timed and timed.then:
        return InForce(timed.number, timed.then, end, returned=True)
    return None


def _newest(settings: Iterable[Setting]) -> Setting | None:
    return max(settings, key=lambda each: each.number, default=None)
