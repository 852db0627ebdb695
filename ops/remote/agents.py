"""The processes that ask, or report: what each was sent, and what it says is in force.

In memory, so that no request waits for the database; `unwritten` returns what has changed since
it was last written. What agents say is hostile: their number and every text are limited.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ops.remote.said import cut
from ops.sampling.proof import Proof, Way
from ops.sampling.reports import DECIDED, Proven
from ops.sampling.revisions import InForce
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy

MOST = 2_000  # agents of a service
LONGEST_KEY = 200
LONGEST_TEXT = 300
MISSED = 3  # intervals after which an agent is gone
CLOCKS_DIFFER = 5 * timerange.SECOND  # between the machines of our processes, at most
SHORTEST_INTERVAL = 10 * timerange.SECOND
LONGEST_INTERVAL = 5 * timerange.MINUTE
USUAL_INTERVAL = timerange.MINUTE
WRITE_AGAIN = timerange.MINUTE  # `heard` alone is not worth a row more often


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a message came from; `unauthenticated` if it had no key."""

    address: str
    client: str = ""
    unauthenticated: bool = True


@dataclass(slots=True)
class Agent:
    """One process. Times are Unix nanoseconds; `said` is what it says is in force."""

    service: str
    way: Way
    key: str
    first_heard: int
    heard: int
    address: str = ""
    client: str = ""
    unauthenticated: bool = True
    one_rate: bool = False  # it takes nothing else
    only_asks: bool = False  # it never says what is in force in it
    sent_revision: int = 0
    sent_policy: Policy | None = None
    sent_at: int = 0
    proof: Proof = Proof.FETCHED
    proven_revision: int = 0
    proven_at: int = 0
    said: Policy | None = None
    reason: str = ""
    interval: int = USUAL_INTERVAL
    elsewhere: bool = False  # the proof is what another process of ours has heard
    written: tuple[object, ...] = field(default=(), repr=False)
    written_at: int = 0

    def sent(self, sampling: InForce, now: int, proof: Proof = Proof.TOLD) -> None:
        """Note that it was sent what is in force; of repeated polls, the first counts."""
        again = (sampling.revision, sampling.policy) == (self.sent_revision, self.sent_policy)
        if not (again and proof is self.proof is Proof.FETCHED):
            self.sent_at = now
        self.has(sampling)
        self.elsewhere = False
        self.proof, self.reason = proof, ""

    def has(self, sampling: InForce) -> None:
        """Note that it has what is in force, though perhaps from another process of ours."""
        self.sent_revision, self.sent_policy = sampling.revision, sampling.policy

    def proves(self, proof: Proof, revision: int, now: int, reason: str = "") -> None:
        """Note what its own words prove about a revision."""
        if (proof, revision) != (self.proof, self.proven_revision):
            self.proven_at = now
        self.proof, self.proven_revision = proof, revision
        self.reason = cut(reason, LONGEST_TEXT)

    def learn(self, proven: Proven, sampling: InForce) -> None:
        """Note what another process of ours heard of what is in force, unless we know better."""
        if (proven.revision, proven.policy) != (sampling.revision, sampling.policy):
            return
        was_sent = (self.sent_revision, self.sent_policy) == (sampling.revision, sampling.policy)
        if was_sent and (self.proof in DECIDED or proven.at < self.sent_at - CLOCKS_DIFFER):
            return
        self.has(sampling)
        self.proves(proven.proof, proven.revision, proven.at, proven.reason)
        self.elsewhere = True

    def is_gone(self, now: int) -> bool:
        """Whether it has missed too many of its own intervals."""
        return now - self.heard > MISSED * self.interval

    def facts(self) -> tuple[object, ...]:
        """Return what is worth a row at once when it changes."""
        return (
            self.address, self.client, self.unauthenticated, self.one_rate, self.sent_revision,
            self.proof, self.proven_revision, self.said, self.reason,
        )  # fmt: skip

    @property
    def is_new(self) -> bool:
        """Whether it has said something that has not been written down."""
        return self.facts() != self.written

    def _hear(self, peer: Peer, now: int) -> None:
        pause = now - self.heard
        if pause > timerange.SECOND:  # a shorter one is an answer to us, not its interval
            usual = max(pause, self.interval // 2)
            self.interval = min(max(usual, SHORTEST_INTERVAL), LONGEST_INTERVAL)
        self.heard = now
        self.address, self.client = peer.address[:LONGEST_KEY], cut(peer.client, LONGEST_TEXT)
        self.unauthenticated = peer.unauthenticated


class Agents:
    """All agents of a site that one process hears."""

    def __init__(self) -> None:
        self._all: dict[tuple[Way, str, str], Agent] = {}
        self._count: dict[str, int] = {}
        self._gone: deque[Agent] = deque(maxlen=MOST)  # and not written yet

    def __len__(self) -> int:
        return len(self._all)

    def hear(self, service: str, way: Way, key: str, peer: Peer, now: int) -> Agent | None:
        """Note that an agent was heard; None if its service has too many already."""
        key = cut(key, LONGEST_KEY)
        found = self._all.get((way, service, key))
        if found is None:
            if self._count.get(service, 0) >= MOST:
                return None
            found = self._all[way, service, key] = Agent(service, way, key, now, now)
            self._count[service] = self._count.get(service, 0) + 1
        found._hear(peer, now)
        return found

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._all.values())

    def find(self, service: str, way: Way, key: str) -> Agent | None:
        """Return an agent, None if it was not heard here."""
        return self._all.get((way, service, key))

    def leave(self, agent: Agent) -> None:
        """Note that an agent has said goodbye, or is gone."""
        if self._all.pop((agent.way, agent.service, agent.key), None) is agent:
            self._count[agent.service] -= 1
            agent.proof, agent.reason = Proof.GONE, ""
            self._gone.append(agent)

    def sweep(self, now: int) -> None:
        """Drop those that have been silent for too long."""
        for agent in [each for each in self._all.values() if each.is_gone(now)]:
            self.leave(agent)

    def unwritten(self, now: int) -> list[Agent]:
        """Return copies of those with something new to write, until `wrote` is called."""
        due = (each for each in self._all.values() if _is_due(each, now))
        return [*self._gone, *map(replace, due)]

    def wrote(self, agents: list[Agent], now: int) -> None:
        """Note that what these say has been written."""
        written = set(map(id, agents))
        self._gone = deque((each for each in self._gone if id(each) not in written), MOST)
        for each in agents:
            if found := self._all.get((each.way, each.service, each.key)):
                found.written, found.written_at = each.facts(), now


def _is_due(agent: Agent, now: int) -> bool:
    if agent.is_new:
        return True
    return agent.heard > agent.written_at and now - agent.written_at >= WRITE_AGAIN
