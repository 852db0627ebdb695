"""Versions: what is plain in a sentence, what is not by name."""

import time

import pytest
from django.test import AsyncClient

from tests.dashboard.places import Place, heading, text

VERSIONS = "/sites/production/versions/"
pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_names_the_version_of_each_instance(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.says(
        "petstore_build_info",
        ({"version": "1.2.0", "instance": "petstore-1"}, 1),
        ({"version": "1.3.0", "instance": "petstore-2"}, 1),
    )

    page = await viewer.get(VERSIONS)

    said = text(page)
    assert "petstore runs 2 versions" in heading(page)
    assert "petstore-1 1.2.0" in said
    assert "petstore-2 1.3.0" in said


async def test_one_plain_service_is_said_in_the_heading(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.says(
        "petstore_build_info",
        ({"version": "1.2.0", "instance": "petstore-1"}, 1),
        ({"version": "1.2.0", "instance": "petstore-2"}, 1),
    )

    page = await viewer.get(VERSIONS)

    assert heading(page) == "petstore runs 1.2.0 on 2 of 2"
    assert "store" in text(page)


async def test_a_missing_metric_is_said_with_its_query(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(VERSIONS)

    assert "petstore version unknown" in heading(page)
    assert "petstore_build_info" in text(page)


async def test_hostile_versions_stay_text(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.says(
        "petstore_build_info", ({"version": "<script>alert(1)</script>", "instance": "a"}, 1)
    )

    page = await viewer.get(VERSIONS)

    assert "<script>alert" not in page.content.decode()


def ran(place: Place, *series: tuple[str, str, int, int]) -> None:
    """Set (instance, version, from, until) in minutes ago."""
    now = time.time_ns() // 60_000_000_000 * 60
    place.prometheus.says(
        "petstore_build_info",
        *(({"version": each, "instance": name}, 1) for name, each, _, until in series if not until),
    )
    points: dict[tuple[str, str], list[list[object]]] = {}
    for name, each, start, until in series:
        own = points.setdefault((name, each), [])
        own += [[now - ago * 60, "1"] for ago in range(start, until - 1, -1)]
    place.prometheus.ranges["petstore_build_info"] = [
        {"metric": {"version": each, "instance": name}, "values": values}
        for (name, each), values in points.items()
    ]


async def test_it_draws_the_last_hours_and_says_what_ran_before(
    place: Place, viewer: AsyncClient
) -> None:
    ran(
        place,
        ("a", "v1.10", 180, 41),
        ("a", "v1.9", 40, 0),
        ("b", "v1.10", 180, 31),
        ("b", "v1.9", 30, 0),
    )

    page = await viewer.get(VERSIONS)

    body = page.content.decode()
    assert heading(page) == "petstore runs v1.9 on 2 of 2"
    assert "before that v1.10" in text(page)
    assert "min ago" in text(page)
    assert 'role="img" aria-label="Instances of each version, UTC: from' in body
    assert body.count("<rect") >= 4
    assert "style=" not in body


async def test_a_rollout_that_went_back_is_in_the_heading(
    place: Place, viewer: AsyncClient
) -> None:
    ran(place, ("a", "1.2", 180, 61), ("a", "1.3", 60, 41), ("a", "1.2", 40, 0))

    page = await viewer.get(VERSIONS)

    assert heading(page) == "petstore went back to 1.2"
    assert "before that 1.3" in text(page)


async def test_down_silent_and_unlabelled_are_three_words(
    place: Place, viewer: AsyncClient
) -> None:
    build = {"job": "petstore", "instance": "a"}
    place.prometheus.says("petstore_build_info", ({**build, "version": "1.2"}, 1))
    place.prometheus.says(
        'up{job=~"petstore|store"}',
        (build, 1), ({**build, "instance": "b"}, 0), ({**build, "instance": "c"}, 1),
    )  # fmt: skip

    said = text(await viewer.get(VERSIONS))

    assert "1.2 on 1 of 3, 1 down, 1 unlabelled" in said
    assert "b down" in said
    assert "c unlabelled" in said


async def test_many_instances_are_folded(place: Place, viewer: AsyncClient) -> None:
    labels = [{"instance": f"petstore-{n:03}", "version": "1.2"} for n in range(600)]
    place.prometheus.says("petstore_build_info", *((each, 1) for each in labels))

    page = await viewer.get(VERSIONS)

    said = text(page)
    assert "petstore-019 1.2 and 580 more instances" in said
    assert "petstore-519 1.2 first 520 shown" in said
    assert "petstore-520" not in said
