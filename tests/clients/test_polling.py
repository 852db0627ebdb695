"""When the sampler asks, and that nothing of it reaches the user's service."""

import logging
from collections.abc import Callable
from threading import Event

import pytest
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value
from opsportal_sampler import jaeger_remote
from opsportal_sampler.polling import Poller, PollError

from tests.clients.server import PATIENCE, FakeServer, rate


class FakeSource:
    """Does what the test says at each poll."""

    def __init__(self, *polls: Callable[[], bool]) -> None:
        self._polls = list(polls)
        self.polled = 0
        self.left = False
        self.suppressed: object = None

    def poll(self) -> bool:
        self.polled += 1
        self.suppressed = get_value(_SUPPRESS_INSTRUMENTATION_KEY)
        return self._polls.pop(0)() if self._polls else False

    def forked(self) -> None:
        raise NotImplementedError

    def leave(self) -> None:
        self.left = True


def fails(error: Exception) -> Callable[[], bool]:
    def poll() -> bool:
        raise error

    return poll


def latest(least: float, most: float) -> float:
    return most


def earliest(least: float, most: float) -> float:
    return least


def test_it_polls_about_once_an_interval() -> None:
    assert Poller(FakeSource(), 60, earliest).turn() == pytest.approx(54)
    assert Poller(FakeSource(), 60, latest).turn() == pytest.approx(66)


def test_it_polls_once_more_where_something_was_applied() -> None:
    source = FakeSource(lambda: True, lambda: True)
    Poller(source, 60).turn()
    assert source.polled == 2


@pytest.mark.parametrize(
    ("interval", "waits"), [(2, [4, 8, 16, 30, 30]), (60, [60, 60, 60, 60, 60])]
)
def test_it_backs_off_and_is_never_faster_than_the_interval(
    interval: float, waits: list[float]
) -> None:
    source = FakeSource(*[fails(PollError("away"))] * 5)
    poller = Poller(source, interval, earliest)
    assert [poller.turn() for _ in waits] == waits
    assert poller.turn() == pytest.approx(interval * 0.9)


def test_it_waits_as_long_as_the_server_asks() -> None:
    source = FakeSource(fails(PollError("busy", retry_after=200)))
    assert Poller(source, 2, earliest).turn() == 200


def test_it_says_once_what_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    away, odd = fails(PollError("h is away")), fails(ZeroDivisionError("odd"))
    poller = Poller(FakeSource(away, away, odd, lambda: False, away), 2)
    for _ in range(6):
        poller.turn()
    assert [record.getMessage() for record in caplog.records] == [
        "sampling stays as it is: h is away",
        "sampling stays as it is: ZeroDivisionError: odd",
        "sampling: the server answers again",
        "sampling stays as it is: h is away",
        "sampling: the server answers again",
    ]


def test_its_polls_are_not_traced() -> None:
    source = FakeSource()
    Poller(source, 2).turn()
    assert source.suppressed is True
    assert get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None


@pytest.mark.parametrize("away", [False, True])
def test_it_says_goodbye_where_somebody_hears_it(away: bool) -> None:
    polled = Event()

    def poll() -> bool:
        polled.set()
        if away:
            raise PollError("away")
        return False

    source = FakeSource(poll)
    poller = Poller(source, 3600)
    poller.start()
    assert polled.wait(PATIENCE)
    poller.stop()
    assert source.left is not away


def test_a_service_follows_its_server_until_it_is_closed(server: FakeServer) -> None:
    server.serves(rate(0.5), '"r1"')
    sampler = jaeger_remote(f"endpoint={server.url},pollingIntervalMs=100,service=shop")
    try:
        server.wait(lambda request: request.headers.get("If-None-Match") == '"r1"')
        server.serves(rate(0.1), '"r2"')
        server.wait(lambda request: request.headers.get("If-None-Match") == '"r2"')
        assert sampler.report().applied == "0.1"
    finally:
        sampler.close()


def test_nothing_is_asked_without_an_address(caplog: pytest.LogCaptureFixture) -> None:
    sampler = jaeger_remote("endpoint=localhost,initialSamplingRate=0.5")
    assert sampler.report().applied == "0.5"
    sampler.close()
    assert "endpoint must be an address" in caplog.text
