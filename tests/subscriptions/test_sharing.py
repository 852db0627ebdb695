"""A channel with several subscriptions, some of which select the same alerts."""

from dataclasses import replace

from ops.subscriptions.messages import Posted
from ops.subscriptions.runs import key_of
from ops.subscriptions.sharing import shared_out
from ops.subscriptions.subscription import Subscription
from ops.vocabulary.quiet_hours import parse_quiet_hours
from ops.vocabulary.timerange import MINUTE
from tests.subscriptions.making import at, fired

CRITICAL, WARNING = fired("A", 0), fired("B", 0, severity="warning")
BOTH = [CRITICAL, WARNING]
ONE = Subscription(1, 1, "production", "T1", "C1")
TWO = replace(ONE, id=2, number=2)


def test_an_alert_is_told_once() -> None:
    told = shared_out([ONE, TWO], {1: [CRITICAL], 2: BOTH}, {})
    assert told == {1: [CRITICAL], 2: [WARNING]}


def test_the_subscription_that_tells_first_tells_it() -> None:
    later = replace(ONE, minimum_age=10 * MINUTE)
    assert shared_out([later, TWO], {1: BOTH, 2: [CRITICAL]}, {})[2] == [CRITICAL]
    quiet = replace(ONE, quiet=parse_quiet_hours("22:00-07:00"))
    late = replace(TWO, minimum_age=2 * MINUTE)
    assert shared_out([quiet, late], {1: BOTH, 2: BOTH}, {}) == {1: [], 2: BOTH}


def test_a_message_that_was_posted_stays_with_its_subscription() -> None:
    """Another subscription that is made meanwhile tells of the other groups only."""
    later, key = replace(ONE, minimum_age=10 * MINUTE), key_of("A", at(0))
    posted = {1: (Posted(key, (key,), at(10)),)}
    joins = fired("A", 20, instance="new")
    told = shared_out([later, TWO], {1: [*BOTH, joins], 2: [*BOTH, joins]}, posted)
    assert told == {1: [CRITICAL, joins], 2: [WARNING]}
