"""Which agent a message is from, though two may have the same instance UID.

A conversation is a series of messages with rising numbers from one address, or over one
WebSocket. Two conversations with the same UID are one agent that has restarted or connected
again, as long as only the newer one speaks. If the older one speaks once more, there are two
agents, copies of one machine perhaps: the one that speaks is given a UID of its own.
"""

import uuid
from collections import OrderedDict
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import TypeVar

from ops.remote.agents import MISSED, Agent, Peer
from ops.vocabulary import timerange
from proto.opamp.opamp_pb2 import AgentToServer, RemoteConfigStatus

K = TypeVar("K")
MOST = 20_000  # UIDs
MOST_OF_ONE = 4  # conversations with the same UID
OFTEN = 4  # times that an agent is asked for its full state without a pause
SELDOM = 5 * timerange.MINUTE
ASKED_AGAIN = timerange.HOUR  # after which those times do not count any more
LATE = 2  # an agent may send two messages at once, which overtake each other
FORGET = MISSED * 5 * timerange.MINUTE


@dataclass(slots=True, eq=False)
class Conversation:
    """What is known of one agent. `service` is "" unless it is one of ours."""

    uid: bytes
    address: str
    socket: object
    number: int
    heard: int
    first_message: int  # counted over all agents
    last_message: int
    has_gap: bool = True
    new_uid: bytes = b""
    described: bool = False
    service: str = ""
    key: str = ""
    ours: bool = False
    capabilities: int = 0
    agent: Agent | None = None
    reported_hash: bytes = b""
    status: RemoteConfigStatus = field(default_factory=RemoteConfigStatus)
    sent_hash: bytes = b""
    sent_at: int = 0
    times: int = 0
    polls: int = 0
    asked_hash: bytes = b""
    asks: int = 0
    asked_at: int = 0

    def may_ask(self, now: int) -> bool:
        """Whether to ask for its full state, because we have missed something; if so, note that.

        Seldom, if we always miss something: with a balancer before us, other processes of ours may
        get every other message.
        """
        if now - self.asked_at >= ASKED_AGAIN:
            self.asks = 0
        elif self.asks >= OFTEN and now - self.asked_at < SELDOM:
            return False
        self.asks, self.asked_at = self.asks + 1, now
        return True


class Conversations:
    """The conversations of a site, of which the longest silent are forgotten first."""

    def __init__(self) -> None:
        self._all: OrderedDict[bytes, list[Conversation]] = OrderedDict()
        self._sockets: dict[int, list[Conversation]] = {}
        self._messages = 0

    def of(self, message: AgentToServer, peer: Peer, now: int, socket: object) -> Conversation:
        """Return the conversation that a message belongs to, a new one if there is none."""
        uid, number = message.instance_uid, message.sequence_num
        self._messages += 1
        same = self._all.setdefault(uid, [])
        self._all.move_to_end(uid)
        found = _continued(same, message, peer, socket)
        if found is None:
            place = self._messages
            found = Conversation(uid, peer.address, socket, number, now, place, place)
            self._add(found, same)
            return found
        if any(other.first_message > found.last_message for other in same):
            found.new_uid = found.new_uid or uuid.uuid4().bytes
        found.has_gap = not found.described or number != found.number + 1
        found.number, found.heard = number, now
        found.address, found.last_message = peer.address, self._messages
        return found

    def renamed(self, talk: Conversation) -> bytes:
        """Return the UID that an agent should take."""
        talk.new_uid = talk.new_uid or uuid.uuid4().bytes
        return talk.new_uid

    def connected(self) -> list[Conversation]:
        """Return the conversations over WebSockets."""
        return [talk for talks in self._sockets.values() for talk in talks]

    def over(self, socket: object) -> list[Conversation]:
        """Return the conversations over one WebSocket."""
        return list(self._sockets.get(id(socket), ()))

    def end(self, talk: Conversation) -> None:
        """Forget a conversation."""
        _remove(self._all, talk.uid, talk)
        _remove(self._sockets, id(talk.socket), talk)

    def sweep(self, now: int) -> None:
        """Forget conversations without a WebSocket that have been silent for too long."""
        for talks in list(self._all.values()):
            for talk in [each for each in talks if each.socket is None]:
                lasts = MISSED * talk.agent.interval if talk.agent else FORGET
                if now - talk.heard > lasts:
                    self.end(talk)

    def _add(self, talk: Conversation, same: list[Conversation]) -> None:
        same.append(talk)
        if talk.socket is not None:
            self._sockets.setdefault(id(talk.socket), []).append(talk)
        if len(same) > MOST_OF_ONE:
            self.end(min(same, key=lambda each: each.heard))
        if len(self._all) > MOST:
            for silent in list(next(iter(self._all.values()))):
                self.end(silent)


def _remove(talks: MutableMapping[K, list[Conversation]], key: K, talk: Conversation) -> None:
    same = talks.get(key, [])
    if talk in same:
        same.remove(talk)
        if not same:
            del talks[key]


def _continued(
    same: list[Conversation], message: AgentToServer, peer: Peer, socket: object
) -> Conversation | None:
    """Return the conversation with this UID that a message continues."""
    if socket is not None:
        return next((each for each in same if each.socket is socket), None)
    number, describes = message.sequence_num, message.HasField("agent_description")
    polling = [each for each in reversed(same) if each.socket is None]
    near = [each for each in polling if each.address == peer.address]
    for each in (*near, *polling):
        if each.number + 1 == number:
            return each
    for each in near:
        if number > each.number or (not describes and number >= each.number - LATE):
            return each
    return None
