"""The names of two sites, and a clock in Paris."""

from zoneinfo import ZoneInfo

from ops.language.names import Names, SiteNames
from ops.language.times import Clock
from ops.vocabulary.timerange import SECOND

PRODUCTION = SiteNames(
    "production",
    "petstore",
    services=("petstore", "orders"),
    others=("Billing", "stock-service", "search"),
    in_traces={"pet.store.v1": "petstore"},
    operations={
        "petstore": ("AddPets", "GET /pets", "petstore.v1.Petstore/Feed"),
        "orders": ("Place", "GET /pets"),
    },
    alerts=("QueueDeep", "SlowRequests"),
    severities=("critical", "page"),
    labels={"severity": ("critical", "page"), "team": ("store", "core"), "job": ("petstore",)},
    versions={"petstore": ("1.2.0", "1.3.0")},
    instances={"petstore": ("petstore-1", "petstore-2", "10.0.0.1:8080")},
)
STAGING = SiteNames("staging", services=("petstore", "lab"))
NAMES = Names((PRODUCTION, STAGING))
CLOCK = Clock(1_796_036_400 * SECOND, ZoneInfo("Europe/Paris"))  # 2026-11-30, 12:00 in Paris
