"""What the action reads: periods, silent sources, acknowledgements, silences."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from ops.actor import OPSPORTAL, Actor
from ops.alerts.acknowledgements import Held, Person, take
from ops.alerts.models import AlertPeriod
from ops.database import in_database
from ops.subscriptions import actions, store
from ops.subscriptions.actions import CONSOLE, Channel, Feed, Posted, State
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import parse_filter
from ops.vocabulary.timerange import HOUR, MINUTE
from tests.alerts import past
from tests.alerts.making import alert
from tests.conftest import SiteFile
from tests.fakes.alertmanager import FakeAlertmanager
from tests.fakes.prometheus import FakePrometheus
from tests.subscriptions.making import headline

pytestmark = pytest.mark.django_db(transaction=True)
OPS = Channel("C0OPS0001", "T1", "ops", shared=False)
SITE = """
[sites.production]
watchdogs = ["Watchdog"]
[[sites.production.prometheus]]
name = "a"
url = "{prometheus.url}"
pair = "both"
[[sites.production.prometheus]]
name = "b"
url = "{prometheus.url}"
pair = "both"
[[sites.production.alertmanager]]
url = "{alertmanager.url}"
"""


@pytest.fixture
async def alertmanager(site_file: SiteFile) -> AsyncIterator[FakeAlertmanager]:
    async with FakePrometheus() as prometheus, FakeAlertmanager() as fake:
        site_file(SITE.format(prometheus=prometheus, alertmanager=fake))
        yield fake


@pytest.fixture
async def now(alertmanager: FakeAlertmanager) -> int:
    """The present, up to which somebody watches."""
    found = timerange.now_ns()
    await in_database(past.watched, found - 10 * HOUR, found + HOUR)
    return found


async def fires(name: str, start: int, end: int | None = None, **labels: str) -> None:
    one = alert(name, {"severity": "critical", **labels}, sources=("a",))
    await in_database(past.period, one, "firing", start, end)


async def wanted(*posted: Posted, **fields: Any) -> Feed:
    [subscription] = await in_database(store.in_force, "production")
    found = await actions.wanted(OPSPORTAL, posted={subscription.id: posted}, **fields)
    assert found.failed == {}
    [feed] = found.feeds
    return feed


async def test_it_wants_what_fires_and_the_filter_selects(operator: Actor, now: int) -> None:
    await fires("QueueDeep", now - 5 * MINUTE)
    await fires("Mild", now - 5 * MINUTE, severity="warning")
    await fires("Watchdog", now - 5 * MINUTE)
    await fires("Over", now - 5 * MINUTE, now - MINUTE)
    await actions.subscribe(operator, channel=OPS, filter=parse_filter('severity!="warning"'))

    [message] = (await wanted()).new
    assert headline(message) == "QueueDeep is firing (critical)"
    assert message.since == now - 5 * MINUTE


async def test_what_was_posted_follows_what_is_written_since(operator: Actor, now: int) -> None:
    await fires("QueueDeep", now - 5 * MINUTE)
    await actions.subscribe(operator, channel=OPS)
    [message] = (await wanted()).new
    posted = Posted(message.key, message.groups, now)
    await in_database(AlertPeriod.objects.update, end=now - MINUTE)

    [shown] = (await wanted(posted)).shown
    assert headline(shown) == "QueueDeep resolved after 4 min"
    assert (await wanted()).new == ()


async def test_another_text_of_an_alert_is_no_other_time(operator: Actor, now: int) -> None:
    for minute in range(9, 3, -1):
        await fires("QueueDeep", now - minute * MINUTE, now - (minute - 1) * MINUTE)
    await fires("QueueDeep", now - 3 * MINUTE)
    await actions.subscribe(operator, channel=OPS)
    [message] = (await wanted()).new
    assert message.since == now - 9 * MINUTE
    assert message.state is State.FIRING, "it does not flap"


@pytest.mark.parametrize(("silent", "state"), [(("a",), State.FIRING), (("a", "b"), State.UNKNOWN)])
async def test_an_alert_is_unknown_once_all_of_its_pair_are_silent(
    operator: Actor, now: int, silent: tuple[str, ...], state: State
) -> None:
    await fires("QueueDeep", now - 9 * MINUTE)
    for source in silent:
        await in_database(past.answered, source, now - 3 * MINUTE, None, fails=True)
    await actions.subscribe(operator, channel=OPS)
    [message] = (await wanted()).new
    assert message.state is state


async def test_an_alert_is_unknown_while_nobody_watches(
    operator: Actor, alertmanager: FakeAlertmanager
) -> None:
    now = timerange.now_ns()
    await in_database(past.watched, now - HOUR, now - 10 * MINUTE)
    await fires("QueueDeep", now - 20 * MINUTE)
    await actions.subscribe(operator, channel=OPS)
    [message] = (await wanted()).new
    assert message.state is State.UNKNOWN


async def test_it_knows_who_has_it_and_what_alertmanager_silences(
    operator: Actor, now: int, alertmanager: FakeAlertmanager
) -> None:
    await fires("QueueDeep", now - 9 * MINUTE)
    await fires("SlowRequests", now - 9 * MINUTE)
    mia, it = Person(operator.user_id, "mia"), Held("production", "QueueDeep")
    await in_database(partial(take, it, mia, until=0, note="", services=(), now=now))
    labels = {"alertname": "SlowRequests", "severity": "critical"}
    alertmanager.silence("5f1c", ends="2030-01-01T00:00:00Z")
    alertmanager.has(labels, "pets", silencedBy=["5f1c"])
    await actions.subscribe(operator, channel=OPS)
    [message] = (await wanted()).new
    assert headline(message) == "QueueDeep is firing, mia has it (critical)"


async def test_an_alertmanager_that_does_not_answer_holds_nothing_back(
    operator: Actor, now: int, alertmanager: FakeAlertmanager
) -> None:
    await fires("QueueDeep", now - 9 * MINUTE)
    await actions.subscribe(operator, channel=OPS)
    await alertmanager.stop()
    [message] = (await wanted()).new
    assert message.state is State.FIRING


async def test_a_message_that_was_posted_hours_ago_goes_on(operator: Actor, now: int) -> None:
    """It fired again and again; the first times are only read because it was posted."""
    first = now - 9 * HOUR
    for start in range(first, now - 20 * MINUTE, 20 * MINUTE):
        await fires("QueueDeep", start, start + 10 * MINUTE)
    await fires("QueueDeep", now - 16 * MINUTE)
    await actions.subscribe(operator, channel=OPS)
    [message] = (await wanted()).new
    key = f"{message.key.partition('-')[0]}-{first:x}"

    found = await wanted(Posted(key, (key,), first))
    assert found.new == ()
    assert [each.key for each in found.shown] == [key]


async def test_the_console_has_subscriptions_of_its_own(operator: Actor, now: int) -> None:
    await fires("QueueDeep", now - 5 * MINUTE)
    await actions.subscribe(operator, channel=Channel(CONSOLE, shared=False))
    assert (await actions.wanted(OPSPORTAL, posted={})).feeds == ()
    assert len((await wanted(console=True)).new) == 1
