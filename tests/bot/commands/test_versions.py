import time

import pytest

from bot.answers.versions import version_list
from bot.replies import FollowUp
from ops.actor import Actor
from ops.versions.actions import InstanceVersion, Lack, ServiceVersions
from tests.bot.conftest import Backends, cells, said
from tests.conftest import SiteFile

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_shows_versions(viewer: Actor, backends: Backends) -> None:
    one = await said(viewer, "version petstore")
    assert one.summary == (
        "petstore: 1.3.0 on 1 of 3, 1.2.0 on 2 of 3; "
        "too early to say whether a version is rolling out"
    )
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


def test_what_is_not_known_runs_no_version(site_file: SiteFile) -> None:
    site_file("[sites.demo]")
    known = ServiceVersions("demo", "a", (InstanceVersion("a-1", "2.0"),), 1)
    others = (
        ServiceVersions("demo", "late", (), 0, coming=True),
        ServiceVersions("demo", "down", (InstanceVersion("d-1", "", Lack.DOWN),), 1),
        ServiceVersions("demo", "unset", (), 0, problem="set version", empty=True, unset=True),
    )
    assert version_list((known, *others)).summary == (
        "4 services, unknown for late, down; no version query for unset"
    )


async def test_it_shows_that_every_service_runs_one_version(
    viewer: Actor, backends: Backends
) -> None:
    for service in ("petstore", "store"):
        backends.prometheus.says(f"{service}_build_info", ({"instance": "a", "version": "2.0"}, 1))
    reply = await said(viewer, "version")
    assert reply.summary == "2 services, one version each"
    assert cells(reply)[1] == ("store", "2.0 on 1 of 1")


def before(backends: Backends, minutes: int) -> None:
    """Let the second petstore run 1.3.0 as well, until some minutes ago."""
    now = time.time_ns() // 60_000_000_000 * 60
    first, second, third = (each.address for each in backends.instances)
    ran = ((first, "1.3.0", 0, minutes), (second, "1.2.0", 0, 180), (third, "1.2.0", 0, 180))
    earlier = ((first, "1.2.0", minutes + 1, 180),)
    backends.prometheus.ranges["petstore_build_info"] = [
        {
            "metric": {"instance": instance, "version": version},
            "values": [[now - ago * 60, "1"] for ago in range(oldest, newest - 1, -1)],
        }
        for instance, version, newest, oldest in (*ran, *earlier)
    ]


async def test_it_says_how_a_rollout_goes_since_when_and_what_ran_before(
    viewer: Actor, backends: Backends
) -> None:
    before(backends, 45)

    one = await said(viewer, "version petstore")
    (petstore, _) = (await said(viewer, "versions")).rows

    assert one.summary == (
        "petstore: 1.3.0 on 1 of 3, 1.2.0 on 2 of 3; 2 versions for "
        + petstore.below[0].removeprefix("2 versions for ")
    )
    assert petstore.below[0] in ("2 versions for 45 min", "2 versions for 46 min")
    assert one.notes[0].startswith("Since ")
    assert one.notes[0].endswith("; before that, 1.2.0")


async def test_it_says_which_instances_are_down(viewer: Actor, backends: Backends) -> None:
    first, second, _ = (each.address for each in backends.instances)
    labels = {"job": "petstore", "instance": first}
    backends.prometheus.says("petstore_build_info", ({**labels, "version": "1.2.0"}, 1))
    backends.prometheus.says('up{job="petstore"}', (labels, 1), ({**labels, "instance": second}, 0))

    one = await said(viewer, "version petstore")

    assert one.summary == "petstore: 1.2.0 on 1 of 2, 1 down"
    assert sorted(row.cells for row in one.rows) == sorted([(first, "1.2.0"), (second, "down")])
