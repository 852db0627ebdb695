"""Every RPC against backends that are real servers, as existing clients call it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import pytest
from django.contrib.auth.models import User
from google.rpc import status_pb2
from grpc import StatusCode
from grpc_status.rpc_status import GRPC_DETAILS_METADATA_KEY
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.vocabulary.timerange import HOUR, MILLISECOND, MINUTE, SECOND, now_ns
from proto.ops import ops_pb2
from tests.conftest import SiteFile
from tests.fakes.instance import FakeInstance, fake_instance
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, FakeJaeger, Release, span, trace
from tests.fakes.prometheus import FakePrometheus, alert
from tests.rpc.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)
ZERO_TIME = -6795364578871345152  # what the reference client sends for a time it was not given


@dataclass
class Backends:
    """What stands behind the default service."""

    jaeger: FakeJaeger
    prometheus: FakePrometheus
    instances: list[FakeInstance]


@pytest.fixture
async def backends(site_file: SiteFile, guest: User, jaeger: FakeJaeger) -> AsyncIterator[Backends]:
    async with AsyncExitStack() as stack:
        prometheus = await stack.enter_async_context(FakePrometheus())
        instances = [await stack.enter_async_context(fake_instance()) for _ in range(2)]
        addresses = ", ".join(f'"{instance.address}"' for instance in instances)
        site_file(
            f"""
            [sites.demo.jaeger]
            address = "{jaeger.address}"
            ui = "https://jaeger.example.com"
            [[sites.demo.prometheus]]
            url = "{prometheus.url}"
            [sites.demo.services.petstore]
            instances = [{addresses}]
            version = "build_info"
            """
        )
        yield Backends(jaeger, prometheus, instances)


def failing_trace(start: int = 0) -> TracesData:
    query = span("store", "store.Query", error="deadline exceeded", events=[("retry", {"n": 2})])
    root = span(
        "petstore", "SearchPets", children=[query], error="", start=start or now_ns() - SECOND
    )
    return trace(root)


async def refused(call: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return caught.value


@EITHER_JAEGER
async def test_it_lists_traces_as_the_reference_client_asks(
    ops: Client, backends: Backends
) -> None:
    first = backends.jaeger.add(failing_trace(now_ns() - 3 * SECOND))
    second = backends.jaeger.add(failing_trace(now_ns() - 2 * SECOND))
    backends.jaeger.add(trace(span("petstore", "AddPets", start=now_ns() - 2 * HOUR)))
    request = ops_pb2.ListTracesReq(
        service="petstore",
        tags=["error"],
        start=ZERO_TIME,
        end=now_ns() + 5 * SECOND,
        search_depth=10,
    )
    answer = await ops.ListTraces(request)
    assert [item.id for item in answer.traces] == [second, first]
    item = answer.traces[0]
    assert (item.root_service, item.root_operation) == ("petstore", "SearchPets")
    assert (item.span_count, item.error_count) == (2, 2)
    assert item.error == "store.Query: deadline exceeded"
    assert list(item.services) == ["petstore", "store"]
    assert not answer.more


@EITHER_JAEGER
async def test_it_says_what_failed_in_traces_too_large_for_a_list(
    ops: Client, backends: Backends, release: Release
) -> None:
    """Of these no spans come with a list of summaries: each is read for its sentence."""
    now = now_ns()
    for number in range(3):
        fine = [span("store", "store.Query") for _ in range(7_000)]
        failed = span("store", "store.Commit", error=f"no disk {number}")
        start = now - (number + 1) * SECOND
        root = span("petstore", "AddPets", start=start, error="", children=[*fine, failed])
        backends.jaeger.add(trace(root))
    answer = await ops.ListTraces(ops_pb2.ListTracesReq(service="petstore"))
    assert [item.error for item in answer.traces] == [
        f"store.Commit: no disk {n}" for n in range(3)
    ]
    methods = backends.jaeger.methods()
    assert ("FindTraces" in methods, methods.count("GetTrace")) == (
        (False, 3) if release == "2.20" else (True, 0)
    )


@EITHER_JAEGER
async def test_it_tells_the_older_window_when_the_limit_cut_the_list(
    ops: Client, backends: Backends
) -> None:
    ids = [backends.jaeger.add(failing_trace(now_ns() - n * SECOND)) for n in range(5, 0, -1)]
    found: list[str] = []
    request = ops_pb2.ListTracesReq(service="petstore", search_depth=2)
    while True:
        answer = await ops.ListTraces(request)
        found += [item.id for item in answer.traces if item.id not in found]
        if not answer.more:
            break
        request.start, request.end = answer.older_start, answer.older_end
    assert found == ids[::-1]


@EITHER_JAEGER
@pytest.mark.parametrize("by_token", [True, False])
async def test_hundreds_in_one_nanosecond_come_once_each(
    ops: Client, backends: Backends, by_token: bool
) -> None:
    start = now_ns() - 3 * HOUR
    ids = {backends.jaeger.add(trace(span("petstore", "x", start=start))) for _ in range(300)}
    older = backends.jaeger.add(trace(span("petstore", "x", start=start - HOUR)))
    found: list[str] = []
    request = ops_pb2.ListTracesReq(service="petstore", search_depth=10)
    while True:
        answer = await ops.ListTraces(request)
        found += [item.id for item in answer.traces]
        if not answer.more:
            break
        if by_token:
            request.page_token = answer.next_page_token
        else:
            request.start, request.end = answer.older_start, answer.older_end
    assert sorted(found) == sorted([*ids, older])
    assert found[-1] == older


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (ops_pb2.ListTracesReq(search_depth=-1), "search_depth is -1; it must be 1 or more, or 0"),
        (ops_pb2.ListTracesReq(tags=["=x"]), "is not a tag"),
        (ops_pb2.ListTracesReq(start=2, end=1), "is not before its end"),
        (ops_pb2.ListTracesReq(duration_min=2, duration_max=1), "min is 2ns, which is more than"),
    ],
)
async def test_it_refuses_a_search_that_cannot_be_right(
    ops: Client, backends: Backends, request_: ops_pb2.ListTracesReq, sentence: str
) -> None:
    error = await refused(ops.ListTraces(request_))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert sentence in (error.details() or "")
    assert backends.jaeger.calls == []


async def test_it_shows_a_trace(ops: Client, backends: Backends) -> None:
    trace_id = backends.jaeger.add(failing_trace())
    answer = await ops.ShowTrace(ops_pb2.ShowTraceReq(id=trace_id.lstrip("0").upper()))
    assert answer.id == trace_id
    assert list(answer.operations) == ["SearchPets", "store.Query"]
    assert list(answer.errors) == ["store.Query: deadline exceeded", "SearchPets failed"]
    assert answer.duration.ToNanoseconds() >= 10 * MILLISECOND
    assert answer.url == f"https://jaeger.example.com/trace/{trace_id}"


async def test_it_says_where_a_trace_ran_and_its_links_both_ways(
    ops: Client, backends: Backends
) -> None:
    resource = {"service.version": "1.3.0", "service.instance.id": "petstore-7"}
    sent = backends.jaeger.add(trace(span("petstore", "send", span_id="00000000000000aa")))
    links = [(sent, "00000000000000aa")]
    got = backends.jaeger.add(
        trace(span("petstore", "got", span_id="00000000000000bb", links=links, resource=resource))
    )
    before = now_ns()
    second = await ops.ShowTrace(ops_pb2.ShowTraceReq(id=got))
    first = await ops.ShowTrace(ops_pb2.ShowTraceReq(id=sent))

    assert before <= second.as_of <= now_ns()
    assert list(second.processes) == [
        ops_pb2.Process(service="petstore", version="1.3.0", instance="petstore-7", span_count=1)
    ]
    link = ops_pb2.SpanLink(
        trace_id=got,
        span_id="00000000000000bb",
        to_trace_id=sent,
        to_span_id="00000000000000aa",
    )
    assert (list(second.links), list(second.linked_from)) == ([link], [])
    assert (list(first.links), list(first.linked_from)) == ([], [link])


async def test_it_names_a_hundred_errors_at_most(ops: Client, backends: Backends) -> None:
    failing = [span("store", f"store.Query{n}", error="no") for n in range(120)]
    trace_id = backends.jaeger.add(trace(span("petstore", "SearchPets", children=failing)))
    answer = await ops.ShowTrace(ops_pb2.ShowTraceReq(id=trace_id))
    assert (len(answer.errors), answer.error_count, answer.span_count) == (100, 120, 121)


@pytest.mark.parametrize("trace_id", ["", "xyz", "1" * 33])
async def test_it_refuses_what_is_no_trace_id(
    ops: Client, backends: Backends, trace_id: str
) -> None:
    error = await refused(ops.ShowTrace(ops_pb2.ShowTraceReq(id=trace_id)))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert backends.jaeger.calls == []


async def test_it_finds_no_unknown_trace(ops: Client, backends: Backends) -> None:
    for call in (
        ops.ShowTrace(ops_pb2.ShowTraceReq(id="abc")),
        ops.ShowLogs(ops_pb2.ShowLogsReq(id="abc")),
    ):
        assert (await refused(call)).code() is StatusCode.NOT_FOUND


async def test_it_shows_logs_in_jaegers_own_form(ops: Client, backends: Backends) -> None:
    answer = await ops.ShowLogs(ops_pb2.ShowLogsReq(id=backends.jaeger.add(failing_trace())))
    (line,) = answer.logs
    fields = {field.key: field.v_str or field.v_int64 for field in line.fields}
    assert (fields["event"], fields["n"]) == ("retry", 2)
    (owner,) = answer.spans
    assert (owner.service, owner.operation, list(answer.span_of)) == ("store", "store.Query", [0])
    assert line.timestamp.ToNanoseconds() > 0


async def test_it_changes_sampling_everywhere(ops: Client, backends: Backends) -> None:
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STFloat, float_value=0.5)
    answer = await ops.ChangeSampling(request)
    assert [instance.told for instance in backends.instances] == [[("STFloat", 0.5)]] * 2
    assert [result.confirmed for result in answer.instances] == [True, True]


async def test_it_aborts_with_each_result_when_not_all_confirmed(
    ops: Client, backends: Backends
) -> None:
    backends.instances[0].fails = StatusCode.INTERNAL
    error = await refused(ops.ChangeSampling(ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways)))
    assert error.code() is StatusCode.ABORTED
    assert backends.instances[0].address in (error.details() or "")
    metadata = dict(error.trailing_metadata() or ())
    assert len(str(metadata["x-request-id"])) == 16
    rich = status_pb2.Status.FromString(metadata[GRPC_DETAILS_METADATA_KEY])
    details = ops_pb2.ChangeSamplingResp()
    assert rich.details[0].Unpack(details)
    assert sorted(result.confirmed for result in details.instances) == [False, True]
    assert details.revision > 0
    assert f"revision {details.revision} stays in force" in (error.details() or "")


async def test_it_changes_sampling_for_a_while(ops: Client, backends: Backends) -> None:
    until = now_ns() + MINUTE
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways, until=until, reason="because")
    error = await refused(ops.ChangeSampling(request))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert "say what follows" in (error.details() or "")
    request.then_policy = "10%"
    answer = await ops.ChangeSampling(request)
    assert answer.until == until // 1_000 * 1_000, "as exactly as the database keeps it"
    assert (answer.then_policy, answer.reason, answer.policy) == ("10%", "because", "always")
    # Without an end it means what it always meant.
    answer = await ops.ChangeSampling(ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways))
    assert (answer.until, answer.then_policy, answer.reason) == (0, "", "")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"until": 1}, "this one would end at 1970-01-01T00:00:00Z"),
        ({"until": 2**63 - 1}, "a change lasts at least 10 s and at most 7 d"),
        ({"reason": "a\nb"}, "a reason is one line of at most 300 characters"),
        ({"then_policy": "10%"}, "what follows is for a change with an end only"),
        ({"then_policy": "1e-300x"}, "is not a sampling policy"),
    ],
)
async def test_it_refuses_a_term_that_cannot_be(
    ops: Client, backends: Backends, more: dict[str, Any], sentence: str
) -> None:
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways, **more)
    error = await refused(ops.ChangeSampling(request))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert sentence in (error.details() or "")
    assert [instance.told for instance in backends.instances] == [[], []]


RATE_FORMS = "accepted: never, always, or a rate above 0 and up to 1"
TYPE_FORMS = "accepted: STNever, STAlways, or STFloat with a float_value above 0 and up to 1"


@pytest.mark.parametrize(
    ("kind", "rate", "forms"),
    [
        (0, 0.5, TYPE_FORMS),
        (9, 0.5, TYPE_FORMS),
        *((3, rate, RATE_FORMS) for rate in (0.0, -1.0, 1.01, float("nan"), float("inf"))),
    ],
)
async def test_it_refuses_a_policy_that_is_none(
    ops: Client, backends: Backends, kind: ops_pb2.SamplerType.ValueType, rate: float, forms: str
) -> None:
    error = await refused(
        ops.ChangeSampling(ops_pb2.ChangeSamplingReq(type=kind, float_value=rate))
    )
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert forms in (error.details() or "")
    assert [instance.told for instance in backends.instances] == [[], []]


async def test_it_tells_the_version_alone_where_one_runs(ops: Client, backends: Backends) -> None:
    labels = [{"job": "petstore", "instance": f"p{n}", "version": "1.2.0"} for n in (1, 2)]
    backends.prometheus.says("build_info", *((label, 1) for label in labels))
    assert (await ops.DeployedVersion(ops_pb2.DeployedVersionReq())).version == "1.2.0"


async def test_it_tells_a_mixture_of_versions(ops: Client, backends: Backends) -> None:
    backends.prometheus.says(
        "build_info",
        ({"job": "petstore", "instance": "p1", "version": "1.3.0"}, 1),
        ({"job": "petstore", "instance": "p2", "version": "1.2.0"}, 1),
        ({"job": "petstore", "instance": "p3", "version": "1.2.0"}, 1),
    )
    answer = await ops.DeployedVersion(ops_pb2.DeployedVersionReq())
    assert answer.version == "1.3.0 (1 of 3), 1.2.0 (2 of 3)"
    assert len(answer.instances) == answer.total == 3


async def test_it_says_how_a_rollout_goes(ops: Client, backends: Backends) -> None:
    now = time.time_ns() // 60_000_000_000 * 60
    labels = [{"job": "petstore", "instance": "p1", "version": each} for each in ("1.2.0", "1.3.0")]
    backends.prometheus.says("build_info", (labels[1], 1))
    backends.prometheus.says(
        'up{job="petstore"}', (labels[1], 1), ({"job": "petstore", "instance": "p2"}, 0)
    )
    backends.prometheus.ranges["build_info"] = [
        {"metric": labels[0], "values": [[now - 7_200, "1"], [now - 7_140, "1"]]},
        {"metric": labels[1], "values": [[now - 7_080 + 60 * n, "1"] for n in range(119)]},
    ]

    answer = await ops.DeployedVersion(ops_pb2.DeployedVersionReq())

    assert (answer.state, answer.previous) == ("steady", "1.2.0")
    assert answer.since == (now - 7_080) * 1_000_000_000
    assert [each.lack for each in answer.instances] == ["", "down"]


async def test_it_says_what_may_be_missing_from_the_versions(
    ops: Client, backends: Backends
) -> None:
    backends.prometheus.says("build_info", ({"job": "petstore", "version": "1.2.0"}, 1))

    answer = await ops.DeployedVersion(ops_pb2.DeployedVersionReq())

    assert list(answer.warnings) == ['the version query returns no label "instance"']


async def test_it_lists_alerts_with_all_that_prometheus_says(
    ops: Client, backends: Backends
) -> None:
    backends.prometheus.rule("Slow", alert("Slow", severity="page", team="store"))
    backends.prometheus.rule("Queue", alert("Queue", "pending", severity="warning"))
    request = ops_pb2.AlertsReq(labels=["team"], states=["firing"], active_at=ZERO_TIME)
    (found,) = (await ops.Alerts(request)).alerts
    assert (found.name, found.state, found.value) == ("Slow", "firing", "1e+00")
    assert found.active_at == 1795469264568674523
    assert found.labels["severity"] == "page"
    everything = await ops.Alerts(ops_pb2.AlertsReq(matchers=['severity=~"page|warning"']))
    assert len(everything.alerts) == 2


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (ops_pb2.AlertsReq(labels=["team=store"]), ["Slow"]),
        (ops_pb2.AlertsReq(labels=["team=store", "severity=warning"]), []),
        (ops_pb2.AlertsReq(labels=["team"]), ["Slow"]),
        (ops_pb2.AlertsReq(matchers=["team!=store"]), ["Queue"]),
        (ops_pb2.AlertsReq(matchers=['{team="store",severity=~"page|none"}']), ["Slow"]),
        (ops_pb2.AlertsReq(matchers=['severity = "page"', 'team=~"s.*"']), ["Slow"]),
        (ops_pb2.AlertsReq(matchers=["team=store,page"]), []),
        (ops_pb2.AlertsReq(states=["pending"]), ["Queue"]),
        (ops_pb2.AlertsReq(active_at=1795469264568674524), []),
    ],
)
async def test_it_lists_the_alerts_that_are_asked_for(
    ops: Client, backends: Backends, request_: ops_pb2.AlertsReq, names: list[str]
) -> None:
    backends.prometheus.rule("Slow", alert("Slow", severity="page", team="store"))
    backends.prometheus.rule("Queue", alert("Queue", "pending", severity="warning"))
    assert [found.name for found in (await ops.Alerts(request_)).alerts] == names


@pytest.mark.parametrize(
    "request_",
    [
        ops_pb2.AlertsReq(labels=["=store"]),
        ops_pb2.AlertsReq(matchers=['team=~"("']),
        ops_pb2.AlertsReq(matchers=["team"]),
        ops_pb2.AlertsReq(matchers=[""]),
        ops_pb2.AlertsReq(matchers=['team="store" severity="page"']),
        ops_pb2.AlertsReq(states=["loud"]),
    ],
)
async def test_it_refuses_a_filter_that_cannot_be_right(
    ops: Client, backends: Backends, request_: ops_pb2.AlertsReq
) -> None:
    assert (await refused(ops.Alerts(request_))).code() is StatusCode.INVALID_ARGUMENT
    assert backends.prometheus.paths == []


async def test_it_lists_what_it_has_and_names_the_source_that_is_down(
    ops: Client, backends: Backends, site_file: SiteFile
) -> None:
    backends.prometheus.rule("Slow", alert("Slow"))
    site_file(
        f"""
        [[sites.demo.prometheus]]
        name = "here"
        url = "{backends.prometheus.url}"
        [[sites.demo.prometheus]]
        name = "away"
        url = "http://127.0.0.1:1"
        """
    )
    answer = await ops.Alerts(ops_pb2.AlertsReq())
    assert [found.source for found in answer.alerts] == ["here"]
    (failure,) = answer.failures
    assert failure.source == "away" and "127.0.0.1:1" in failure.reason


async def test_it_knows_no_other_site(ops: Client, backends: Backends) -> None:
    error = await refused(ops.Alerts(ops_pb2.AlertsReq(site="dmeo")))
    assert error.code() is StatusCode.NOT_FOUND
    assert error.details() == 'there is no site "dmeo"; did you mean "demo"?'


async def test_it_says_which_backend_is_down(ops: Client, backends: Backends) -> None:
    await backends.jaeger.stop()
    error = await refused(ops.ListTraces(ops_pb2.ListTracesReq(service="petstore")))
    assert error.code() is StatusCode.UNAVAILABLE
    assert f"Jaeger of demo at {backends.jaeger.address}" in (error.details() or "")


@EITHER_JAEGER
async def test_it_ends_the_backends_call_when_the_client_gives_up(
    ops: Client, backends: Backends
) -> None:
    await ops.ListTraces(ops_pb2.ListTracesReq(service="petstore", operation="X"))
    asked = len(backends.jaeger.calls)
    backends.jaeger.hang()
    call = ops.ListTraces(ops_pb2.ListTracesReq(service="petstore"))
    waiting = asyncio.ensure_future(call.code())
    await backends.jaeger.until(lambda: len(backends.jaeger.calls) > asked)
    call.cancel()
    assert await waiting is StatusCode.CANCELLED
    await backends.jaeger.until(lambda: backends.jaeger.cancelled)


@ANY_JAEGER
async def test_it_ends_the_backends_call_at_the_clients_deadline(
    ops: Client, backends: Backends
) -> None:
    await ops.ListTraces(ops_pb2.ListTracesReq(service="petstore"))
    backends.jaeger.hang()
    call = ops.ListTraces(ops_pb2.ListTracesReq(service="petstore", operation="X"), timeout=5)
    assert (await refused(call)).code() is StatusCode.DEADLINE_EXCEEDED
    await backends.jaeger.until(lambda: backends.jaeger.cancelled)
