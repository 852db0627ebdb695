"""`query`: a line in people's own words instead of the literal fields."""

import pytest
from django.contrib.auth.models import User
from grpc import StatusCode
from grpc.aio import AioRpcError

from proto.ops import ops_pb2
from tests.conftest import SiteFile
from tests.fakes.jaeger import ANY_JAEGER, MILLISECOND, FakeJaeger, span, trace
from tests.fakes.prometheus import FakePrometheus, alert
from tests.overview.conftest import prometheus as prometheus  # noqa: PLC0414  a fixture
from tests.rpc.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)
SITE = """
[sites.demo]
jaeger = {{ address = "{jaeger}" }}
prometheus = {{ name = "main", url = "{prometheus}" }}
[sites.demo.services.petstore]
[sites.lab.services.lab]
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, guest: User, jaeger: FakeJaeger, prometheus: FakePrometheus) -> None:
    site_file(SITE.format(jaeger=jaeger.address, prometheus=prometheus.url))


async def refused(call: object) -> str:
    with pytest.raises(AioRpcError) as caught:
        await call  # type: ignore[misc]
    assert caught.value.code() is StatusCode.INVALID_ARGUMENT
    return caught.value.details() or ""


@ANY_JAEGER
async def test_a_query_finds_what_its_line_finds(ops: Client, jaeger: FakeJaeger) -> None:
    ids = [
        jaeger.add(trace(span("petstore", "AddPets", error="", duration=number * MILLISECOND)))
        for number in (50, 150, 250)
    ]
    jaeger.add(trace(span("petstore", "AddPets", duration=500 * MILLISECOND)))
    asked = ops_pb2.ListTracesReq(query="weird errors of petstroe slower than 100 ms, newest 1")

    first = await ops.ListTraces(asked)
    second = await ops.ListTraces(
        ops_pb2.ListTracesReq(query=asked.query, page_token=first.next_page_token)
    )

    assert [each.id for page in (first, second) for each in page.traces] == [ids[2], ids[1]]
    assert first.read_as == "service=petstore error trace-min=100ms limit=1"
    assert list(first.left_out) == ["weird"]
    assert not (await ops.ListTraces(ops_pb2.ListTracesReq(tags=["error"]))).read_as


async def test_a_query_selects_alerts(ops: Client, prometheus: FakePrometheus) -> None:
    prometheus.rule("QueueDeep", alert("QueueDeep", severity="critical"))
    prometheus.rule("Slow", alert("Slow", severity="page"))

    found = await ops.Alerts(ops_pb2.AlertsReq(query="any critical alerts now?", page_size=5))

    assert [each.name for each in found.alerts] == ["QueueDeep"]
    assert (found.read_as, list(found.left_out)) == ("critical", [])
    assert not (await ops.Alerts(ops_pb2.AlertsReq())).read_as


async def test_existing_fields_stay_literal(ops: Client, prometheus: FakePrometheus) -> None:
    prometheus.rule("QueueDeep", alert("QueueDeep", severity="critical"))
    found = await ops.Alerts(ops_pb2.AlertsReq(matchers=["severity=Critical"]))
    assert not found.alerts


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"service": "a", "tags": ["b"]}, "query cannot be combined with service and tags"),
        ({"search_depth": 5}, "query cannot be combined with search_depth"),
        ({"site": "lab", "query": "errors in demo"}, "query names the site demo; name one site"),
        ({"query": "errors for nothing"}, '"nothing" is not a service or an operation'),
    ],
)
async def test_a_query_is_alone(ops: Client, fields: dict[str, object], sentence: str) -> None:
    request = ops_pb2.ListTracesReq(**{"query": "errors", **fields})  # type: ignore[arg-type]
    assert sentence in await refused(ops.ListTraces(request))


async def test_a_query_for_alerts_is_alone_too(ops: Client, prometheus: FakePrometheus) -> None:
    prometheus.rule("QueueDeep", alert("QueueDeep"))
    assert "combined with states" in await refused(
        ops.Alerts(ops_pb2.AlertsReq(query="firing", states=["firing"]))
    )
    assert "1 alert firing, but no state" in await refused(
        ops.Alerts(ops_pb2.AlertsReq(query="critical-foo"))
    )


@ANY_JAEGER
async def test_times_that_are_not_set_do_not_contradict(ops: Client, jaeger: FakeJaeger) -> None:
    jaeger.add(trace(span("petstore", "AddPets", error="")))
    found = await ops.ListTraces(ops_pb2.ListTracesReq(query="errors", start=-1))
    assert len(found.traces) == 1
