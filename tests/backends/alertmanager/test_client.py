"""What is read from an Alertmanager, and what is said of one that does not answer rightly."""

from collections.abc import AsyncIterator

import pytest

from ops.backends.alertmanager import Alertmanager
from ops.errors import BackendTimeout, BackendUnavailable
from ops.sites import AlertmanagerSource, Site
from ops.vocabulary import timerange
from ops.vocabulary.matchers import Matcher
from tests.fakes.alertmanager import EXTERNAL, FakeAlertmanager, Fault

END = "2026-11-24T15:00:00.000Z"


@pytest.fixture
async def fake() -> AsyncIterator[FakeAlertmanager]:
    async with FakeAlertmanager() as server:
        yield server


def client_of(fake: FakeAlertmanager, timeout: int) -> Alertmanager:
    source = AlertmanagerSource("main", fake.url, timeout=timeout)
    return Alertmanager(Site("production", None, (), {}, "", alertmanager=(source,)), source)


@pytest.fixture
async def client(fake: FakeAlertmanager) -> AsyncIterator[Alertmanager]:
    made = client_of(fake, timerange.MINUTE)
    yield made
    await made.close()


async def test_it_reads_alerts_and_silences(fake: FakeAlertmanager, client: Alertmanager) -> None:
    fake.has({"alertname": "A"}, "team-a", "team-b")
    fake.has({"alertname": "B"}, "team-b", silencedBy=["s1"], mutedBy=["weekends"])
    fake.silence("s1", ends=END)

    found = await client.routing()

    [a, b] = found.notifications
    assert a.labels == {"alertname": "A", **EXTERNAL}
    assert a.receivers == ("team-a", "team-b")
    assert not a.is_held_back
    assert (b.silenced_by, b.muted_by) == (("s1",), ("weekends",))
    [silence] = found.silences
    assert silence.matchers == (Matcher("alertname", "=", "Any"),)
    assert timerange.format_moment(silence.ends_at) == "2026-11-24T15:00:00Z"
    assert (silence.created_by, silence.comment) == ("olga", "known")
    assert found.unreadable == 0


async def test_ended_silences_are_left_out(fake: FakeAlertmanager, client: Alertmanager) -> None:
    # Releases before 0.34 do not know the condition, and send them.
    fake.silence("old", ends=END, status={"state": "expired"})

    assert (await client.routing()).silences == ()
    assert "GET /api/v2/silences?expired=false" in fake.paths


@pytest.mark.parametrize(
    ("is_equal", "is_regex", "operator"),
    [(True, False, "="), (False, False, "!="), (True, True, "=~"), (False, True, "!~")],
)
async def test_every_matcher_is_read(
    fake: FakeAlertmanager, client: Alertmanager, is_equal: bool, is_regex: bool, operator: str
) -> None:
    matcher = {"name": "team", "value": "pets|store", "isRegex": is_regex, "isEqual": is_equal}
    fake.silence("s1", ends=END, matchers=[matcher])

    [silence] = (await client.routing()).silences

    assert silence.matchers == (Matcher("team", operator, "pets|store"),)


async def test_what_cannot_be_read_is_counted(fake: FakeAlertmanager, client: Alertmanager) -> None:
    fake.has({"alertname": "A"}, "team-a")
    fake.alerts += [7, {"labels": {}}, {**fake.alerts[0], "labels": {"alertname": 7}}]
    fake.silence("bad", ends="soon")
    bad = {"name": "a", "value": "(", "isRegex": True, "isEqual": True}
    fake.silence("worse", ends=END, matchers=[bad])

    found = await client.routing()

    assert [each.name for each in found.notifications] == ["A"]
    assert found.silences == ()
    assert found.unreadable == 5


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.HTML, "with HTML instead of JSON"),
        (Fault.STRING, "answered 400 Bad Request: bad matcher format; check its log"),
        (Fault.MESSAGE, "answered 500 Internal Server Error: disk full; check its log"),
        (Fault.OTHER_JSON, "in a format that is not Alertmanager's; check url in"),
    ],
)
async def test_a_wrong_answer_is_one_sentence(
    fake: FakeAlertmanager, client: Alertmanager, fault: Fault, words: str
) -> None:
    fake.fault = fault

    with pytest.raises(BackendUnavailable) as caught:
        await client.routing()

    assert words in str(caught.value)
    assert str(caught.value).startswith(f"Alertmanager main of production at {fake.url} ")


async def test_silence_and_a_closed_port_are_named(
    fake: FakeAlertmanager, client: Alertmanager
) -> None:
    fake.fault = Fault.HANG
    impatient = client_of(fake, 200 * timerange.MILLISECOND)
    with pytest.raises(BackendTimeout):
        await impatient.routing()
    await impatient.close()
    await fake.stop()

    with pytest.raises(BackendUnavailable) as caught:
        await client.routing()

    assert "refused the connection" in str(caught.value)
