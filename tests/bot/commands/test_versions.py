import pytest

from bot.replies import FollowUp
from ops.actor import Actor
from tests.bot.conftest import Backends, cells, said

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_shows_versions(viewer: Actor, backends: Backends) -> None:
    one = await said(viewer, "version petstore")
    assert one.summary == "petstore: 1.3.0 on 1 of 3, 1.2.0 on 2 of 3"
    assert sorted(row.cells[1] for row in one.rows) == ["1.2.0", "1.2.0", "1.3.0"]
    every = await said(viewer, "versions")
    assert every.summary == "2 services, several versions of petstore; unknown for store"
    assert cells(every) == [
        ("petstore", "1.3.0 on 1 of 3, 1.2.0 on 2 of 3"),
        ("store", "unknown"),
    ]
    assert "store_build_info" in every.rows[1].below[0]
    failing = FollowUp("Failing traces of petstore", "list traces petstore error")
    assert one.follow_ups == every.follow_ups == (failing,)


async def test_it_shows_that_every_service_runs_one_version(
    viewer: Actor, backends: Backends
) -> None:
    for service in ("petstore", "store"):
        backends.prometheus.says(f"{service}_build_info", ({"instance": "a", "version": "2.0"}, 1))
    reply = await said(viewer, "version")
    assert reply.summary == "2 services, one version each"
    assert cells(reply)[1] == ("store", "2.0 on 1 of 1")
