import asyncio
from dataclasses import replace

import pytest
from grpc import StatusCode

from ops.alerts.actions import AlertList
from ops.alerts.answers import SourceFailure
from ops.alerts.truth import Doubt, Reason
from ops.rpc.alert_pages import LARGEST, Page, alert_page, page_of
from ops.vocabulary.alerts import Alert, BrokenRule
from proto.ops import ops_pb2
from tests.alerts.making import NOON, alert
from tests.fakes import prometheus
from tests.rpc.calling import refused
from tests.rpc.conftest import Backends, Client

DEFAULT_LIMIT = 4 * 1024 * 1024  # of gRPC clients


def listed(*alerts: Alert) -> AlertList:
    return AlertList("demo", alerts, (), 2, (SourceFailure("there", "does not answer"),))


async def page_of_alerts(found: AlertList, page: Page) -> ops_pb2.AlertsResp:
    return ops_pb2.AlertsResp.FromString(await alert_page(found, page))


async def test_it_writes_a_page_once_for_all_who_ask_at_the_same_time() -> None:
    one, other = listed(alert()), listed(alert(value="2"))
    pages = await asyncio.gather(*(alert_page(found, Page()) for found in (one, one, other)))
    assert pages[0] is pages[1]
    answers = map(ops_pb2.AlertsResp.FromString, pages)
    assert [answer.alerts[0].value for answer in answers] == ["1e+00", "1e+00", "2"]


async def test_it_stays_below_what_clients_take_and_says_that_more_match() -> None:
    found = listed(*(alert(f"Alert{n}", {"text": "x" * 100_000}) for n in range(100)))
    first = await page_of_alerts(found, Page())
    assert first.ByteSize() < DEFAULT_LIMIT
    assert 30 < len(first.alerts) < 100 and first.truncated
    names, answer = [one.name for one in first.alerts], first
    while answer.next_page_token:
        request = ops_pb2.AlertsReq(page_token=answer.next_page_token)
        answer = await page_of_alerts(found, page_of(request))
        assert answer.ByteSize() < DEFAULT_LIMIT
        assert answer.failures[0].source == "there"
        names += [one.name for one in answer.alerts]
    assert names == [f"Alert{n}" for n in range(100)]
    assert not answer.truncated


async def test_it_gives_pages_of_the_size_that_is_asked_for() -> None:
    found = listed(*(alert(f"Alert{n}") for n in range(5)))
    sizes, token = [], ""
    while True:
        answer = await page_of_alerts(
            found, page_of(ops_pb2.AlertsReq(page_size=2, page_token=token))
        )
        assert not answer.truncated
        sizes.append(len(answer.alerts))
        if not (token := answer.next_page_token):
            break
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("where", ["labels", "annotations", "name"])
async def test_it_shows_an_alert_that_no_answer_could_carry_without_its_texts(where: str) -> None:
    text = "x" * LARGEST
    large = {
        "labels": replace(alert(), labels={"severity": "page", "text": text}),
        "annotations": replace(alert(), annotations={text: "1"}),
        "name": replace(alert(), name=text),
    }[where]
    answer = await page_of_alerts(listed(large, alert("Other")), Page())
    assert [one.state for one in answer.alerts] == ["firing", "firing"]
    assert answer.alerts[0].active_at == NOON
    assert "larger than a response" in answer.alerts[0].annotations["opsportal"]
    assert answer.ByteSize() < DEFAULT_LIMIT


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["FIRING"], ["Slow"]),
        (["Pending", "inactive"], ["Full"]),
        (["Inactive"], []),
        ([], ["Slow", "Full"]),
    ],
)
async def test_it_takes_states_as_programs_write_them(
    ops: Client, backends: Backends, states: list[str], expected: list[str]
) -> None:
    backends.prometheus.rule("Slow", prometheus.alert("Slow"))
    backends.prometheus.rule("Full", prometheus.alert("Full", state="pending"))
    answer = await ops.Alerts(ops_pb2.AlertsReq(states=states))
    assert [one.name for one in answer.alerts] == expected


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (
            ops_pb2.AlertsReq(page_size=-1),
            "page_size is -1; it must be 1 or more, or 0 for as many",
        ),
        (ops_pb2.AlertsReq(page_token="2"), "Send the next_page_token"),
        (ops_pb2.AlertsReq(states=["resolved"]), '"resolved" is not a state'),
    ],
)
async def test_it_refuses_a_page_that_there_is_not(
    ops: Client, backends: Backends, request_: ops_pb2.AlertsReq, sentence: str
) -> None:
    error = await refused(ops.Alerts(request_))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert sentence in (error.details() or "")


async def test_it_says_what_is_not_known() -> None:
    """Every reason has a value of its own in the contract."""
    values = ops_pb2.Doubt.DESCRIPTOR.enum_types_by_name["Reason"].values_by_name
    assert {reason.name for reason in Reason} == {*values} - {"REASON_UNSPECIFIED"}
    long = "x" * 100_000
    found = AlertList(
        "production",
        (
            alert(
                "Slow",
                native_state="Alerting (NoData)",
                recovering=True,
                fired_at=NOON,
                stale_since=NOON + 1,
            ),
        ),
        (BrokenRule("Odd", "demo", ("a", "b"), long),) * 1_000,
        1,
        (),
        doubts=tuple(Doubt(reason, "main", "words", long) for reason in Reason),
        infos=("an info",),
        watchdogs=(alert("Watchdog"), alert("Watchdog", annotations={"summary": long})),
        at=NOON,
    )
    page = await page_of_alerts(found, Page())
    assert page.ByteSize() < 1_000_000
    assert page.at == NOON
    assert page.alerts[0].native_state == "Alerting (NoData)"
    assert page.alerts[0].fingerprint == alert("Slow").fingerprint
    assert (page.alerts[0].fired_at, page.alerts[0].stale_since) == (NOON, NOON + 1)
    assert page.alerts[0].recovering
    assert list(page.alerts[0].sources) == ["prometheus"]
    assert (page.broken_rules[0].name, list(page.broken_rules[0].sources)) == ("Odd", ["a", "b"])
    assert [each.reason for each in page.not_known] == list(range(1, len(Reason) + 1))
    assert page.not_known[0].sentence.startswith("words: xxx")
    assert list(page.warnings)[-1] == "an info"
    assert [each.name for each in page.watchdogs] == ["Watchdog"]
