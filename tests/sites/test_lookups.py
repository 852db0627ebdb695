"""A site and a service by name, and what is said if there is none."""

import pytest

from ops.errors import InvalidInput, NotFound
from ops.sites import load
from tests.conftest import SiteFile
from tests.sites.site_files import WHOLE


def test_it_suggests_a_site(site_file: SiteFile) -> None:
    with pytest.raises(NotFound, match='no site "prodction"; did you mean "production"'):
        load(site_file(WHOLE)).site("prodction")


def test_it_names_the_sites_there_are(site_file: SiteFile) -> None:
    with pytest.raises(NotFound, match='no site "x"; sites: production, staging'):
        load(site_file(WHOLE)).site("x")


def test_it_suggests_a_service(site_file: SiteFile) -> None:
    for written in ("petstor", "PETSTORE"):
        wanted = f'no service "{written}"; did you mean "petstore"'
        with pytest.raises(NotFound, match=wanted):
            load(site_file(WHOLE)).site().service(written)


def test_it_asks_which_service_where_none_is_the_default(site_file: SiteFile) -> None:
    site = load(site_file("[sites.a.services.b]\n[sites.a.services.c]")).site()
    with pytest.raises(InvalidInput, match='choose a service of site "a": b, c'):
        site.service()


def test_it_says_that_there_are_no_services(site_file: SiteFile) -> None:
    with pytest.raises(InvalidInput, match="the site file has none"):
        load(site_file("[sites.a]")).site().service()


def test_it_knows_which_source_knows_a_service(site_file: SiteFile) -> None:
    site = load(site_file(WHOLE)).site()
    assert site.source(site.service("petstore")).name == "platform"
    assert site.source(site.service("payments")).name == "shop"


def test_it_says_that_no_source_knows_a_service(site_file: SiteFile) -> None:
    site = load(site_file("[sites.a.services.b]")).site()
    with pytest.raises(NotFound, match='site "a" has no Prometheus for service "b"'):
        site.source(site.service())
