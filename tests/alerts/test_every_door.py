"""The same matchers at every door: the same alerts, the same refusals."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient
from pytest_django import Settings

from bot import console
from ops.actor import Actor
from ops.rpc import auth
from ops.rpc.server import serve_grpc
from proto.ops.ops_pb2 import AlertsReq
from proto.ops.ops_pb2_grpc import OpsStub
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, alert

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

ODD: dict[str, Any] = {"a label": "{,}"}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def ops(viewer: Actor, settings: Settings) -> AsyncIterator["OpsAsyncStub"]:
    settings.GRPC_ANONYMOUS_USER = viewer.name
    auth.cache.clear()
    async with (
        serve_grpc("127.0.0.1:0") as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield OpsStub(channel)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('severity="page"', {"A", "B"}),
        ('{severity="page",path!~"C:.*"}', {"B"}),
        ("severity = page, team = store", {"A"}),
        ('path="C:\\\\new"', {"A"}),
        ('path="C:\\new"', {"C"}),
        ('"a label"="{,}"', {"B"}),
        ('summary=~".*depth.*"', {"C"}),
        ('{a="b"', set()),
        ('severity="page" team="store', None),
        ('severity=~"("', None),
        ("!severity", None),
    ],
)
async def test_matchers_select_the_same_at_every_door(
    viewer: Actor,
    ops: "OpsAsyncStub",
    site_file: SiteFile,
    prometheus: FakePrometheus,
    text: str,
    names: set[str] | None,
) -> None:
    site_file(f'[sites.production]\nprometheus = {{ url = "{prometheus.url}" }}')
    prometheus.rule("A", alert("A", severity="page", team="store", path="C:\\new"))
    prometheus.rule("B", alert("B", severity="page", **ODD))
    prometheus.rule("C", alert("C", path="C:\new", annotations={"summary": "the depth is 7"}))
    browser = AsyncClient()
    await browser.aforce_login(await User.objects.aget(username=viewer.name))

    page = await browser.get("/sites/production/alerts/", {"q": text})
    reply = await console.answer(viewer, f"alerts {text}")
    call = ops.Alerts(AlertsReq(matchers=[text]))

    if names is None:
        assert (page.status_code, reply.failed) == (400, True)
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await call
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    else:
        assert {each.name for each in page.context["found"].alerts} == names
        assert {row.cells[2] for row in reply.rows} == names
        assert {each.name for each in (await call).alerts} == names


@pytest.mark.parametrize(
    "text", ['severity="page"; team="store"', '{severity="page" team="store"}']
)
async def test_what_is_almost_a_list_of_matchers_is_read_for_people_only(
    viewer: Actor,
    ops: "OpsAsyncStub",
    site_file: SiteFile,
    prometheus: FakePrometheus,
    text: str,
) -> None:
    site_file(f'[sites.production]\nprometheus = {{ url = "{prometheus.url}" }}')
    prometheus.rule("A", alert("A", severity="page", team="store"), alert("A", severity="page"))
    browser = AsyncClient()
    await browser.aforce_login(await User.objects.aget(username=viewer.name))

    page = await browser.get("/sites/production/alerts/", {"q": text}, follow=True)
    reply = await console.answer(viewer, f"alerts {text}")

    assert len(page.context["found"].alerts) == 1
    assert reply.summary.endswith('for severity="page", team="store"')
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await ops.Alerts(AlertsReq(matchers=[text]))
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
