"""The versions of a service's instances, counted, and how its rollout goes."""

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from ops.versions.history import History
from ops.versions.ordering import natural
from ops.versions.progress import NO_ROLLOUT, Rollout, State
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import SECOND, format_duration

LONGEST = 60  # characters of a version in a sentence: it comes from a label
MOST_NAMED = 5  # versions in a sentence


class Lack(Enum):
    """Why an instance's version is not known; the values are also gRPC's."""

    NONE = ""
    DOWN = "down"  # Prometheus cannot scrape it
    UNLABELLED = "unlabelled"  # it answers, but without a version


@dataclass(frozen=True, slots=True)
class InstanceVersion:
    """One instance; `version` is "" if it is down or reports none."""

    instance: str
    version: str
    lack: Lack = Lack.NONE


@dataclass(frozen=True, slots=True)
class ServiceVersions:
    """The versions of a service. `problem` is one sentence if nothing is known, else "".

    `empty` means that Prometheus answered with nothing, `coming` that it has not answered yet.
    `unset` means that the site file sets no query, and that no usual metric has the version.

    `total` counts the instances that should exist: it exceeds `len(instances)` if more are
    expected than anything is known of; these are silent. `history` is None if it is unknown.
    """

    site: str
    service: str
    instances: tuple[InstanceVersion, ...]
    total: int
    warnings: tuple[str, ...] = ()
    problem: str = ""
    empty: bool = False
    coming: bool = False
    unset: bool = False
    history: History | None = None
    rollout: Rollout = NO_ROLLOUT

    @property
    def known(self) -> int:
        """How many instances report a version."""
        return len(self._versions())

    @property
    def silent(self) -> int:
        """How many instances are expected, but not known at all; 0 if nothing is known."""
        return 0 if self.problem else max(self.total - number_of(self.instances), 0)

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """Each version and the number of instances that run it, newest first.

        The newest is the one that was first seen last.
        """
        return counted(self.instances, self.history)

    @property
    def lacking(self) -> str:
        """`1 down, 2 silent, 1 unlabelled`; "" if every instance reports a version."""
        lacks = Counter(each.lack for each in self.instances)
        numbers = (
            (lacks[Lack.DOWN], "down"),
            (self.silent, "silent"),
            (lacks[Lack.UNLABELLED], "unlabelled"),
        )
        return ", ".join(f"{number} {word}" for number, word in numbers if number)

    @property
    def news(self) -> str:
        """What can be said of the rollout besides the versions; "" if it is steady.

        `rolling out 1.3.0: 1 of 3`, `2 versions for 45 min`, `went back to 1.2.0`.
        """
        rollout, version = self.rollout, shortened(self.rollout.version, LONGEST)
        place = f" at {dict(self.counts)[rollout.version]} of {self.total}" if self.mixed else ""
        of = f" of {version}" if self.mixed else ""
        match rollout.state:
            case State.ROLLING:
                verb = "going back to" if rollout.back else "rolling out"
                return f"{verb} {version}: {place.removeprefix(' at ')}"
            case State.MIXED:
                return f"{len(self.counts)} versions for {self._lasting}"
            case State.UNKNOWN if self.mixed and self.history:
                return "too early to say whether a version is rolling out"
            case State.STUCK:
                return f"rollout{of} stuck{place}: {rollout.reason}"
            case State.PAUSED:
                return f"rollout{of} paused{place}: {rollout.reason}"
            case State.WENT_BACK:
                return f"went back to {version}"
        return ""

    @property
    def mixed(self) -> bool:
        """Whether several versions run."""
        return len(self.counts) > 1

    @property
    def _lasting(self) -> str:
        more = "more than " if self.rollout.longer else ""
        whole = self.rollout.lasting // SECOND * SECOND
        return f"{more}{format_duration(whole)}"

    @property
    def summary(self) -> str:
        """`1.2.0 on 3 of 3`, or `1.3.0 on 1 of 3, 1.2.0 on 2 of 3`, or `1.2.0 on 2 of 3, 1 down`.

        The newest version comes first. `unknown` if no instance reports a version.
        """
        if self.problem:
            return "unknown"
        each = [
            f"{shortened(version, LONGEST)} on {count} of {self.total}"
            for version, count in self.counts[:MOST_NAMED]
        ]
        return ", ".join([*(each or ["unknown"]), *self._rest])

    @property
    def spread(self) -> str:
        """`1.2.0`, or `1.3.0 on petstore-3, 1.2.0 on 2 others`: the versions in a sentence.

        "" if no instance reports a version.
        """
        if len(self.counts) == 1 and not self.lacking:
            return shortened(self.counts[0][0], LONGEST)
        parts = [
            f"{shortened(version, LONGEST)} on {self._where(version, count, others=index > 0)}"
            for index, (version, count) in enumerate(self.counts[:MOST_NAMED])
        ]
        return ", ".join([*parts, *self._rest]) if parts else ""

    @property
    def _rest(self) -> list[str]:
        more = len(self.counts) - MOST_NAMED
        parts = [f"{more} more version{'' if more == 1 else 's'}"] if more > 0 else []
        return [*parts, *([self.lacking] if self.lacking else [])]

    def _where(self, version: str, count: int, *, others: bool) -> str:
        if count > 1:
            return f"{count} others" if others else f"{count} instances"
        [name] = [each.instance for each in self.instances if each.version == version]
        return name or ("another" if others else "one instance")

    def _versions(self) -> list[str]:
        return [each.version for each in self.instances if each.version]


def counted(
    instances: tuple[InstanceVersion, ...], history: History | None
) -> tuple[tuple[str, int], ...]:
    """Return each version with its number of instances, the one that was first seen last first."""
    counts = Counter(each.version for each in instances if each.version)
    seen = {version: history.first_seen(version) if history else 0 for version in counts}
    order = sorted(counts, key=lambda version: (seen[version], natural(version)), reverse=True)
    return tuple((version, counts[version]) for version in order)


def number_of(instances: tuple[InstanceVersion, ...]) -> int:
    """Count instances; each one without a name counts separately."""
    names = [each.instance for each in instances]
    return len({name for name in names if name}) + names.count("")
