"""How a rollout goes, judged from the history and from what Kubernetes or Argo says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from ops.versions.history import History, Stretch
from ops.versions.ordering import natural
from ops.vocabulary.timerange import MINUTE, format_duration

MOVING = 10 * MINUTE  # several versions without a change for longer than this are not rolling


class State(Enum):
    """How a rollout goes; the values are also gRPC's."""

    UNKNOWN = "unknown"
    STEADY = "steady"
    ROLLING = "rolling"
    MIXED = "mixed"  # several versions, and nothing has changed for a while
    STUCK = "stuck"
    PAUSED = "paused"
    WENT_BACK = "went back"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Kubernetes or Argo says of a rollout: why it is stuck, or who has paused it, or ""."""

    stuck: str = ""
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """The state of a service's rollout.

    `version` is the one that spreads, or the only one. `back` means that it is older than the
    one it replaces. `since` is when the versions that run now became these (Unix nanoseconds),
    0 if that was before the history, or is unknown; `previous` ran before, "" if unknown.
    `lasting` is for how long several versions have run (nanoseconds), 0 for a single one;
    `longer` means that it is longer than that. `reason` says why it is stuck or paused.
    """

    state: State = State.UNKNOWN
    version: str = ""
    back: bool = False
    since: int = 0
    previous: str = ""
    lasting: int = 0
    longer: bool = False
    reason: str = ""


NOTHING = Verdict()
NO_ROLLOUT = Rollout()


def judge(
    counts: Mapping[str, int], history: History | None, verdict: Verdict, within: int
) -> Rollout:
    """Judge what runs at the end of the history; `counts` are versions, newest first.

    `within` is how long a rollout may take in nanoseconds, 0 meaning as long as it likes. The
    way back takes its own time: it is stuck if nothing has changed for that long.
    """
    past = [each for each in history.steady().stretches() if each.counts] if history else []
    changed = _changed(past)
    since = past[changed].start if history and past and past[changed].start > history.start else 0
    before = set(past[changed - 1].counts) if changed else set()
    several = len(counts) > 1
    lasting = past[-1].end - past[changed].start if several and past else 0
    version, back = _spreading(counts, past) if several else (next(iter(counts), ""), False)
    previous = max(before - {version}, key=lambda each: _age(history, each), default="")
    went_back = not several and bool(previous) and _age(history, previous) > _age(history, version)
    state, reason = State.UNKNOWN, ""
    if verdict.stuck:
        state, reason = State.STUCK, verdict.stuck
    elif several and 0 < within < (_still(past) if back else lasting):
        state, reason = State.STUCK, f"it has taken longer than {format_duration(within)}"
    elif verdict.paused:
        state, reason = State.PAUSED, verdict.paused
    elif several:
        state = _of_several(past)
    elif counts:
        state = State.WENT_BACK if went_back else State.STEADY
    return Rollout(state, version, back, since, previous, lasting, several and not changed, reason)


def _of_several(past: Sequence[Stretch]) -> State:
    """Return how several versions move; unknown if they have not been seen for long enough."""
    if past and _still(past) > MOVING:
        return State.MIXED
    return State.ROLLING if len(past) > 1 else State.UNKNOWN


def _still(past: Sequence[Stretch]) -> int:
    """Return for how long nothing has changed, in nanoseconds."""
    return past[-1].end - past[-1].start


def _changed(past: Sequence[Stretch]) -> int:
    """Return from which stretch on the versions are those of the last one; 0 if always."""
    place = len(past) - 1
    while place > 0 and past[place - 1].counts.keys() == past[-1].counts.keys():
        place -= 1
    return max(place, 0)


def _age(history: History | None, version: str) -> tuple[object, ...]:
    return (history.first_seen(version) if history else 0, natural(version))


def _spreading(counts: Mapping[str, int], past: Sequence[Stretch]) -> tuple[str, bool]:
    """Return the version that spreads, and whether it replaces a newer one.

    That is the newest, unless it has become less while another has become more since.
    """
    newest = next(iter(counts))
    rises = dict.fromkeys(counts, 0)
    for earlier, later in pairwise(past):
        for version in counts:
            if later.counts.get(version, 0) > earlier.counts.get(version, 0):
                rises[version] = later.start
    most = max((each.counts.get(newest, 0) for each in past), default=0)
    latest = max(counts, key=lambda version: rises[version])
    if counts[newest] < most and rises[latest] > rises[newest]:
        return latest, True
    return newest, False
