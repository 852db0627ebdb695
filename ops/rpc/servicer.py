# ruff: noqa: N802 - gRPC's methods have their names from the protocol
"""The Ops service: each RPC is one action."""

import asyncio
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from ops.acknowledgements import actions as acknowledgements
from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.requests import actions as requests
from ops.rpc import (
    alert_pages,
    log_pages,
    messages,
    queries,
    request_messages,
    sampling_messages,
    silence_messages,
)
from ops.rpc.errors import rpc
from ops.rpc.sampling_changes import with_askers
from ops.rpc.trace_lists import trace_list
from ops.sampling import actions as sampling
from ops.sampling.actions import ServiceSampling
from ops.silences import actions as silences
from ops.sites import sites
from ops.traces import actions as traces
from ops.versions import actions as versions
from proto.ops import ops_pb2

SERVICE = ops_pb2.DESCRIPTOR.services_by_name["Ops"]


class OpsServicer:
    """A method for each RPC."""

    @rpc(traces.list_traces, ops_pb2.ListTracesReq)
    async def ListTraces(self, actor: Actor, request: ops_pb2.ListTracesReq) -> bytes:
        query, reading = await queries.traces_of(actor, request)
        found = await traces.list_traces(
            actor, query=query, explain=messages.MOST_EXPLAINED, whole_moments=True
        )
        return trace_list(found) + queries.as_read(ops_pb2.ListTracesResp, reading)

    @rpc(traces.show_trace, ops_pb2.ShowTraceReq)
    async def ShowTrace(self, actor: Actor, request: ops_pb2.ShowTraceReq) -> ops_pb2.ShowTraceResp:
        found = await traces.show_trace(actor, trace_id=request.id, site=request.site, timed=False)
        return await messages.trace(found)

    @rpc(traces.show_logs, ops_pb2.ShowLogsReq)
    async def ShowLogs(self, actor: Actor, request: ops_pb2.ShowLogsReq) -> bytes:
        page = log_pages.log_page(request)
        found = await traces.show_logs(actor, trace_id=request.id, site=request.site)
        return await log_pages.logs(found, page)

    @rpc(sampling.change_policy, ops_pb2.ChangeSamplingReq)
    async def ChangeSampling(
        self, actor: Actor, request: ops_pb2.ChangeSamplingReq
    ) -> ops_pb2.ChangeSamplingResp:
        making = sampling.change_policy(actor, **messages.wish(request))
        return messages.sampling_change(await with_askers(actor, making))

    @rpc(sampling.current_of_several, ops_pb2.SamplingReq)
    async def Sampling(self, actor: Actor, request: ops_pb2.SamplingReq) -> bytes:
        where = sites().site(request.site)
        asked = [request.service] if request.service else []
        known = await sampling.current_of_several(actor, services=asked, site=where.name)
        found = known or {name: ServiceSampling(where.name, name, ()) for name in asked}
        answer = await asyncio.to_thread(sampling_messages.sampling, where.name, found)
        return answer.SerializeToString()

    @rpc(sampling.changes, ops_pb2.SamplingHistoryReq)
    async def SamplingHistory(
        self, actor: Actor, request: ops_pb2.SamplingHistoryReq
    ) -> ops_pb2.SamplingHistoryResp:
        limit = sampling_messages.history_limit(request)
        where = sites().site(request.site)
        found = await sampling.changes(
            actor,
            service=request.service,
            site=where.name,
            limit=limit,
            before=max(request.before, 0),
        )
        return sampling_messages.history(where.name, found, limit)

    @rpc(sampling.revert, ops_pb2.RevertSamplingReq)
    async def RevertSampling(
        self, actor: Actor, request: ops_pb2.RevertSamplingReq
    ) -> ops_pb2.ChangeSamplingResp:
        making = sampling.revert(
            actor,
            service=request.service,
            site=request.site,
            revision=request.to_revision,
            reason=request.reason,
        )
        return messages.sampling_change(await with_askers(actor, making))

    @rpc(requests.ask, ops_pb2.ChangeSamplingReq)
    async def AskSampling(
        self, actor: Actor, request: ops_pb2.ChangeSamplingReq
    ) -> ops_pb2.SamplingRequest:
        asked = await requests.ask(actor, **messages.wish(request))
        return request_messages.sampling_request(asked)

    @rpc(requests.list_open, ops_pb2.SamplingRequestsReq)
    async def SamplingRequests(
        self, actor: Actor, request: ops_pb2.SamplingRequestsReq
    ) -> ops_pb2.SamplingRequestsResp:
        found = await requests.list_open(actor, service=request.service, site=request.site)
        return request_messages.sampling_requests(found)

    # Which of the two permissions is needed depends on who asked.
    @rpc(sampling.change_policy, ops_pb2.ApproveSamplingReq, sampling.approve_change)
    async def ApproveSampling(
        self, actor: Actor, request: ops_pb2.ApproveSamplingReq
    ) -> ops_pb2.SamplingRequest:
        done = await requests.apply(actor, key=request.key)
        return request_messages.sampling_request(done)

    @rpc(sampling.change_policy, ops_pb2.RefuseSamplingReq, sampling.approve_change)
    async def RefuseSampling(
        self, actor: Actor, request: ops_pb2.RefuseSamplingReq
    ) -> ops_pb2.SamplingRequest:
        done = await requests.cancel(actor, key=request.key, reason=request.reason)
        return request_messages.sampling_request(done)

    @rpc(versions.show_versions, ops_pb2.DeployedVersionReq)
    async def DeployedVersion(
        self, actor: Actor, request: ops_pb2.DeployedVersionReq
    ) -> ops_pb2.DeployedVersionResp:
        found = await versions.show_versions(actor, service=request.service, site=request.site)
        return messages.deployed_version(found)

    @rpc(alerts.list_alerts, ops_pb2.AlertsReq)
    async def Alerts(self, actor: Actor, request: ops_pb2.AlertsReq) -> bytes:
        page = alert_pages.page_of(request)
        filter, reading = await queries.alerts_of(actor, request)
        found = await alerts.list_alerts(actor, filter=filter)
        answer = await alert_pages.alert_page(found, page)
        return answer + queries.as_read(ops_pb2.AlertsResp, reading)

    @rpc(silences.list_silences, ops_pb2.SilencesReq)
    async def Silences(self, actor: Actor, request: ops_pb2.SilencesReq) -> ops_pb2.SilencesResp:
        after = silence_messages.place_of(request.page_token)
        found = await silences.list_silences(actor, site=request.site)
        return await asyncio.to_thread(silence_messages.silences, found, after)

    @rpc(silences.preview_silence, ops_pb2.PreviewSilenceReq)
    async def PreviewSilence(
        self, actor: Actor, request: ops_pb2.PreviewSilenceReq
    ) -> ops_pb2.PreviewSilenceResp:
        matchers = silence_messages.matchers_of(request.matchers)
        found = await silences.preview_silence(actor, matchers=matchers, site=request.site)
        return await asyncio.to_thread(silence_messages.preview, found)

    @rpc(silences.create_silence, ops_pb2.CreateSilenceReq)
    async def CreateSilence(
        self, actor: Actor, request: ops_pb2.CreateSilenceReq
    ) -> ops_pb2.ChangedSilence:
        done = await silences.create_silence(
            actor,
            matchers=silence_messages.matchers_of(request.matchers),
            ends_at=request.ends_at,
            comment=request.comment,
            confirmed=request.confirmed,
            site=request.site,
        )
        return silence_messages.changed(done)

    @rpc(silences.extend_silence, ops_pb2.ExtendSilenceReq)
    async def ExtendSilence(
        self, actor: Actor, request: ops_pb2.ExtendSilenceReq
    ) -> ops_pb2.ChangedSilence:
        done = await silences.extend_silence(
            actor, key=request.id, ends_at=request.ends_at, site=request.site
        )
        return silence_messages.changed(done)

    @rpc(silences.end_silence, ops_pb2.EndSilenceReq)
    async def EndSilence(
        self, actor: Actor, request: ops_pb2.EndSilenceReq
    ) -> ops_pb2.ChangedSilence:
        done = await silences.end_silence(actor, key=request.id, site=request.site)
        return silence_messages.changed(done)

    @rpc(acknowledgements.acknowledge, ops_pb2.AcknowledgeReq)
    async def Acknowledge(
        self, actor: Actor, request: ops_pb2.AcknowledgeReq
    ) -> ops_pb2.Acknowledgement:
        done = await acknowledgements.acknowledge(
            actor,
            name=request.name,
            fingerprint=request.fingerprint,
            note=request.note or None,
            until=max(request.until, 0),
            site=request.site,
        )
        return alert_pages.acknowledgement(done)

    @rpc(acknowledgements.hand_over, ops_pb2.HandOverReq)
    async def HandOver(self, actor: Actor, request: ops_pb2.HandOverReq) -> ops_pb2.Acknowledgement:
        done = await acknowledgements.hand_over(
            actor,
            to=request.to,
            name=request.name,
            fingerprint=request.fingerprint,
            note=request.note,
            site=request.site,
        )
        return alert_pages.acknowledgement(done)

    @rpc(acknowledgements.give_back, ops_pb2.GiveBackReq)
    async def GiveBack(self, actor: Actor, request: ops_pb2.GiveBackReq) -> ops_pb2.Acknowledgement:
        done = await acknowledgements.give_back(
            actor, name=request.name, fingerprint=request.fingerprint, site=request.site
        )
        return alert_pages.acknowledgement(done)


def _serialized(response: Message | bytes) -> bytes:
    return response if isinstance(response, bytes) else response.SerializeToString()


def add_ops(servicer: OpsServicer, server: grpc.aio.Server) -> None:
    """Add the service to a server.

    Its methods receive bytes, which `rpc` parses. Those whose response may be large, or is made of
    parts that are serialized already, return bytes too.
    """
    methods: dict[str, grpc.RpcMethodHandler[bytes, Any]] = {
        method.name: grpc.unary_unary_rpc_method_handler(
            getattr(servicer, method.name),
            response_serializer=_serialized,
        )
        for method in SERVICE.methods
    }
    server.add_registered_method_handlers(SERVICE.full_name, methods)
