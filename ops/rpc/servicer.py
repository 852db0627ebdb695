# ruff: noqa: N802 - gRPC's methods have their names from the protocol
"""The Ops service: each RPC is one action."""

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.rpc import alert_pages, log_pages, messages
from ops.rpc.errors import rpc
from ops.sampling import actions as sampling
from ops.traces import actions as traces
from ops.versions import actions as versions
from proto.ops import ops_pb2, ops_pb2_grpc


class OpsServicer(ops_pb2_grpc.OpsServicer):
    @rpc
    async def ListTraces(
        self, actor: Actor, request: ops_pb2.ListTracesReq
    ) -> ops_pb2.ListTracesResp:
        found = await traces.list_traces(
            actor,
            query=messages.trace_query(request),
            explain=messages.MOST_EXPLAINED,
            whole_moments=True,
        )
        return messages.trace_list(found)

    @rpc
    async def ShowTrace(self, actor: Actor, request: ops_pb2.ShowTraceReq) -> ops_pb2.ShowTraceResp:
        found = await traces.show_trace(actor, trace_id=request.id, site=request.site)
        return await messages.trace(found)

    @rpc
    async def ShowLogs(self, actor: Actor, request: ops_pb2.ShowLogsReq) -> ops_pb2.ShowLogsResp:
        page = log_pages.log_page(request)
        found = await traces.show_logs(actor, trace_id=request.id, site=request.site)
        return await log_pages.logs(found, page)

    @rpc
    async def ChangeSampling(
        self, actor: Actor, request: ops_pb2.ChangeSamplingReq
    ) -> ops_pb2.ChangeSamplingResp:
        change = await sampling.change_policy(
            actor,
            policy=messages.policy(request),
            service=request.service,
            site=request.site,
        )
        return messages.sampling_change(change)

    @rpc
    async def DeployedVersion(
        self, actor: Actor, request: ops_pb2.DeployedVersionReq
    ) -> ops_pb2.DeployedVersionResp:
        found = await versions.show_versions(actor, service=request.service, site=request.site)
        return messages.deployed_version(found)

    @rpc
    async def Alerts(self, actor: Actor, request: ops_pb2.AlertsReq) -> ops_pb2.AlertsResp:
        page = alert_pages.page_of(request)
        found = await alerts.list_alerts(actor, filter=messages.alert_filter(request))
        return await alert_pages.alert_page(found, page)
