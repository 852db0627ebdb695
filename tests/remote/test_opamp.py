"""What agents are answered, message by message, with a clock that the test moves."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.remote.agents import MOST, Agent, Peer
from ops.remote.http import parsed
from ops.remote.keys import Refused
from ops.sampling.proof import Proof
from ops.vocabulary.policies import per_second, rate
from ops.vocabulary.timerange import MINUTE, SECOND
from proto.opamp.opamp_pb2 import (
    AgentToServer,
    RemoteConfigStatuses_APPLIED,
    RemoteConfigStatuses_FAILED,
    ServerErrorResponseType_BadRequest,
    ServerErrorResponseType_Unavailable,
    ServerToAgent,
)
from tests.remote.conftest import Machines
from tests.remote.fuzzing import runs

ACCEPTS, REPORTS_EFFECTIVE, STATUS = 2, 4, 1
FULL_STATE = 1
POLL = 30 * SECOND


@dataclass
class Client:
    """An agent as EDOT is one: rising numbers, a description at first."""

    machines: Machines
    uid: bytes = b"u" * 16
    number: int = 0
    service: str = "petstore"
    address: str = "10.0.0.1"
    capabilities: int = STATUS | ACCEPTS
    socket: object = None

    def say(self, *, describe: bool = False, pause: int = 0, **fields: Any) -> ServerToAgent:
        """Send a message after a pause."""
        self.machines.clock.now += pause
        message = AgentToServer(
            instance_uid=self.uid,
            sequence_num=self.number,
            capabilities=self.capabilities,
            **fields,
        )
        self.number += 1
        if describe:
            for key, value in self.described().items():
                one = message.agent_description.identifying_attributes.add(key=key)
                one.value.string_value = value
        peer = Peer(self.address, "OTel-OpAMP-Python/0.4b0")
        now = self.machines.clock.now
        return self.machines.site.opamp.answer(message, peer, now, self.socket)

    def described(self) -> dict[str, str]:
        return {"service.name": self.service}

    def start(self) -> ServerToAgent:
        return self.say(describe=True)

    def acknowledge(
        self, answer: ServerToAgent, *, effective: str = "", error: str = "", **more: Any
    ) -> ServerToAgent:
        """Say what became of a configuration."""
        failed, applied = RemoteConfigStatuses_FAILED, RemoteConfigStatuses_APPLIED
        status = {
            "last_remote_config_hash": answer.remote_config.config_hash,
            "status": failed if error else applied,
            "error_message": error,
        }
        if effective:
            key = self.machines.opamp_key
            body = json.dumps({"sampling_rate": effective}).encode()
            more["effective_config"] = {"config_map": {"config_map": {key: {"body": body}}}}
        return self.say(remote_config_status=status, **more)


class OurSampler(Client):
    def described(self) -> dict[str, str]:
        return {
            "service.name": self.service,
            "service.instance.id": "one",
            "opsportal.sampler": "0.1.0",
        }


@pytest.fixture
def client(machines: Machines) -> Client:
    machines.set("petstore", 7, rate(0.5))
    return Client(machines)


def agents(machines: Machines) -> list[Agent]:
    return machines.site.agents.unwritten(machines.clock.now)


def only(machines: Machines) -> Agent:
    (agent,) = agents(machines)
    return agent


def test_it_offers_what_is_in_force_and_echoes_the_uid(client: Client) -> None:
    answer = client.start()
    assert (answer.instance_uid, answer.capabilities, answer.flags) == (client.uid, 7, 0)
    (entry,) = answer.remote_config.config.config_map.items()
    assert (entry[0], entry[1].body) == ("elastic", b'{"sampling_rate":"0.5"}')
    assert entry[1].content_type == "application/json"
    assert only(client.machines).proof is Proof.TOLD


def test_a_site_may_call_the_entry_otherwise() -> None:
    machines = Machines(opamp_key="vendor")
    machines.set("petstore", 7, rate(0.5))
    client = Client(machines, capabilities=STATUS | ACCEPTS | REPORTS_EFFECTIVE)
    answer = client.start()
    assert list(answer.remote_config.config.config_map) == ["vendor"]
    client.acknowledge(answer, effective="0.5")
    assert only(machines).proof is Proof.CONFIRMED
    assert only(machines).said == rate(0.5)


def test_our_own_sampler_gets_the_whole_document_beside_it(machines: Machines) -> None:
    machines.set("petstore", 7, per_second(5))
    config = OurSampler(machines).start().remote_config.config.config_map
    assert list(config) == ["opsportal"]
    assert json.loads(config["opsportal"].body) == {
        "strategyType": "RATE_LIMITING",
        "rateLimitingSampling": {"maxTracesPerSecond": 5},
        "opsportal": {"revision": 7},
    }
    assert only(machines).key == "one"


def test_applied_confirms_the_revision_and_it_is_not_sent_again(client: Client) -> None:
    answer = client.acknowledge(client.start())
    assert not answer.HasField("remote_config") and not answer.flags
    agent = only(client.machines)
    assert (agent.proof, agent.proven_revision) == (Proof.CONFIRMED, 7)
    for _ in range(3):
        assert not client.say(pause=POLL).HasField("remote_config")


def test_a_new_revision_is_offered_though_its_rate_is_the_same(client: Client) -> None:
    client.acknowledge(client.start())
    client.machines.set("petstore", 8, rate(0.5))
    answer = client.say(pause=POLL)
    assert answer.HasField("remote_config")
    client.acknowledge(answer)
    assert only(client.machines).proven_revision == 8


def test_an_agent_with_effective_configuration_is_asked_for_it_once(client: Client) -> None:
    client.capabilities |= REPORTS_EFFECTIVE
    answer = client.start()
    asked = client.acknowledge(answer)
    assert asked.flags == FULL_STATE
    assert only(client.machines).proof is Proof.TOLD
    assert not client.acknowledge(answer, effective="0.5", describe=True).flags
    agent = only(client.machines)
    assert (agent.proof, agent.said) == (Proof.CONFIRMED, rate(0.5))


def test_applied_is_contradicted_by_another_effective_rate(client: Client) -> None:
    """EDOT Python says APPLIED while a sampler of the user's goes on."""
    client.capabilities |= REPORTS_EFFECTIVE
    answer = client.start()
    client.acknowledge(answer)
    client.acknowledge(answer, effective="1.0", describe=True)
    assert only(client.machines).proof is Proof.CONTRADICTED
    client.say(pause=POLL)
    agent = only(client.machines)
    assert (agent.proof, agent.said and agent.said.rate) == (Proof.CONTRADICTED, 1.0)


def test_failed_is_a_refusal_with_its_reason(client: Client) -> None:
    client.acknowledge(client.start(), error="Invalid\nsampling_rate")
    agent = only(client.machines)
    assert (agent.proof, agent.reason) == (Proof.REFUSED, "Invalid sampling_rate")
    assert not client.say(pause=POLL).HasField("remote_config")


def test_failed_without_a_hash_means_the_last_configuration(client: Client) -> None:
    client.start()
    client.acknowledge(ServerToAgent(), error="bad")
    assert only(client.machines).proof is Proof.REFUSED


def test_an_old_error_beside_applied_is_not_shown(client: Client) -> None:
    answer = client.start()
    status = {
        "last_remote_config_hash": answer.remote_config.config_hash,
        "status": RemoteConfigStatuses_APPLIED,
        "error_message": "of long ago",
    }
    client.say(remote_config_status=status)
    assert only(client.machines).reason == ""


def test_to_one_that_never_acknowledges_it_is_sent_more_and_more_seldom(client: Client) -> None:
    client.start()
    sent = [client.say(pause=POLL).HasField("remote_config") for _ in range(100)]
    assert sent[:8] == [True, False, True, False, False, False, True, False]
    assert sum(sent) == 7 and not any(sent[-40:])
    assert only(client.machines).proof is Proof.SILENT


@pytest.mark.parametrize(
    ("service", "capabilities"), [("stranger", STATUS | ACCEPTS), ("petstore", STATUS)]
)
def test_it_is_not_offered_to_others(service: str, capabilities: int, client: Client) -> None:
    client.service, client.capabilities = service, capabilities
    for answer in (client.start(), client.say(pause=POLL)):
        assert not answer.HasField("remote_config") and not answer.flags
    assert all(agent.proof is Proof.REFUSED for agent in agents(client.machines))
    assert len(agents(client.machines)) == (service == "petstore")


def test_a_service_that_nobody_has_set_is_left_alone(machines: Machines) -> None:
    assert not Client(machines).start().HasField("remote_config")


def test_traces_per_second_are_not_offered_to_one_that_knows_rates_only(client: Client) -> None:
    client.machines.set("petstore", 8, per_second(5))
    assert not client.start().HasField("remote_config")
    agent = only(client.machines)
    assert agent.one_rate
    assert "it samples at one rate only, so not at 5 traces/s" in agent.reason


def test_an_unknown_agent_and_one_with_a_gap_report_their_full_state(client: Client) -> None:
    client.number = 57
    assert client.say().flags == FULL_STATE
    assert client.say(describe=True).flags == 0
    client.number += 3  # an outage: failed messages count too
    assert client.say().flags == FULL_STATE
    assert client.say().flags == 0


def test_after_our_restart_an_agent_with_the_hash_is_confirmed_without_another_send(
    client: Client,
) -> None:
    answer = client.start()
    client.acknowledge(answer)
    client.machines = Machines()
    client.machines.set("petstore", 7, rate(0.5))
    assert client.say().flags == FULL_STATE
    assert not client.acknowledge(answer, describe=True).HasField("remote_config")
    assert only(client.machines).proof is Proof.CONFIRMED


@pytest.mark.parametrize("uid", [b"", b"short", b"x" * 26])
def test_a_wrong_uid_is_a_bad_request(uid: bytes, client: Client) -> None:
    client.uid = uid
    assert client.start().error_response.type == ServerErrorResponseType_BadRequest
    assert not agents(client.machines)


@pytest.mark.parametrize("socket", [False, True])
def test_of_two_agents_with_one_uid_the_older_gets_a_new_one(socket: bool, client: Client) -> None:
    copy = Client(client.machines, client.uid, address="10.0.0.2")
    if socket:
        client.socket, copy.socket = object(), object()
    client.start()
    client.say(pause=POLL)
    assert not copy.start().HasField("agent_identification")
    new = client.say().agent_identification.new_instance_uid
    assert len(new) == 16 and new != client.uid
    assert client.say().agent_identification.new_instance_uid == new  # not yet another one
    client.uid = new
    assert client.say().flags == FULL_STATE
    assert not client.start().HasField("agent_identification")
    assert not copy.say().HasField("agent_identification")
    assert len(agents(client.machines)) == 2


def test_an_agent_that_starts_again_with_its_uid_is_no_double(client: Client) -> None:
    client.start()
    client.say(pause=POLL)
    client.number = 0
    client.start()
    for _ in range(3):
        assert not client.say(pause=POLL).HasField("agent_identification")


def test_two_messages_that_overtake_each_other_are_no_double(client: Client) -> None:
    client.start()
    for number in (2, 1, 3, 4):
        client.number = number
        assert not client.say().HasField("agent_identification")


def test_an_agent_may_ask_for_a_uid(client: Client) -> None:
    assert len(client.say(describe=True, flags=1).agent_identification.new_instance_uid) == 16


def test_one_that_disconnects_or_stays_away_is_gone(client: Client) -> None:
    client.start()
    client.say(agent_disconnect={})
    assert [agent.proof for agent in agents(client.machines)] == [Proof.GONE]
    client.uid = b"v" * 16
    client.start()
    client.machines.site.agents.wrote(agents(client.machines), client.machines.clock.now)
    client.machines.site.sweep(client.machines.clock.now + 5 * MINUTE)
    assert [agent.proof for agent in agents(client.machines)] == [Proof.GONE]


def test_one_too_many_is_told_to_wait(client: Client) -> None:
    for number in range(MOST + 1):
        client.uid, client.number = number.to_bytes(16, "big"), 0
        answer = client.start()
    assert answer.error_response.type == ServerErrorResponseType_Unavailable
    assert answer.error_response.retry_info.retry_after_nanoseconds
    assert len(client.machines.site.agents) == MOST


def test_a_change_is_pushed_over_every_socket_once(client: Client) -> None:
    client.socket = object()
    client.acknowledge(client.start())
    opamp, now = client.machines.site.opamp, client.machines.clock.now
    assert not list(opamp.pushes(now))
    client.machines.set("petstore", 8, rate(0.25))
    ((talk, message),) = opamp.pushes(now)
    assert talk.socket is client.socket and message.instance_uid == client.uid
    assert message.remote_config.config.config_map["elastic"].body == b'{"sampling_rate":"0.25"}'
    assert not list(opamp.pushes(now))
    opamp.closed(client.socket)
    assert only(client.machines).proof is Proof.GONE


TEXTS = st.text(max_size=30)
MESSAGES = st.builds(
    AgentToServer,
    instance_uid=st.sampled_from([b"a" * 16, b"b" * 16, b""]) | st.binary(max_size=17),
    sequence_num=st.integers(0, 3) | st.integers(0, 2**64 - 1),
    capabilities=st.sampled_from([0, 3, 7, 2**64 - 1]),
    flags=st.integers(0, 3),
    agent_description=st.none()
    | st.fixed_dictionaries(
        {
            "identifying_attributes": st.lists(
                st.fixed_dictionaries(
                    {
                        "key": st.sampled_from(["service.name", "service.instance.id"]) | TEXTS,
                        "value": st.one_of(
                            st.fixed_dictionaries({"string_value": st.just("petstore") | TEXTS}),
                            st.fixed_dictionaries({"double_value": st.floats()}),
                        ),
                    }
                ),
                max_size=4,
            )
        }
    ),
    remote_config_status=st.none()
    | st.fixed_dictionaries(
        {
            "last_remote_config_hash": st.binary(max_size=20),
            "status": st.integers(0, 9),
            "error_message": TEXTS,
        }
    ),
    effective_config=st.none()
    | st.fixed_dictionaries(
        {
            "config_map": st.fixed_dictionaries(
                {
                    "config_map": st.dictionaries(
                        st.sampled_from(["elastic", "opsportal", ""]),
                        st.fixed_dictionaries(
                            {
                                "body": st.binary(max_size=20)
                                | st.builds(
                                    lambda value: json.dumps({"sampling_rate": value}).encode(),
                                    st.floats() | st.integers() | TEXTS | st.none(),
                                )
                            }
                        ),
                        max_size=2,
                    )
                }
            )
        }
    ),
    agent_disconnect=st.none() | st.just({}),
)


@runs(1)
@given(st.lists(st.tuples(MESSAGES, st.booleans()), max_size=12))
def test_whatever_agents_say_it_answers_to_the_specification(
    said: list[tuple[AgentToServer, bool]],
) -> None:
    machines = Machines()
    machines.set("petstore", 7, rate(0.5))
    socket = object()
    for message, over_socket in said:
        machines.clock.now += SECOND
        peer = Peer("10.0.0.1")
        found = machines.site.opamp.answer(
            message, peer, machines.clock.now, socket if over_socket else None
        )
        assert found.capabilities == 7
        assert found.instance_uid == message.instance_uid[:16]
        bodies = [file.body for file in found.remote_config.config.config_map.values()]
        assert bodies in ([], [b'{"sampling_rate":"0.5"}'])
        assert all(len(agent.key) <= 200 for agent in agents(machines))
    machines.site.opamp.closed(socket)
    machines.site.sweep(machines.clock.now + 3600 * SECOND)
    assert not len(machines.site.agents)


@runs(5)
@given(st.binary(max_size=200))
def test_garbage_is_refused_or_harmless(body: bytes) -> None:
    machines = Machines()
    with suppress(Refused):
        machines.site.opamp.answer(parsed(body), Peer("10.0.0.1"), machines.clock.now)
    assert not len(machines.site.agents)
