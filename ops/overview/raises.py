"""What a press that raises sampling would do, and what it did."""

from dataclasses import dataclass

from ops.errors import OpsError
from ops.requests.actions import RequestedChange
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.vocabulary.figures import listed

MOST_RAISED = 4  # services


@dataclass(frozen=True, slots=True)
class RootCount:
    """How many of the traces that were looked at begin in a service."""

    service: str
    traces: int


@dataclass(frozen=True, slots=True)
class Raise:
    """What one press would do: sample these services at 100% for 15 minutes, for this reason.

    It is `about` services; `services` are those in which their traces begin. Of `looked` traces
    with a root, failing ones if `failing`, so many begin in each of the `roots`, most first;
    `strangers` among them are not in the site file, and nothing can be sent to them.
    `kept_until` is set if these services keep every trace for as long anyway: until when (Unix
    nanoseconds), 0 for without an end. `problem` is why it is not known where its traces begin.
    """

    site: str
    about: tuple[str, ...]
    services: tuple[str, ...]
    reason: str
    looked: int = 0
    failing: bool = False
    roots: tuple[RootCount, ...] = ()
    strangers: tuple[RootCount, ...] = ()
    kept_until: int | None = None
    problem: str = ""

    @property
    def why(self) -> str:
        """Say where the traces begin, or that this is unknown; "" if it is where one expects it."""
        if self.problem:
            return (
                f"Where its traces begin is unknown, and sampling is decided there: {self.problem}"
            )
        if not self.strangers and self.services == self.about:
            return ""
        begin = sorted((*self.roots, *self.strangers), key=lambda each: -each.traces)
        first, *others = begin[:MOST_RAISED]
        what = f"{self.looked} failing traces" if self.failing else f"{self.looked} traces"
        of = f"{what} of {' and '.join(self.about)}"
        counts = [f"{first.traces} begin in {first.service[:80]}"]
        counts += [f"{each.traces} in {each.service[:80]}" for each in others]
        said = f"Of {of}, {listed(counts)}"
        if first.traces == self.looked > 1:
            said = f"All {of} begin in {first.service[:80]}"
        if not self.strangers:
            return f"{said}: sampling is decided there."
        unknown = " and ".join(each.service[:80] for each in self.strangers[:MOST_RAISED])
        return f"{said}. The site file does not have {unknown}, so that stays as it is."


@dataclass(frozen=True, slots=True)
class Raised:
    """What a press did to one service: exactly one of these is set.

    `kept` is its sampling if it keeps every trace for long enough anyway: nothing was changed.
    """

    service: str
    change: SamplingChange | None = None
    request: RequestedChange | None = None
    kept: ServiceSampling | None = None
    error: OpsError | None = None
