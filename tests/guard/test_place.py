"""Where something would happen is known before the permission, and is in the refusal's row."""

from typing import Any

import pytest

from ops import guard
from ops.actor import Actor
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import NotPermitted
from ops.guard.permission import place_of
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.filters import TraceQuery
from tests.conftest import SiteFile

SITES = """
default_site = "production"

[sites.production]
default_service = "petstore"

[sites.production.services.petstore]

[sites.production.services.store]

[sites.staging.services.shop]

[sites.staging.services.cart]
"""


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({}, ""),
        ({"user": "olga"}, ""),
        ({"service": "petstore"}, ""),
        ({"site": ""}, "production"),
        ({"site": "staging"}, "staging"),
        ({"site": "", "service": ""}, "production/petstore"),
        ({"site": "", "service": "store"}, "production/store"),
        ({"site": "staging", "service": ""}, "staging"),
        ({"site": "staging", "service": "shop"}, "staging/shop"),
        ({"site": "nowhere", "service": "shop"}, "nowhere/shop"),
        ({"query": TraceQuery(service="store")}, "production/store"),
        ({"query": TraceQuery(site="staging", service="jaegers-own")}, "staging/jaegers-own"),
        ({"filter": AlertFilter(site="staging")}, "staging"),
        ({"site": "x" * 1_000_000, "service": "y" * 1_000_000}, f"{'x' * 63}/{'y' * 63}"),
        ({"site": 7, "service": ["shop"]}, "7/['shop']"),
    ],
)
def test_it_is_found_in_the_arguments(
    site_file: SiteFile, arguments: dict[str, Any], place: str
) -> None:
    site_file(SITES)
    assert place_of(arguments) == place


@pytest.mark.django_db(transaction=True)
async def test_a_refusal_is_found_by_it(viewer: Actor, site_file: SiteFile) -> None:
    site_file(SITES)
    with pytest.raises(NotPermitted):
        await guard.check(viewer, "sampling.change_policy", site="staging", service="cart")
    assert (await in_database(AuditEntry.objects.get)).target == "staging/cart"
