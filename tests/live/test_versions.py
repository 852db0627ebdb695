"""Versions by the real Prometheus, through each door."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from proto.ops import ops_pb2
from tests.live import servers
from tests.live.conftest import Person

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

REQUEST = ops_pb2.DeployedVersionReq(service="petstore")


async def test_it_tells_which_version_runs_where(
    ops: "OpsAsyncStub", operator: Person, petstores: list[servers.Petstore]
) -> None:
    def ask() -> Awaitable[ops_pb2.DeployedVersionResp]:
        return ops.DeployedVersion(REQUEST, metadata=operator.metadata)

    found = await servers.eventually(ask, lambda answer: len(answer.instances) == 3)
    assert found.version == "1.3.0 (1 of 3), 1.2.0 (2 of 3)"
    versions = {each.instance: each.version for each in found.instances}
    assert versions == dict(
        zip([each.metrics for each in petstores], ("1.2.0", "1.2.0", "1.3.0"), strict=True)
    )
    assert "1.3.0 on 1 of 3, 1.2.0 on 2 of 3" in operator.opens("/versions/")
    assert "1.3.0 on 1 of 3, 1.2.0 on 2 of 3" in operator.says("version petstore")


def test_it_sums_up_on_the_overview(operator: Person) -> None:
    def whole() -> bool:
        page = operator.opens("/")
        return "petstore runs 2 versions" in page and "%" in page and " ms" in page

    assert servers.until(whole, "version, rates and p95 stand on the overview")


def test_a_rolling_change_is_on_the_page_and_so_is_the_way_back(
    operator: Person, petstores: list[servers.Petstore]
) -> None:
    before, rolled = "1.3.0 on 1 of 3, 1.2.0 on 2 of 3", "1.3.0 on 2 of 3, 1.2.0 on 1 of 3"
    assert before in operator.opens("/versions/")
    petstores[1].roll("1.3.0")
    servers.until(lambda: rolled in operator.opens("/versions/"), rolled)
    petstores[1].roll("1.2.0")
    servers.until(lambda: before in operator.opens("/versions/"), before)
