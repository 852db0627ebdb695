"""Why the traces of a list failed."""

from collections.abc import AsyncIterator

import grpc
import pytest

from ops.actor import Actor
from ops.traces.actions import list_traces
from ops.vocabulary.timerange import SECOND
from tests.conftest import SiteFile
from tests.fakes.jaeger import FakeJaeger, Release
from tests.traces.listing.shop import RELEASED, SITE, add, before_noon, failing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def in_pieces(site_file: SiteFile) -> AsyncIterator[FakeJaeger]:
    """A release of which no answer to a search says why a trace failed."""
    async with FakeJaeger("1.x") as server:
        site_file(SITE.format(server.address))
        yield server


@RELEASED
async def test_it_explains_every_failing_trace(
    viewer: Actor, site_file: SiteFile, release: Release
) -> None:
    async with FakeJaeger(release) as other:
        site_file(SITE.format(other.address))
        for number in range(1, 31):
            failing(other, number, number * SECOND)
        found = await list_traces(viewer, query=before_noon("error limit=30"), explain=100)

    assert [each.error for each in found.traces] == [f"Query: e{n}" for n in range(1, 31)]


async def test_it_explains_the_first_failing_traces(viewer: Actor, in_pieces: FakeJaeger) -> None:
    add(in_pieces, 9, 1)
    for number in (1, 2, 3):
        failing(in_pieces, number, number * SECOND)

    found = await list_traces(viewer, query=before_noon(), explain=2)

    assert [(int(each.trace_id), each.error) for each in found.traces] == [
        (9, ""), (1, "Query: e1"), (2, "Query: e2"), (3, ""),
    ]  # fmt: skip


async def test_it_explains_a_trace_once(viewer: Actor, in_pieces: FakeJaeger) -> None:
    failing(in_pieces, 1, SECOND)
    for _ in range(3):
        found = await list_traces(viewer, query=before_noon(), explain=5)

    assert found.traces[0].error == "Query: e1"
    assert in_pieces.methods().count("GetTrace") <= 2  # one for api_v3, which it does not have


async def test_a_list_is_worth_more_than_its_explanations(
    viewer: Actor, in_pieces: FakeJaeger
) -> None:
    failing(in_pieces, 1, SECOND)
    in_pieces.fail(grpc.StatusCode.INTERNAL, "disk", method="GetTrace")

    found = await list_traces(viewer, query=before_noon(), explain=5)

    assert [each.error for each in found.traces] == [""]
