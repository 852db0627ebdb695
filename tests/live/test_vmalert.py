"""A real vmalert on VictoriaMetrics: its alerts and rules on the page and over gRPC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest

from tests.live import portals, rule_servers, servers
from tests.live.conftest import signed_in
from tests.live.rule_servers import RuleServer, group, rule
from tests.live.site_alerts import NOTHING, SiteAlerts

SITES = """
[[sites.shop.prometheus]]
name = "victoria"
url = "{url}"
"""


@dataclass(frozen=True)
class Shop:
    """A vmalert, the VictoriaMetrics that it asks, and its alerts at our doors."""

    vmalert: RuleServer
    metrics: str
    alerts: SiteAlerts

    def has(self, orders: int) -> None:
        """Set how many orders are waiting."""
        write_depths(self.metrics, orders)


def write_depths(metrics: str, orders: int) -> None:
    """Write the depth of two queues into VictoriaMetrics."""
    lines = f'queue_depth{{queue="orders"}} {orders}\nqueue_depth{{queue="returns"}} 0'
    httpx.post(f"{metrics}/api/v1/import/prometheus", content=lines).raise_for_status()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("victoria")
    with (
        rule_servers.victoriametrics(folder / "metrics") as metrics,
        rule_servers.vmalert(folder / "vmalert", metrics) as vmalert,
    ):
        # It remembers for seconds that there is no such series.
        write_depths(metrics, orders=0)
        portal = portals.portal(folder, SITES.format(url=vmalert.url), OPSPORTAL_POLL_SECONDS="1")
        with portal.running("serve", folder), signed_in(portal, "olga", "operators") as person:
            yield Shop(vmalert, metrics, SiteAlerts(person, "shop"))


def test_its_alerts_are_pending_firing_recovering_and_over(shop: Shop) -> None:
    shop.vmalert.load(group("queues", rule("QueueDeep", **{"for": "1h"})))
    shop.alerts.is_headed(NOTHING)
    shop.has(7)
    shop.alerts.shows("QueueDeep", "pending", "victoria")
    shop.vmalert.load(group("queues", rule("QueueDeep", keep_firing_for="1h")))
    alert = shop.alerts.shows("QueueDeep", "firing", "victoria")
    assert (alert.value, alert.group, alert.recovering) == ("7", "queues", False)
    assert alert.labels["queue"] == "orders"
    assert shop.alerts.heading == "1 alert firing"
    page = shop.alerts.page
    assert "depth 7 of orders" in page
    assert "rule group queues of victoria" in page

    shop.has(0)
    servers.until(lambda: shop.alerts.answer.alerts[0].recovering, "it recovers")
    assert shop.alerts.heading == "1 alert firing"
    assert "recovering" in shop.alerts.page
    shop.vmalert.load(group("queues", rule("QueueDeep")))
    shop.alerts.is_headed(NOTHING)


def test_a_rule_that_was_never_evaluated_or_cannot_be_is_not_green(shop: Shop) -> None:
    queues = group("queues", rule("QueueDeep"))
    shop.vmalert.load(queues)
    shop.alerts.is_headed(NOTHING)
    half_a_day_away = f"{(datetime.now(UTC).hour + 12) % 24}h"
    rare = group("rare", rule("Rare"), interval="24h", eval_offset=half_a_day_away)
    shop.vmalert.load(queues, rare)
    heading = shop.alerts.is_doubted("NEVER_EVALUATED", "victoria")
    assert heading == f"{NOTHING} that we know of: rule Rare of victoria has never been evaluated"
    many_to_many = "queue_depth * on (job) queue_depth > 5"
    shop.vmalert.load(queues, group("broken", rule("Fragile", many_to_many)))
    heading = shop.alerts.is_doubted("BROKEN", "victoria")
    assert heading == f"{NOTHING} that we know of: rule Fragile of victoria cannot be evaluated"
    assert "1 broken rule" in shop.alerts.page
    shop.vmalert.load(queues)
    shop.alerts.is_headed(NOTHING)
