"""Two real Prometheus as an HA pair: what happens to them and to their rules, page and gRPC."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from tests.live import databases, portals, rule_servers, servers
from tests.live.conftest import signed_in
from tests.live.rule_servers import Body, RuleServer, group, rule
from tests.live.site_alerts import NOTHING, SiteAlerts

A, B = "shop-a", "shop-b"
SITES = """
[[sites.shop.prometheus]]
name = "shop-a"
url = "{a}"
pair = "shop"
replica_labels = ["replica"]
[[sites.shop.prometheus]]
name = "shop-b"
url = "{b}"
pair = "shop"
replica_labels = ["replica"]
[[sites.alone.prometheus]]
name = "shop-a"
url = "{a}"
"""


@dataclass(frozen=True)
class Shop:
    """The pair and the queue that it watches, seen as a pair and one of them alone."""

    a: RuleServer
    b: RuleServer
    queue: Gauge
    database: str
    pair: SiteAlerts
    alone: SiteAlerts

    def load(self, *rules: Body) -> None:
        """Give both these rules and a watchdog, in one group."""
        for each in (self.a, self.b):
            each.load(group("queues", rule("Watchdog", "vector(1)"), *rules))

    def is_quiet_with(self, *rules: Body) -> None:
        """Start with an empty queue and these rules."""
        self.queue.set(0)
        for each in (self.a, self.b):
            servers.until(partial(is_empty, each), "the queue is empty")
        self.load(*rules)
        for each in (self.a, self.b):
            servers.until(partial(has_evaluated, each, rules), "the rules are evaluated")
        for site in (self.pair, self.alone):
            site.is_headed(NOTHING)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(query).fetchall()

    def periods(self, site: str, name: str) -> list[tuple[str, int, int | None]]:
        """State, start and end of an alert's periods."""
        return self.rows(
            'SELECT state, start, "end" FROM alerts_alertperiod '
            f"WHERE site = '{site}' AND name = '{name}' ORDER BY start"
        )


def told(source: RuleServer, path: str) -> Any:
    return httpx.get(f"{source.url}/api/v1/{path}").json()["data"]


def is_empty(source: RuleServer) -> bool:
    """Whether the newest depth of the queue that a source knows is 0."""
    found = told(source, 'query?query=queue_depth{queue="orders"} == 0')["result"]
    return bool(found)


def has_evaluated(source: RuleServer, rules: Sequence[Body]) -> bool:
    """Whether a source has these rules, and has evaluated them."""
    found = [each for one in told(source, "rules")["groups"] for each in one["rules"]]
    has = {each["name"] for each in found if each["health"] == "ok"}
    return {each["alert"] for each in rules} <= has


def active_at(source: RuleServer, name: str) -> str:
    """Since when an alert is active in a source, "" if it is not."""
    alerts = told(source, "alerts")["alerts"]
    found = (each["activeAt"] for each in alerts if each["labels"]["alertname"] == name)
    return next(found, "")


def lasts(periods: list[tuple[str, int, int | None]]) -> bool:
    """Whether there is no gap between the periods, and no end."""
    ends = [end for _, _, end in periods]
    return ends == [*(start for _, start, _ in periods[1:]), None]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, redis: str) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("pair")
    registry = CollectorRegistry()
    queue = Gauge("queue_depth", "Waiting orders.", ["queue"], registry=registry)
    queue.labels("returns").set(0)
    exposed, _ = start_http_server(0, "127.0.0.1", registry)
    target = f"127.0.0.1:{exposed.server_port}"
    with (
        rule_servers.prometheus(folder / "a", target, "a") as a,
        rule_servers.prometheus(folder / "b", target, "b") as b,
        databases.postgresql() as database,
    ):
        portal = portals.portal(
            folder,
            SITES.format(a=a.url, b=b.url),
            DATABASE_URL=database,
            REDIS_URL=redis,
            OPSPORTAL_POLL_SECONDS="1",
        )
        with portal.running("serve", folder), signed_in(portal, "olga", "operators") as person:
            pair, alone = SiteAlerts(person, "shop"), SiteAlerts(person, "alone")
            yield Shop(a, b, queue.labels("orders"), database, pair, alone)
    exposed.shutdown()
    exposed.server_close()


def test_an_alert_of_both_is_pending_firing_recovering_and_over(shop: Shop) -> None:
    shop.is_quiet_with(rule("QueueDeep", **{"for": "1h"}))
    shop.queue.set(7)
    shop.pair.shows("QueueDeep", "pending", A, B)
    assert shop.pair.heading == f"{NOTHING}, 1 pending"
    shop.load(rule("QueueDeep", keep_firing_for="1h"))
    alert = shop.pair.shows("QueueDeep", "firing", A, B)
    assert (float(alert.value), alert.group) == (7, "queues")
    assert alert.annotations["summary"] == "depth 7 of orders"
    assert "replica" not in alert.labels
    assert not alert.recovering
    shop.pair.is_headed("1 alert firing")
    page = shop.pair.page
    assert page.count("depth 7 of orders") == 1
    assert "recovering" not in page
    shop.queue.set(0)
    servers.until(lambda: shop.pair.answer.alerts[0].recovering, "it recovers")
    assert "recovering" in shop.pair.page
    shop.load(rule("QueueDeep"))
    shop.pair.is_headed(NOTHING)
    servers.until(
        lambda: all(end for _, _, end in shop.periods("shop", "QueueDeep")), "the episode ended"
    )
    pending, firing = shop.periods("shop", "QueueDeep")
    assert (pending[0], firing[0]) == ("pending", "firing")
    assert pending[2] == firing[1]


def test_a_restart_or_reload_of_a_source_ends_no_episode(shop: Shop) -> None:
    shop.is_quiet_with(rule("Restarted"))
    shop.queue.set(7)
    both = ((shop.pair, (A, B)), (shop.alone, (A,)))
    for site, sources in both:
        site.shows("Restarted", "firing", *sources)
    began = active_at(shop.a, "Restarted")

    shop.a.stop()
    for site, source, shown in (
        (shop.pair, B, f"of its pair only {B} answers"),
        (shop.alone, A, "its alerts are shown as they were"),
    ):
        assert site.is_doubted("SILENT", A) == "1 alert firing that we know of"
        site.shows("Restarted", "firing", source)
        assert f"{A} did not answer; {shown}" in site.page
    shop.a.start()
    servers.until(lambda: active_at(shop.a, "Restarted") > began, "it fires again, since later")
    for site, sources in both:
        site.shows("Restarted", "firing", *sources)

    another = rule("Another", "queue_depth > 100")
    shop.load(rule("Restarted"), another)
    servers.until(lambda: has_evaluated(shop.a, [another]), "it has read them again")
    for site, sources in both:
        site.is_headed("1 alert firing")
        site.shows("Restarted", "firing", *sources)
    assert lasts(shop.periods("shop", "Restarted"))
    assert lasts(shop.periods("alone", "Restarted"))


def test_a_rule_that_breaks_is_named_until_it_is_repaired(shop: Shop) -> None:
    broken = 'SELECT count(*) FROM alerts_ruleperiod WHERE "end" IS NULL'
    shop.is_quiet_with(rule("Fragile"))
    shop.load(rule("Fragile", "queue_depth * on (job) queue_depth > 5"))
    shop.pair.is_doubted("BROKEN", A)
    shop.pair.is_doubted("BROKEN", B)
    assert shop.pair.heading == (
        f"{NOTHING} that we know of: rule Fragile of {A} cannot be evaluated, and 1 more"
    )
    [rule_] = shop.pair.answer.broken_rules
    assert (rule_.name, sorted(rule_.sources)) == ("Fragile", [A, B])
    assert "many-to-many" in rule_.error
    page = shop.pair.page
    assert "1 broken rule" in page
    assert "many-to-many" in page
    servers.until(lambda: shop.rows(broken) == [(3,)], "each source's, and one alone")
    shop.is_quiet_with(rule("Fragile"))
    servers.until(lambda: shop.rows(broken) == [(0,)], "it is over")


def test_nothing_is_green_while_a_source_is_silent(shop: Shop) -> None:
    shop.is_quiet_with(rule("Frozen"))
    silent = f"{NOTHING} that we know of: {A} has not answered for "
    with shop.a.frozen():
        for site in (shop.pair, shop.alone):
            assert site.is_doubted("SILENT", A).startswith(silent)
        shop.queue.set(7)
        shop.pair.is_headed("1 alert firing that we know of")
        assert shop.alone.heading.startswith(silent)
        assert "0 of 1 source answered" in shop.alone.page
        shop.queue.set(0)
        answers = f"(of pair shop only {B} answers)"
        servers.until(lambda: shop.pair.heading.endswith(answers), "it is over, as one says")
        assert shop.pair.heading.startswith(silent)
        shop.queue.set(7)
        shop.pair.is_headed("1 alert firing that we know of")
    for site, sources in ((shop.pair, (A, B)), (shop.alone, (A,))):
        site.shows("Frozen", "firing", *sources)
        site.is_headed("1 alert firing")
