"""What the machines' door knows of one site: its services, what they should do, its agents."""

from collections.abc import Iterable, Mapping
from typing import Protocol
from urllib.parse import unquote

from ops.remote import documents, said
from ops.remote.agents import Agents, Peer
from ops.remote.keys import Keys
from ops.remote.opamp import OpAmp
from ops.sampling.proof import Proof, Way
from ops.sampling.reports import DECIDED, Proven
from ops.sampling.revisions import InForce
from ops.sites import Site
from ops.sites.sampling import Remote


class Desired(Protocol):
    """What is in force, from memory."""

    def of(self, site: str, service: str, now: int) -> InForce | None:
        """Return what is in force for a service at a moment; None if nobody has set anything."""


class RemoteSite:
    """One site, as its machines see it."""

    def __init__(self, site: Site, remote: Remote, desired: Desired) -> None:
        self.name = site.name
        self.keys = Keys(remote.keys)
        self.agents = Agents()
        self._desired = desired
        self._otherwise = documents.default(remote.default_sampling)
        # An SDK's service.name is the name that Jaeger shows.
        self._services = _services(site, Way.REMOTE)
        by_opamp = _services(site, Way.OPAMP)
        self._asking = {*self._services.values(), *by_opamp.values()}
        self.opamp = OpAmp(by_opamp, self.in_force, self.agents, remote.opamp_key)

    def in_force(self, service: str, now: int) -> InForce | None:
        """Return what is in force for a service of the site file."""
        return self._desired.of(self.name, service, now)

    def strategies(self, now: int) -> bytes:
        """Return the document for Jaeger and collectors."""
        found = {name: self.in_force(service, now) for name, service in self._services.items()}
        in_force = {name: each for name, each in found.items() if each}
        return documents.encoded(documents.strategies(self._otherwise, in_force))

    def strategy(self, name: str, peer: Peer, now: int) -> InForce:
        """Return what a service should do that asks without saying more; note who asked."""
        service, found = self._found(name, now)
        if service:
            key = f"{peer.address} {peer.client}"
            if agent := self.agents.hear(service, Way.REMOTE, key, peer, now):
                agent.only_asks = True
                agent.sent(found, now, Proof.FETCHED)
        return found

    def sampling(
        self, name: str, headers: Mapping[str, str], peer: Peer, now: int
    ) -> tuple[bytes, str]:
        """Return the answer to a service that asks over HTTP, and its ETag; note what it says.

        opsportal-sampler says which process it is and what is in force in it; the ETag that it
        sends back is its acknowledgement.
        """
        if "x-sampling-phase" not in headers:
            found = self.strategy(name, peer, now)
            body = documents.encoded(documents.answer(found))
            return body, documents.etag(body, found.revision)
        service, found = self._found(name, now)
        body = documents.encoded(documents.answer(found, ours=True))
        tag = documents.etag(body, found.revision)
        if service:
            key = unquote(headers.get("x-service-instance-id", "")) or peer.address
            agent = self.agents.hear(service, Way.REMOTE, key, peer, now)
            if agent:
                agent.said = said.policy(headers.get("x-sampling-applied"))
                if headers.get("if-none-match") != tag:
                    agent.sent(found, now, Proof.FETCHED)
                elif agent.said and not said.agrees(found.policy, agent.said):
                    agent.proves(Proof.CONTRADICTED, found.revision, now)
                else:
                    agent.has(found)
                    agent.proves(Proof.CONFIRMED, found.revision, now)
        return body, tag

    def _found(self, name: str, now: int) -> tuple[str, InForce]:
        """Return the service that Jaeger calls so, "" for none of ours, and what it should do."""
        service = self._services.get(name, "")
        return service, (service and self.in_force(service, now)) or self._otherwise

    def is_unsure(self, now: int) -> bool:
        """Whether it is open what an agent makes of what is in force, and it may say that."""
        wanted = {name: found for name in self._asking if (found := self.in_force(name, now))}
        return any(
            agent.proof not in DECIDED
            or (agent.sent_revision, agent.sent_policy) != (found.revision, found.policy)
            for agent in self.agents
            if not agent.only_asks and (found := wanted.get(agent.service))
        )

    def learn(self, proven: Iterable[Proven], now: int) -> None:
        """Note what agents have said to other processes of ours: a balancer may be before us."""
        for each in proven:
            agent = self.agents.find(each.service, each.way, each.key)
            sampling = self.in_force(each.service, now) if agent else None
            if agent and sampling:
                agent.learn(each, sampling)

    def sweep(self, now: int) -> None:
        """Drop the agents that have been silent for too long."""
        self.opamp.sweep(now)
        self.agents.sweep(now)


def _services(site: Site, way: Way) -> Mapping[str, str]:
    """Return the services that may get their sampling in a way, by their names in Jaeger."""
    return {each.jaeger_name: name for name, each in site.services.items() if each.may_use(way)}
