"""What is known of a service's sampling, and of a change of it."""

from dataclasses import dataclass
from datetime import datetime

from ops.errors import InvalidInput
from ops.sampling.effect import effect
from ops.sampling.proof import CHECK, Proof, Way
from ops.sampling.revisions import InForce
from ops.vocabulary.policies import Policy
from ops.vocabulary.spreads import Spread

MOST_NAMED = 3  # instances in a sentence


@dataclass(frozen=True, slots=True)
class InstanceSampling:
    """The last policy sent to an instance; `policy` and `told_at` are None if none was sent.

    `confirmed` means that the instance acknowledged it; otherwise `reason` says why not. `proof`
    says more exactly what is known, None for nothing. `heard` is when it last answered, or asked;
    `client` is what it says that it runs, `said` the policy that it says is in force, None if it
    does not say. `host` is where we see it. `revision` is what all this is about, 0 if that is
    unknown. `unauthenticated` means that it asks without a key, `one_rate` that it takes a single
    rate only.
    """

    address: str
    policy: Policy | None = None
    told_at: datetime | None = None
    confirmed: bool = False
    reason: str = ""
    way: Way = Way.PUSH
    proof: Proof | None = None
    client: str = ""
    heard: datetime | None = None
    said: Policy | None = None
    revision: int = 0
    unauthenticated: bool = False
    one_rate: bool = False
    host: str = ""

    @property
    def is_reached(self) -> bool:
        """Whether it got its policy, though it may be unable to confirm that."""
        return self.confirmed or self.proof in (Proof.ROOTS, Proof.FETCHED)

    @property
    def is_asker(self) -> bool:
        """Whether it may be several processes: it asks without saying which one it is.

        All that tells askers apart is their address and their client.
        """
        told_apart = self.confirmed or not f"{self.address} ".startswith(f"{self.host} ")
        return self.way is Way.REMOTE and not told_apart

    @property
    def answer(self) -> str:
        """What is known, in words, "" for nothing."""
        if self.proof is Proof.CONTRADICTED:
            return f"{self.proof.words}: {self.reason or CHECK}"
        return self.reason or (self.proof.words if self.proof else "")


@dataclass(frozen=True, slots=True)
class ServiceSampling:
    """The sampling of one service as far as OpsPortal knows.

    `in_force` is what was set and is upheld, None if nothing was, and `change` the change that set
    it. `coming` is True while its instances are still being looked up; there are none until then.
    """

    site: str
    service: str
    instances: tuple[InstanceSampling, ...]
    coming: bool = False
    in_force: InForce | None = None
    change: "SamplingChange | None" = None

    @property
    def baseline(self) -> Policy | None:
        """What it returns to after a timed change, None if nothing permanent is set."""
        return self.in_force.baseline if self.in_force else None

    @property
    def is_overdue(self) -> bool:
        """Whether a timed change is over, and an instance has not been sent what follows yet."""
        now = self.in_force
        if now is None or not now.returned:
            return False
        pushed = (each for each in self.instances if each.way is Way.PUSH)
        return any(each.policy not in (None, now.policy) for each in pushed)

    @property
    def policy(self) -> Policy | None:
        """What is in force, or what was last sent to all instances; None if that is unknown."""
        return self.in_force.policy if self.in_force else self.policies.policy

    @property
    def confirmed(self) -> int:
        """How many instances confirmed what is in force; if nothing is, what they were sent."""
        wanted = self.in_force.policy if self.in_force else None
        return sum(each.confirmed and wanted in (None, each.policy) for each in self.instances)

    @property
    def late(self) -> tuple[InstanceSampling, ...]:
        """The instances that do not have what is in force, as far as they can say."""
        wanted = self.in_force.policy if self.in_force else None
        return tuple(
            each
            for each in self.instances
            if not (each.confirmed or (each.is_asker and each.is_reached))
            or wanted not in (None, each.policy)
        )

    @property
    def askers(self) -> int:
        """How many of the instances may be several processes each."""
        return sum(each.is_asker for each in self.instances)

    @property
    def fraction(self) -> str:
        """Who has what is in force: `2 of 3`, `3 askers`, or `2 of 2, 3 askers`."""
        return ", ".join(filter(None, (self._confirmed(), self._fetched())))

    @property
    def confirmed_by(self) -> str:
        """The same in words: `confirmed by 2 of 3 instances, fetched by 3 askers`."""
        instances, askers = self._confirmed("instance"), self._fetched()
        said = (instances and f"confirmed by {instances}", askers and f"fetched by {askers}")
        return ", ".join(filter(None, said))

    def _confirmed(self, unit: str = "") -> str:
        """Return `2 of 3 instances`, or `2 of 3` without a unit; "" without any but askers."""
        total = len(self.instances) - self.askers
        units = f" {unit}{'' if total == 1 else 's'}" if unit else ""
        return f"{self.confirmed} of {total}{units}" if total else ""

    def _fetched(self) -> str:
        """Return `3 askers`, `1 of 3 askers` if the others have something else, "" without any."""
        total = self.askers
        have = total - sum(each.is_asker for each in self.late)
        of = "" if have == total else f"{have} of "
        return f"{of}{total} asker{'' if total == 1 else 's'}" if total else ""

    @property
    def known_at(self) -> datetime | None:
        """Since when not all that is known has been checked again."""
        times = (each.heard or each.told_at for each in self.instances if each.confirmed)
        return min(filter(None, times), default=None)

    @property
    def policies(self) -> Spread:
        """What the instances got; one that did not get it may have any policy.

        Without instances, it is what is in force.
        """
        if self.in_force and not self.instances:
            return Spread.of([self.in_force.policy])
        return Spread.of(each.policy if each.is_reached else None for each in self.instances)

    def effect_of(self, policy: Policy) -> str:
        """Return a sentence on what sending a policy would change."""
        refusing = ""
        if policy.operations and (simple := self.taking_one_rate):
            refusing = f" {simple}, and will refuse it."
        return effect(self.service, self.policies, policy) + refusing

    @property
    def taking_one_rate(self) -> str:
        """Say which instances take a single rate only, "" for none."""
        simple = [each.address for each in self.instances if each.one_rate]
        if not simple:
            return ""
        more = f" and {len(simple) - MOST_NAMED} more" if len(simple) > MOST_NAMED else ""
        takes = "takes" if len(simple) == 1 else "take"
        return f"{', '.join(simple[:MOST_NAMED])}{more} {takes} one rate only"

    def check_taken(self, *policies: Policy | None) -> None:
        """Raise InvalidInput if an instance cannot take one of these policies at all."""
        for policy in policies:
            if policy and policy.share is None and (simple := self.taking_one_rate):
                raise InvalidInput(f"{self.service} cannot be sampled at {policy}: {simple}")


@dataclass(frozen=True, slots=True)
class SamplingChange:
    """A change: the actor, the door, the policies before, the new one, the result.

    `instances` are those that it was sent to at once; so many more were `asking` for what is in
    force, and follow by themselves. `revision` is its number. It is timed if it has an `until`;
    `then` follows if nothing else is set. `request_id` is the same in the audit log. `undo` is the
    policy that undoing it restores; it is set only on the change that was just made, and None on
    past ones.
    """

    site: str
    service: str
    previous: Spread
    policy: Policy
    actor: str
    door: str
    at: datetime
    request_id: str
    instances: tuple[InstanceSampling, ...]
    undo: Policy | None = None
    revision: int = 0
    until: datetime | None = None
    then: Policy | None = None
    reason: str = ""
    asking: int = 0

    @property
    def confirmed(self) -> int:
        """How many instances confirmed it at once."""
        return sum(instance.confirmed for instance in self.instances)

    @property
    def total(self) -> int:
        """How many instances the service had."""
        return len(self.instances) + self.asking

    @property
    def is_confirmed(self) -> bool:
        """Whether all instances that it was sent to confirmed it."""
        return self.confirmed == len(self.instances)

    @property
    def unconfirmed(self) -> str:
        """A sentence on the instances that it did not reach."""
        failed = "; ".join(f"{i.address}: {i.reason}" for i in self.instances if not i.is_reached)
        return (
            f"{self.service} is set to {self.policy} on {self.confirmed} of {self.total} "
            f"instances; revision {self.revision} stays in force and is sent again; not confirmed "
            f"by {failed}"
        )

    def __str__(self) -> str:
        end = f" until {self.until:%Y-%m-%d %H:%M:%S} UTC, then {self.then}" if self.until else ""
        return (
            f"{self.previous} -> {self.policy}{end}, {self.confirmed} of {self.total} confirmed"
            f"{' at once' if self.asking else ''}"
        )
