"""Pages of a site with many services: a sheet at a time, found by name, filled in."""

import asyncio
from typing import Any

import pytest
from django.test import AsyncClient
from pytest_django import Settings

from tests.conftest import SiteFile
from tests.dashboard.places import Place, field, heading, link, text
from tests.fakes.prometheus import Fault, alert

MANY = 120
NAMES = [f"shop-{number:03d}" for number in range(MANY)]
pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ("/", "/versions/", "/sampling/")
PIECE = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def many(place: Place, site_file: SiteFile) -> None:
    tables = "".join(
        f"[sites.p.services.{name}]\nversion = 'build_info{{job=\"{name}\"}}'\n" for name in NAMES
    )
    site_file(
        f'[sites.p]\nprometheus = {{ name = "main", url = "{place.prometheus.url}" }}\n{tables}'
    )
    for name in NAMES:
        labels = {"job": name, "instance": f"{name}-1", "version": "1.0"}
        place.prometheus.says(f'build_info{{job="{name}"}}', (labels, 1))


def named(page: Any) -> set[str]:
    said = text(page)
    return {name for name in NAMES if name in said}


@pytest.mark.parametrize("address", PAGES)
async def test_a_sheet_has_fifty_and_leads_to_the_others(viewer: AsyncClient, address: str) -> None:
    first = await viewer.get(address)
    last = await viewer.get(address, {"page": "3"})

    assert named(first) == {*NAMES[:50]}
    assert "1 to 50 of 120 services" in text(first)
    assert {*NAMES[100:]} <= named(last)
    assert "page=2" in link(first, "next")


@pytest.mark.parametrize("address", PAGES)
async def test_a_service_is_found_by_a_part_of_its_name(viewer: AsyncClient, address: str) -> None:
    page = await viewer.get(address, {"find": "SHOP-11"})
    nothing = await viewer.get(address, {"find": "<b>payments"})

    assert {*NAMES[110:]} <= named(page) <= {*NAMES[110:], NAMES[0]}
    assert field(page, "find") == "SHOP-11"
    assert "<b>payments" not in nothing.content.decode()
    assert "Show all services" in text(nothing)


async def test_the_services_with_alerts_come_first(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.rule("Dead", alert("Dead", job="shop-119", severity="critical"))

    assert "shop-119" in named(await viewer.get("/"))


@pytest.mark.parametrize(
    ("address", "words", "whole"),
    [
        ("/", "Loading alerts", "1.0 on 1 of 1"),
        ("/versions/", "Loading versions", "1.0 on 1 of 1"),
        ("/alerts/", "Loading alerts", "Dead"),
        ("/alerts/?q=job%3Dshop-119", "Loading alerts", "Dead"),
    ],
)
async def test_what_is_slow_is_filled_in(
    place: Place, viewer: AsyncClient, settings: Settings, address: str, words: str, whole: str
) -> None:
    settings.FIRST_SCREEN_SECONDS = 0
    place.prometheus.rule("Dead", alert("Dead", job="shop-119"))
    place.prometheus.fault = Fault.HANG

    early = await viewer.get(address)

    assert heading(early).startswith(words)
    wrong = ("Nothing is firing", "No alerts", "no broken rules", "all 0")
    assert not any(word in text(early) for word in wrong)
    assert link(early, "Reload") == address
    assert f'hx-get="{address}" hx-trigger="load"' in early.content.decode()

    place.prometheus.release.set()
    place.prometheus.fault = Fault.NONE
    async with asyncio.timeout(30):
        while "Loading" in text(piece := await viewer.get(address, headers=PIECE)):
            pass
    assert whole in text(piece)
    assert 'id="filled"' in piece.content.decode()


async def test_instances_that_dns_is_slow_to_name_are_filled_in(
    place: Place, operator: AsyncClient, settings: Settings, site_file: SiteFile
) -> None:
    site_file('[sites.p.services.shop]\ndns = "localhost:7000"')
    settings.FIRST_SCREEN_SECONDS = 0

    early = await operator.get("/sampling/")

    assert heading(early) == "Loading sampling of shop"
    assert "Preview change" not in text(early)
    assert 'hx-get="/sampling/" hx-trigger="load"' in early.content.decode()

    piece = await operator.get("/sampling/", headers=PIECE)
    assert "127.0.0.1:7000 no change sent yet" in text(piece)
    assert "Preview change" in text(piece)


async def test_instances_that_dns_does_not_name_hide_nothing_else(
    place: Place, operator: AsyncClient, site_file: SiteFile
) -> None:
    site_file('[sites.p.services.shop]\ndns = "shop.invalid:7000"\n[sites.p.services.store]')

    page = await operator.get("/sampling/")

    assert page.status_code == 200
    assert heading(page) == "Sampling of shop is unknown"
    assert "shop.invalid does not resolve" in text(page)
    assert link(page, "store") == "/sampling/?service=store"


async def test_a_dead_source_is_said_once_however_many_services_it_has(
    place: Place, viewer: AsyncClient
) -> None:
    place.prometheus.fault = Fault.LOGIN_PAGE

    page = await viewer.get("/versions/")

    assert heading(page) == "120 services unknown"
    assert text(page).count("a login page") == 1
    assert text(page).count("▲ not known") == 50


@pytest.mark.parametrize("address", ["/", "/versions/"])
async def test_a_source_that_is_down_is_said_once_while_it_is_left_alone(
    place: Place, viewer: AsyncClient, address: str
) -> None:
    place.prometheus.fault = Fault.UNAVAILABLE

    for _ in range(3):
        page = await viewer.get(address)
        assert text(page).count(f"Prometheus main of p at {place.prometheus.url}") == 1


@pytest.mark.parametrize("address", ["/", "/versions/"])
async def test_of_many_that_run_several_versions_it_says_how_many(
    place: Place, viewer: AsyncClient, address: str
) -> None:
    for name in NAMES[:4]:
        both = [{"job": name, "instance": f"{name}-{n}", "version": f"1.{n}"} for n in (1, 2)]
        place.prometheus.says(f'build_info{{job="{name}"}}', *((labels, 1) for labels in both))

    assert "4 services run several versions" in heading(await viewer.get(address))


async def test_a_group_on_a_sheet_says_how_many_there_are_in_all(
    place: Place, viewer: AsyncClient
) -> None:
    place.prometheus.rule("Dead", *(alert("Dead", job=name) for name in NAMES))

    assert "Dead · 50 of 120 alerts" in text(await viewer.get("/alerts/"))
    assert "Dead · 20 of 120 alerts" in text(await viewer.get("/alerts/", {"page": "3"}))
