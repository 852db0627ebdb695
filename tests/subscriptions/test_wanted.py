"""Which messages a channel should show."""

from tests.subscriptions.making import Channel, fired


def test_it_says_that_a_group_fires_and_when_it_has_resolved() -> None:
    channel = Channel()
    channel.watch(0, 30, fired("QueueDeep", 1, 13))
    assert channel.log == [
        "+ QueueDeep is firing (critical)",
        "~ QueueDeep resolved after 12 min",
    ]
    assert not channel.posted
