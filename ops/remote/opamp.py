"""OpAMP: what the server answers to each message of an agent, and what it sends by itself.

The state of one agent, a process with an instance UID of its own:

                  with a description              offered
    unknown ───────────────────────────> described ─────────> sent ──(APPLIED)──> confirmed
       │ ^                                   ^                │  │                    │
       └─┘ ReportFullState                   │                │  └──(FAILED)──> refused
     also after a gap in its numbers         │                └──(two polls)──> silent
                                             └───── a new revision, from any of these

APPLIED can be untrue: an agent that reports its effective configuration is asked for it once,
and is contradicted if that has another rate. To one that never acknowledges, the document is
sent again at growing intervals, a few times.

`ops.remote.conversations` tells agents with the same UID apart.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ops.remote import documents, said
from ops.remote.agents import Agent, Agents, Peer
from ops.remote.conversations import Conversation, Conversations
from ops.sampling.proof import Proof, Way
from ops.sampling.revisions import InForce
from ops.sites.sampling import OPAMP_KEY, OURS
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy
from proto.opamp.opamp_pb2 import (
    AgentCapabilities_AcceptsRemoteConfig,
    AgentCapabilities_ReportsEffectiveConfig,
    AgentDescription,
    AgentToServer,
    AgentToServerFlags_RequestInstanceUid,
    EffectiveConfig,
    RemoteConfigStatus,
    RemoteConfigStatuses_APPLIED,
    RemoteConfigStatuses_FAILED,
    ServerCapabilities_AcceptsEffectiveConfig,
    ServerCapabilities_AcceptsStatus,
    ServerCapabilities_OffersRemoteConfig,
    ServerErrorResponseType_BadRequest,
    ServerErrorResponseType_Unavailable,
    ServerToAgent,
    ServerToAgentFlags_ReportFullState,
)

CAPABILITIES = (
    ServerCapabilities_AcceptsStatus
    | ServerCapabilities_OffersRemoteConfig
    | ServerCapabilities_AcceptsEffectiveConfig
)
SAMPLER = "opsportal.sampler"  # the attribute that only opsportal-sampler describes itself with
UID = 16  # bytes
AGAIN = 30 * timerange.SECOND  # doubled each time
LONGEST_AGAIN = 5 * timerange.MINUTE
MOST_TIMES = 8
SILENT_AFTER = 2  # polls
FULL = 5 * timerange.MINUTE  # until an agent that we have no room for may ask again
Find = Callable[[str, int], InForce | None]


@dataclass(frozen=True, slots=True)
class _Offer:
    """What an agent should have in force: a configuration by entry, and its hash."""

    sampling: InForce
    entries: Mapping[str, bytes]
    hash: bytes


class OpAmp:
    """The protocol for the agents of one site.

    `services` are the site's services by the name that their agents give, `find` returns what a
    service should do at a moment, or None if nobody has set it: such a service is not touched.
    `key` is the entry of the configuration that agents read.
    """

    def __init__(
        self, services: Mapping[str, str], find: Find, agents: Agents, key: str = OPAMP_KEY
    ) -> None:
        self._services, self._find, self._agents, self._key = services, find, agents, key
        self._conversations = Conversations()
        self._pushed: dict[str, InForce | None] = {}
        self._made: dict[tuple[str, bool], tuple[InForce, _Offer | None]] = {}

    def answer(
        self, message: AgentToServer, peer: Peer, now: int, socket: object = None
    ) -> ServerToAgent:
        """Return the answer to a message; `socket` is the connection of a WebSocket."""
        reply = ServerToAgent(instance_uid=message.instance_uid[:UID], capabilities=CAPABILITIES)
        if len(message.instance_uid) != UID:
            reply.error_response.type = ServerErrorResponseType_BadRequest
            reply.error_response.error_message = f"instance_uid must have {UID} bytes"
            return reply
        talk = self._conversations.of(message, peer, now, socket)
        if message.HasField("agent_disconnect"):
            self._end(talk)
            return reply
        if talk.new_uid or message.flags & AgentToServerFlags_RequestInstanceUid:
            reply.agent_identification.new_instance_uid = self._conversations.renamed(talk)
        if talk.has_gap and not message.HasField("agent_description") and talk.may_ask(now):
            reply.flags |= ServerToAgentFlags_ReportFullState
        self._read(talk, message)
        self._converse(talk, message, reply, peer, now)
        return reply

    def _converse(
        self, talk: Conversation, message: AgentToServer, reply: ServerToAgent, peer: Peer, now: int
    ) -> None:
        """Judge what an agent of ours says, and offer what it lacks."""
        if not talk.service:
            return
        agent = self._agents.hear(talk.service, Way.OPAMP, talk.key, peer, now)
        if agent is None:
            reply.error_response.type = ServerErrorResponseType_Unavailable
            reply.error_response.error_message = "the service has too many agents"
            reply.error_response.retry_info.retry_after_nanoseconds = FULL
            return
        talk.agent, agent.one_rate = agent, not talk.ours
        if effective := _effective(message.effective_config, self._key):
            agent.said = effective
        offer = self._offer(talk, agent, now)
        if offer is None:
            return
        if agent.elsewhere:
            _take_over(talk, agent, offer, message)
        if self._judge(talk, agent, offer, message, now):
            reply.flags |= ServerToAgentFlags_ReportFullState
        self._send(talk, agent, offer, reply, now)

    def pushes(self, now: int) -> Iterator[tuple[Conversation, ServerToAgent]]:
        """Yield what to send over WebSockets, because the sampling of a service has changed."""
        talks = self._conversations.connected()
        services = {talk.service for talk in talks if talk.service}
        current = {name: self._find(name, now) for name in services}
        changed = {name for name, found in current.items() if self._pushed.get(name) != found}
        self._pushed = current
        for talk in talks:
            if talk.service in changed and (message := self._push(talk, now)):
                yield talk, message

    def _push(self, talk: Conversation, now: int) -> ServerToAgent | None:
        offer = self._offer(talk, talk.agent, now) if talk.agent else None
        if talk.agent is None or offer is None or talk.sent_hash == offer.hash:
            return None
        push = ServerToAgent(instance_uid=talk.uid, capabilities=CAPABILITIES)
        self._send(talk, talk.agent, offer, push, now)
        return push if push.HasField("remote_config") else None

    def closed(self, socket: object) -> None:
        """Note that a WebSocket has been closed: its agents are gone."""
        for talk in self._conversations.over(socket):
            self._end(talk)

    def sweep(self, now: int) -> None:
        """Forget the agents that have not been heard of for too long."""
        for talk in self._conversations.connected():
            if talk.agent:
                talk.agent.heard = now  # a connection that is open is a sign of life
        self._conversations.sweep(now)

    def _end(self, talk: Conversation) -> None:
        self._conversations.end(talk)
        if talk.agent:
            self._agents.leave(talk.agent)

    def _read(self, talk: Conversation, message: AgentToServer) -> None:
        talk.capabilities = message.capabilities or talk.capabilities
        if message.HasField("agent_description"):
            described = _attributes(message.agent_description)
            service = self._services.get(described.get("service.name", ""), "")
            key = described.get("service.instance.id") or talk.uid.hex()
            if talk.agent and (service, key) != (talk.service, talk.key):
                self._agents.leave(talk.agent)
                talk.agent = None
            talk.described, talk.service, talk.key = True, service, key
            talk.ours = SAMPLER in described
        if message.HasField("remote_config_status"):
            status = message.remote_config_status
            talk.reported_hash = status.last_remote_config_hash[:64]
            if status.status == RemoteConfigStatuses_FAILED and not talk.reported_hash:
                talk.reported_hash = talk.sent_hash  # Java's has none: it means the last one
            if talk.reported_hash == talk.sent_hash:
                talk.polls = 0
            talk.status = RemoteConfigStatus(
                status=status.status, error_message=status.error_message[:1000]
            )

    def _offer(self, talk: Conversation, agent: Agent, now: int) -> _Offer | None:
        """Return what an agent should have in force; None if it cannot be offered anything."""
        sampling = self._find(talk.service, now)
        if sampling is None:
            return None
        found = self._document(talk, sampling)
        if not talk.capabilities & AgentCapabilities_AcceptsRemoteConfig:
            reason = "it does not accept remote configuration"
        elif found is None:
            reason = f"it samples at one rate only, so not at {sampling.policy}"
        else:
            return found
        agent.proves(Proof.REFUSED, sampling.revision, now, reason)
        return None

    def _document(self, talk: Conversation, sampling: InForce) -> _Offer | None:
        """Return the configuration, made once for all agents of a service."""
        kind = talk.service, talk.ours
        if kind not in self._made or self._made[kind][0] != sampling:
            found = documents.remote_config(sampling, key=self._key, ours=talk.ours)
            self._made[kind] = sampling, _Offer(sampling, *found) if found else None
        return self._made[kind][1]

    def _judge(
        self, talk: Conversation, agent: Agent, offer: _Offer, message: AgentToServer, now: int
    ) -> bool:
        """Note what an agent's words prove of the offer; True if it should report its full state.

        Its effective configuration decides, if it has one: what it had before does not count.
        """
        revision = offer.sampling.revision
        if talk.reported_hash != offer.hash:
            return False
        agent.has(offer.sampling)
        if talk.status.status == RemoteConfigStatuses_FAILED:
            agent.proves(Proof.REFUSED, revision, now, talk.status.error_message or "it said no")
        elif talk.status.status == RemoteConfigStatuses_APPLIED:
            effective = _effective(message.effective_config, self._key)
            if effective:
                fits = said.agrees(offer.sampling.policy, effective)
                proof = Proof.CONFIRMED if fits else Proof.CONTRADICTED
                agent.proves(proof, revision, now)
                talk.asked_hash = offer.hash
            elif talk.asked_hash != offer.hash:
                talk.asked_hash = offer.hash
                if talk.capabilities & AgentCapabilities_ReportsEffectiveConfig:
                    return not message.HasField("agent_description")
                agent.proves(Proof.CONFIRMED, revision, now)
            elif agent.proof is not Proof.CONTRADICTED or agent.proven_revision != revision:
                agent.proves(Proof.CONFIRMED, revision, now)
        return False

    def _send(
        self, talk: Conversation, agent: Agent, offer: _Offer, reply: ServerToAgent, now: int
    ) -> None:
        """Put the offer into a message if the agent lacks it and it is time to send it."""
        if talk.reported_hash == offer.hash:
            return
        if talk.sent_hash == offer.hash:
            talk.polls += 1
            if talk.polls >= SILENT_AFTER:
                agent.proves(Proof.SILENT, offer.sampling.revision, now)
            pause = min(AGAIN << (talk.times - 1), LONGEST_AGAIN)
            if talk.times >= MOST_TIMES or now - talk.sent_at < pause:
                return
            talk.times += 1
        else:
            talk.sent_hash, talk.times, talk.polls = offer.hash, 1, 0
            agent.sent(offer.sampling, now)
        talk.sent_at = now
        reply.remote_config.config_hash = offer.hash
        for name, body in offer.entries.items():
            entry = reply.remote_config.config.config_map[name]
            entry.body, entry.content_type = body, "application/json"


def _take_over(talk: Conversation, agent: Agent, offer: _Offer, message: AgentToServer) -> None:
    """Continue as if we had heard what an agent has said to another process of ours.

    What it says itself, with its full state or its status, counts instead.
    """
    agent.elsewhere = False
    if message.HasField("agent_description") or message.HasField("remote_config_status"):
        return
    if (agent.proven_revision, agent.sent_policy) == (
        offer.sampling.revision,
        offer.sampling.policy,
    ):
        talk.reported_hash = talk.sent_hash = talk.asked_hash = offer.hash
        refused = agent.proof is Proof.REFUSED
        status = RemoteConfigStatuses_FAILED if refused else RemoteConfigStatuses_APPLIED
        talk.status = RemoteConfigStatus(status=status, error_message=agent.reason)


def _attributes(description: AgentDescription) -> dict[str, str]:
    both = (*description.identifying_attributes, *description.non_identifying_attributes)
    return {each.key: each.value.string_value[:255] for each in reversed(both[:256])}


def _effective(config: EffectiveConfig, key: str) -> Policy | None:
    """Return the policy that an agent reports as being in force; None if it reports none."""
    entries = config.config_map.config_map
    if OURS in entries:
        return said.policy(said.member(entries[OURS].body, "applied"))
    return said.policy(said.member(entries[key].body, "sampling_rate")) if key in entries else None
