"""Versions: what is plain in a sentence, what is not by name."""

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
