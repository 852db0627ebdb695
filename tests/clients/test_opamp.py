"""OpAMP against a real server, in the messages of the specification."""

import json
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry._opamp.proto import opamp_pb2 as pb
from opsportal_sampler import RemoteSampler, jaeger_remote
from opsportal_sampler.http import read_url
from opsportal_sampler.instance import Instance
from opsportal_sampler.opamp import OpAmp
from opsportal_sampler.polling import PollError

from tests.clients.conftest import Clock
from tests.clients.server import FakeServer, Raw, Request, rate, reply

NOW = datetime(2020, 2, 2, 3, 0, tzinfo=UTC)
ASK = pb.ServerToAgentFlags_ReportFullState


def answered(message: pb.ServerToAgent) -> Raw:
    date = format_datetime(NOW, usegmt=True)
    body = message.SerializeToString()
    return reply(200, body, Content_Type="application/x-protobuf", Date=date)


def config(number: int = 1, **entries: object) -> pb.AgentRemoteConfig:
    """A remote config with these entries, each as JSON."""
    found = pb.AgentRemoteConfig(config_hash=b"hash %d" % number)
    for name, body in entries.items():
        entry = found.config.config_map[name]
        entry.content_type = "application/json"
        entry.body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return found


class OpampServer:
    """Offers a config to an agent that does not have it, as OpsPortal does."""

    def __init__(self, server: FakeServer) -> None:
        self.heard: list[pb.AgentToServer] = []
        self.offers: pb.AgentRemoteConfig | None = None
        self.flags = 0
        server.answer = self._answer

    def _answer(self, request: Request) -> Raw:
        message = pb.AgentToServer.FromString(request.body)
        self.heard.append(message)
        answer = pb.ServerToAgent(instance_uid=message.instance_uid, flags=self.flags)
        known = [each.remote_config_status.last_remote_config_hash for each in self.heard]
        if self.offers and self.offers.config_hash not in known:
            answer.remote_config.CopyFrom(self.offers)
        return answered(answer)


def effective(message: pb.AgentToServer) -> dict[str, object]:
    entries = message.effective_config.config_map.config_map
    return {name: json.loads(entry.body) for name, entry in entries.items()}


def status(message: pb.AgentToServer) -> tuple[bytes, str, str]:
    said = message.remote_config_status
    name = pb.RemoteConfigStatuses.Name(said.status).removeprefix("RemoteConfigStatuses_")
    return said.last_remote_config_hash, name, said.error_message


@pytest.fixture
def sampler(clock: Clock) -> RemoteSampler:
    return RemoteSampler(0.25, clock)


@pytest.fixture
def opamp(server: FakeServer) -> OpampServer:
    return OpampServer(server)


@pytest.fixture
def agent(server: FakeServer, opamp: OpampServer, sampler: RemoteSampler) -> OpAmp:
    key = "Authorization", "Bearer s3cret"
    return OpAmp(sampler, read_url(server.url), Instance("shop", "shop-1"), key)


def test_it_says_who_it_is_and_then_only_that_it_is_there(
    server: FakeServer, opamp: OpampServer, agent: OpAmp
) -> None:
    agent.poll()
    agent.poll()
    first, second = opamp.heard
    described = first.agent_description
    identifying = {each.key: each.value.string_value for each in described.identifying_attributes}
    assert identifying == {"service.name": "shop", "service.instance.id": "shop-1"}
    assert [each.key for each in described.non_identifying_attributes] == ["opsportal.sampler"]
    assert first.capabilities == 0x3007
    initial = {"phase": "initial", "applied": "0.25"}
    assert effective(first) == {"opsportal": initial, "elastic": {"sampling_rate": "0.25"}}
    assert (first.sequence_num, second.sequence_num) == (0, 1)
    assert not second.HasField("agent_description")
    assert server.requests[0].path == "/v1/opamp"
    assert server.requests[0].headers["Authorization"] == "Bearer s3cret"
    assert server.requests[0].headers["User-Agent"].startswith("opsportal-sampler/")


def test_it_acknowledges_with_status_and_rate_in_one_message(
    opamp: OpampServer, agent: OpAmp, sampler: RemoteSampler
) -> None:
    opamp.offers = config(elastic={"sampling_rate": "0.1"})
    agent.poll()
    assert sampler.report().applied == "0.1"
    _, acknowledged = opamp.heard
    assert status(acknowledged) == (b"hash 1", "APPLIED", "")
    assert effective(acknowledged)["elastic"] == {"sampling_rate": "0.1"}


def test_opsportals_entry_says_more_and_wins(
    opamp: OpampServer, agent: OpAmp, sampler: RemoteSampler, clock: Clock
) -> None:
    end = (NOW + timedelta(minutes=10)).isoformat()
    limit = {"rateLimitingSampling": {"maxTracesPerSecond": 5}}
    document = limit | {"opsportal": {"revision": 17, "until": end, "then": rate(0.1)}}
    opamp.offers = config(elastic={"sampling_rate": "1"}, opsportal=document)
    agent.poll()
    ours = {"phase": "document", "applied": "5/s", "revision": 17}
    assert effective(opamp.heard[-1]) == {"opsportal": ours}
    clock.now += 300
    agent.poll()  # the server's clock stood still meanwhile
    clock.now += 599
    assert sampler.report().applied == "5/s"
    clock.now += 1
    agent.poll()
    assert status(opamp.heard[-1]) == (b"hash 1", "APPLIED", "")
    ours = {"phase": "then", "applied": "0.1", "revision": 17}
    assert effective(opamp.heard[-1]) == {"opsportal": ours, "elastic": {"sampling_rate": "0.1"}}
    agent.poll()
    assert len(opamp.heard) == 5
    assert not opamp.heard[-1].HasField("effective_config")


def plain_text() -> pb.AgentRemoteConfig:
    text = config(elastic={"sampling_rate": "1"})
    text.config.config_map["elastic"].content_type = "text/plain"
    return text


@pytest.mark.parametrize(
    ("offer", "says"),
    [
        (config(elastic={"sampling_rate": "nan"}), "elastic: sampling_rate must be a number from"),
        (config(elastic={"sampling_rate": math.nan}), "elastic: sampling_rate must be a number"),
        (config(elastic={}), "elastic: sampling_rate must be a number"),
        (config(elastic=b"{oops"), "elastic: it is not JSON"),
        (config(elastic=b""), "elastic: it is not JSON"),
        (config(vendor={"sampling_rate": "1"}), "the config has no entry elastic"),
        (config(), "the config has no entry elastic"),
        (config(elastic={"sampling_rate": "1"}, opsportal=rate(2)), "opsportal: probabilistic"),
        (plain_text(), "elastic: the content type must be application/json"),
    ],
)
def test_it_refuses_with_a_sentence_and_keeps_what_is_in_force(
    opamp: OpampServer, agent: OpAmp, offer: pb.AgentRemoteConfig, says: str
) -> None:
    opamp.offers = config(0, elastic={"sampling_rate": "0.5"})
    agent.poll()
    opamp.offers = offer
    agent.poll()
    digest, name, error = status(opamp.heard[-1])
    assert (digest, name) == (b"hash 1", "FAILED")
    assert error.startswith(says)
    assert effective(opamp.heard[-1])["elastic"] == {"sampling_rate": "0.5"}
    opamp.offers = config(2, elastic={"sampling_rate": "0.1"})
    agent.poll()
    assert status(opamp.heard[-1]) == (b"hash 2", "APPLIED", "")


def test_it_reads_the_entry_of_its_options(
    server: FakeServer, opamp: OpampServer, sampler: RemoteSampler
) -> None:
    opamp.offers = config(vendor={"sampling_rate": 0.1})
    url = read_url(f"{server.url}/sites/shop-b/v1/opamp")
    OpAmp(sampler, url, Instance("shop", "1"), config_key="vendor").poll()
    assert server.requests[0].path == "/sites/shop-b/v1/opamp"
    assert effective(opamp.heard[-1])["vendor"] == {"sampling_rate": "0.1"}


def test_it_reports_its_full_state_when_asked_but_not_for_ever(
    opamp: OpampServer, agent: OpAmp
) -> None:
    agent.poll()
    opamp.flags = ASK
    agent.poll()
    assert [each.HasField("agent_description") for each in opamp.heard] == [True, False] + [
        True
    ] * 3


def test_it_takes_a_new_uid(server: FakeServer, opamp: OpampServer, agent: OpAmp) -> None:
    identification = pb.AgentIdentification(new_instance_uid=b"n" * 16)
    server.answer = lambda _: answered(pb.ServerToAgent(agent_identification=identification))
    agent.poll()
    fresh = OpampServer(server)
    agent.poll()
    assert fresh.heard[0].instance_uid == b"n" * 16


def refused(wait: int) -> Raw:
    error = pb.ServerErrorResponse(error_message="busy")
    error.retry_info.retry_after_nanoseconds = wait * 10**9
    return answered(pb.ServerToAgent(error_response=error))


@pytest.mark.parametrize(
    ("bad", "says", "waits"),
    [
        (reply(503, Retry_After="9"), "answered 503", 9),
        (reply(200, b"", Content_Type="text/html"), "text/html instead of", 0),
        (reply(200, b"\xff", Content_Type="application/x-protobuf"), "an invalid message", 0),
        (refused(7), "refused: busy", 7),
        (refused(10**6), "refused: busy", 300),
    ],
)
def test_after_a_bad_answer_it_says_everything_again(
    server: FakeServer, opamp: OpampServer, agent: OpAmp, bad: Raw, says: str, waits: float
) -> None:
    agent.poll()
    server.answer = lambda _: bad
    with pytest.raises(PollError, match=says) as error:
        agent.poll()
    assert error.value.retry_after == waits
    again = OpampServer(server)
    agent.poll()
    assert again.heard[0].HasField("effective_config")
    assert again.heard[0].sequence_num == 2


def test_a_child_process_is_another_agent(opamp: OpampServer, agent: OpAmp) -> None:
    agent.poll()
    agent.forked()
    agent.poll()
    first, second = opamp.heard
    assert first.instance_uid != second.instance_uid
    assert second.sequence_num == 0
    ids = [
        each.value.string_value
        for message in opamp.heard
        for each in message.agent_description.identifying_attributes
        if each.key == "service.instance.id"
    ]
    assert ids[0] == "shop-1" != ids[1]


def test_a_service_that_ends_disconnects(server: FakeServer, opamp: OpampServer) -> None:
    opamp.offers = config(elastic={"sampling_rate": "0.1"})
    sampler = jaeger_remote(f"opamp={server.url},service=shop")
    server.wait(lambda _: status(opamp.heard[-1])[1] == "APPLIED")
    sampler.close()
    assert opamp.heard[-1].HasField("agent_disconnect")
    assert sampler.report().applied == "0.1"


ENTRIES = st.dictionaries(
    st.sampled_from(["elastic", "opsportal", "x"]), st.binary() | st.just(b"{}")
)
MESSAGES: st.SearchStrategy[Callable[[], pb.ServerToAgent]] = st.builds(
    lambda entries, flags, uid: (
        lambda: pb.ServerToAgent(
            remote_config=config(7, **entries),
            flags=flags,
            agent_identification=pb.AgentIdentification(new_instance_uid=uid),
        )
    ),
    ENTRIES,
    st.integers(0, 2**64 - 1),
    st.binary(max_size=20),
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary() | MESSAGES.map(lambda make: make().SerializeToString()))
def test_whatever_a_server_says_the_next_good_config_counts(
    server: FakeServer, agent: OpAmp, sampler: RemoteSampler, body: bytes
) -> None:
    server.answer = lambda _: reply(200, body, Content_Type="application/x-protobuf")
    with suppress(PollError):
        agent.poll()
    opamp = OpampServer(server)
    opamp.offers = config(8, elastic={"sampling_rate": "0.5"})
    agent.poll()
    assert sampler.report().applied == "0.5"
    assert status(opamp.heard[-1]) == (b"hash 8", "APPLIED", "")
    assert len(opamp.heard[-1].instance_uid) == 16
