"""OpAMP over HTTP, with the messages of opentelemetry-opamp-client and our own polling.

That package's agent is not used: it waits up to 17 minutes after an outage, and for ever at exit
if the server hangs.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry._opamp.client import OpAMPClient
from opentelemetry._opamp.proto import opamp_pb2
from opentelemetry._opamp.transport.base import HttpTransport

from opsportal_sampler.http import LONGEST_RETRY_AFTER, SECONDS, Url, fetch
from opsportal_sampler.instance import Instance
from opsportal_sampler.polling import PollError
from opsportal_sampler.sampler import RemoteSampler, Report
from opsportal_sampler.strategies import (
    Document,
    InvalidDocument,
    RateLimiting,
    read_document,
    read_sampling_rate,
)
from opsportal_sampler.version import USER_AGENT, VERSION

INTERVAL = 30.0
OPSPORTAL = "opsportal"
_JSON = "application/json"
_PROTOBUF = "application/x-protobuf"
# A server that wants our full state again and again gets it so often a poll.
_MOST_REPLIES = 3


class OpAmp:
    """The source that `opamp=` names."""

    def __init__(
        self,
        sampler: RemoteSampler,
        url: Url,
        instance: Instance,
        header: tuple[str, str] | None = None,
        config_key: str = "elastic",
    ) -> None:
        self._sampler, self._instance, self._config_key = sampler, instance, config_key
        self._url = url if url.path else replace(url, path="/v1/opamp")
        self._headers = {"User-Agent": USER_AGENT, **dict([header] if header else [])}
        self._connect()

    def poll(self) -> bool:
        """Say that we are here, and apply and acknowledge what is new."""
        answer = self._send()
        for _ in range(_MOST_REPLIES):
            if not self._take(answer):
                break
            answer = self._send(full=True)
        return False

    def forked(self) -> None:
        """Become another agent: this is a child process."""
        self._sampler.forked()
        self._instance.forked()
        self._connect()

    def leave(self) -> None:
        """Tell the server that this instance ends."""
        self._transport.seconds = 1.0
        self._client.send(self._client.build_agent_disconnect_message())

    def _connect(self) -> None:
        self._transport = _Transport(self._url)
        self._client = OpAMPClient(
            endpoint=str(self._url),
            headers=self._headers,
            agent_identifying_attributes={
                "service.name": self._instance.service,
                "service.instance.id": self._instance.id,
            },
            agent_non_identifying_attributes={"opsportal.sampler": VERSION},
            transport=self._transport,
        )
        self._reported: Report | None = None

    def _send(self, *, full: bool = False) -> opamp_pb2.ServerToAgent:
        """Send our full state if it is asked for or not what the server knows, else a heartbeat."""
        report = self._sampler.report()
        if full or report != self._reported:
            self._client.update_effective_config(self._effective(report), content_type=_JSON)
            message = self._client.build_full_state_message()
        else:
            message = self._client.build_heartbeat_message()
        self._reported = None  # after a failure the server may know nothing
        answer: opamp_pb2.ServerToAgent = self._client.send(message)
        self._reported = report
        self._sampler.set_clock(self._transport.date)
        return answer

    def _take(self, answer: opamp_pb2.ServerToAgent) -> bool:
        """Do what an answer says; return whether our full state is due."""
        if len(uid := answer.agent_identification.new_instance_uid) == 16:
            self._client._instance_uid = uid
        if answer.HasField("remote_config"):
            self._apply(answer.remote_config)
            return True
        return bool(answer.flags & opamp_pb2.ServerToAgentFlags_ReportFullState)

    def _apply(self, config: opamp_pb2.AgentRemoteConfig) -> None:
        status, error = opamp_pb2.RemoteConfigStatuses_APPLIED, ""
        try:
            self._sampler.apply(self._read(config.config.config_map), self._transport.date)
        except InvalidDocument as invalid:
            status, error = opamp_pb2.RemoteConfigStatuses_FAILED, str(invalid)
        self._client.update_remote_config_status(config.config_hash, status, error)

    def _read(self, entries: Mapping[str, opamp_pb2.AgentConfigFile]) -> Document:
        for name, read in ((OPSPORTAL, read_document), (self._config_key, read_sampling_rate)):
            if name in entries:
                entry = entries[name]
                if entry.content_type not in (_JSON, "text/json"):
                    raise InvalidDocument(f"{name}: the content type must be {_JSON}")
                try:
                    return read(entry.body)
                except InvalidDocument as error:
                    raise InvalidDocument(f"{name}: {error}") from None
        raise InvalidDocument(f"the config has no entry {self._config_key}")

    def _effective(self, report: Report) -> dict[str, Any]:
        ours: dict[str, Any] = {"phase": report.phase.value, "applied": report.applied}
        if report.revision is not None:
            ours["revision"] = report.revision
        effective: dict[str, Any] = {OPSPORTAL: ours}
        if not isinstance(report.strategy, RateLimiting):
            effective[self._config_key] = {"sampling_rate": report.applied}
        return effective


class _Transport(HttpTransport):
    """Sends messages with our limits, and keeps the server's time."""

    def __init__(self, url: Url) -> None:
        self._url, self.seconds = url, SECONDS
        self.date = datetime.now(timezone.utc)

    def send(
        self, *, headers: Mapping[str, str], data: bytes, **_: object
    ) -> opamp_pb2.ServerToAgent:
        """Send a message and return its answer; raises PollError."""
        answer = fetch(self._url, headers, data, self.seconds)
        if answer.status != 200:
            raise PollError(f"{self._url} answered {answer.status}", answer.retry_after)
        if answer.kind != _PROTOBUF:
            raise PollError(f"{self._url} answered with {answer.kind[:80]} instead of {_PROTOBUF}")
        message = opamp_pb2.ServerToAgent()
        try:
            message.ParseFromString(answer.body)
        except DecodeError:
            raise PollError(f"{self._url} answered with an invalid message") from None
        if message.HasField("error_response"):
            error = message.error_response
            wait = min(error.retry_info.retry_after_nanoseconds / 1e9, LONGEST_RETRY_AFTER)
            raise PollError(f"{self._url} refused: {error.error_message[:200]}", wait)
        self.date = answer.date
        return message
