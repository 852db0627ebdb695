import asyncio

import pytest

from ops.actor import Actor
from ops.alerts.actions import AlertList, list_alerts
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput, NotFound, NotPermitted
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, Fault, alert

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(site_file: SiteFile, prometheus: FakePrometheus) -> None:
    site_file(f'[sites.production]\nprometheus = {{ name = "main", url = "{prometheus.url}" }}')


TWO = """
[[sites.production.prometheus]]
name = "a"
pair = "shop"
url = "{first.url}"
timeout = "{timeout}"
[[sites.production.prometheus]]
name = "b"
pair = "shop"
url = "{second.url}"
"""


@pytest.fixture
def site_of_two(site_file: SiteFile, prometheus: FakePrometheus, second: FakePrometheus) -> None:
    site_file(TWO.format(first=prometheus, second=second, timeout="1m"))


def names(found: AlertList) -> list[str]:
    return [each.name for each in found.alerts]


@pytest.mark.usefixtures("site")
async def test_it_tells_all_there_is_to_an_alert(viewer: Actor, prometheus: FakePrometheus) -> None:
    prometheus.rule(
        "QueueDeep",
        alert(
            "QueueDeep",
            value="7.33e-02",
            annotations={"summary": "depth 0.07"},
            severity="page",
        ),
    )

    found = await list_alerts(viewer)

    (only,) = found.alerts
    assert (found.site, found.sources, found.failures) == ("production", 1, ())
    assert (only.name, only.state, only.value) == ("QueueDeep", "firing", "7.33e-02")
    assert only.active_at == 1_795_469_264_568_674_523
    assert (only.severity, only.summary) == ("page", "depth 0.07")
    assert (only.sources, only.group, only.rule_health) == (("main",), "demo", "ok")
    assert found.firing == found.alerts
    assert found.pending == ()


@pytest.mark.usefixtures("site")
async def test_it_puts_the_urgent_first(viewer: Actor, prometheus: FakePrometheus) -> None:
    for name, state, severity, second in (
        ("J", "pending", "critical", 0),
        ("A", "firing", "Critical", 5),
        ("B", "firing", "page", 2),
        ("C", "firing", "page", 4),
        ("D", "firing", "error", 1),
        ("E", "firing", "warning", 1),
        ("F", "firing", "sev5", 1),
        ("G", "firing", "sev5", 1),
        ("H", "firing", "info", 0),
        ("I", "firing", "none", 0),
    ):
        active_at = f"2026-11-24T12:00:0{second}Z"
        prometheus.rule(name, alert(name, state, active_at=active_at, severity=severity))
    prometheus.rule("K", alert("K", active_at="0001-01-01T00:00:00Z", severity="page"))

    found = await list_alerts(viewer)

    assert "".join(names(found)) == "ABCKDEFGHIJ"
    assert [each.name for each in found.pending] == ["J"]
    assert len(found.firing) == 10


@pytest.mark.usefixtures("site")
async def test_it_filters_what_the_server_would_not(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("A", alert("A", severity="page", team="store"))
    prometheus.rule("B", alert("B", severity="critical"))
    prometheus.rule("C", alert("C", "pending", severity="page"))

    found = await list_alerts(viewer, filter=parse_filter('state=firing severity=~"page|x" team'))

    assert names(found) == ["A"]


@pytest.mark.usefixtures("site")
async def test_it_tells_of_broken_rules_whatever_the_filter(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("ManyToMany", health="err", error="found duplicate series")
    prometheus.rule("Fine")

    found = await list_alerts(viewer, filter=parse_filter("team=nobody"))

    (broken,) = found.broken_rules
    assert (broken.name, broken.group, broken.sources) == ("ManyToMany", "demo", ("main",))
    assert broken.error == "found duplicate series"


@pytest.mark.usefixtures("site")
async def test_it_passes_on_the_sources_warnings(viewer: Actor, prometheus: FakePrometheus) -> None:
    prometheus.warnings = ["a store did not answer"]

    (doubt,) = (await list_alerts(viewer)).doubts
    assert doubt.sentence == "main sent a partial answer: a store did not answer"


@pytest.mark.usefixtures("site")
async def test_it_arranges_many_alerts_alike(viewer: Actor, prometheus: FakePrometheus) -> None:
    prometheus.rule("Many", *(alert("Many", number=f"{n:04}") for n in range(2000)))

    found = await list_alerts(viewer)

    assert [each.labels["number"] for each in found.alerts] == [f"{n:04}" for n in range(2000)]


@pytest.mark.usefixtures("site_of_two")
async def test_it_tells_once_what_two_sources_tell_alike(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    prometheus.rule("Same", alert("Same", "pending", active_at="2026-11-24T12:00:01Z", job="x"))
    second.rule("Same", alert("Same", active_at="2026-11-24T12:00:02Z", job="x"))
    second.rule("Same", alert("Same", job="other"))
    second.rule("Same", alert("Same", job="x"), group="of another group")

    found = await list_alerts(viewer, filter=parse_filter("job=x"))

    assert [(each.sources, each.group, each.state) for each in found.alerts] == [
        (("b",), "of another group", "firing"),
        (("a", "b"), "demo", "firing"),
    ]
    assert found.alerts[1].active_at == 1_795_521_601_000_000_000


@pytest.mark.usefixtures("site")
async def test_it_arranges_once_for_all_who_ask_at_the_same_time(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("Slow", alert("Slow"))
    one, same, other = await asyncio.gather(
        list_alerts(viewer),
        list_alerts(viewer),
        list_alerts(viewer, filter=AlertFilter(states=("pending",))),
    )
    assert one is same
    assert other.alerts == ()
    assert len(prometheus.paths) == 1


@pytest.mark.usefixtures("site_of_two")
async def test_it_keeps_both_of_what_one_source_tells_twice(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    prometheus.rule("Twice", alert("Twice"), alert("Twice"))
    second.rule("Twice", alert("Twice"))

    found = await list_alerts(viewer)

    assert sorted(each.sources for each in found.alerts) == [("a",), ("a", "b")]


@pytest.mark.parametrize("fault", [Fault.INTERNAL, Fault.HANG, Fault.LOGIN_PAGE])
async def test_a_source_that_fails_does_not_hide_the_others(
    viewer: Actor,
    prometheus: FakePrometheus,
    second: FakePrometheus,
    site_file: SiteFile,
    fault: Fault,
) -> None:
    site_file(TWO.format(first=prometheus, second=second, timeout="200ms"))
    prometheus.fault = fault
    second.rule("Seen", alert("Seen"))

    found = await list_alerts(viewer)

    assert names(found) == ["Seen"]
    assert found.sources == 2
    (failure,) = found.failures
    assert failure.source == "a"
    assert failure.reason.startswith(f"Prometheus a of production at {prometheus.url}")


async def until_only_b_is_coming(viewer: Actor) -> AlertList:
    async with asyncio.timeout(30):
        while (found := await list_alerts(viewer, patience=0.01)).coming != ("b",):
            pass
    return found


@pytest.mark.usefixtures("site_of_two")
async def test_a_slow_source_does_not_keep_the_others_waiting(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    prometheus.rule("Quick", alert("Quick"))
    second.rule("Slow", alert("Slow"))
    second.fault = Fault.HANG

    at_once = await list_alerts(viewer, patience=0)
    early = await until_only_b_is_coming(viewer)

    assert (names(at_once), at_once.coming, at_once.failures) == ([], ("a", "b"), ())
    assert (names(early), early.older, early.failures) == (["Quick"], (), ())

    second.release.set()
    whole = await list_alerts(viewer)
    assert (sorted(names(whole)), whole.coming) == (["Quick", "Slow"], ())


@pytest.mark.usefixtures("site_of_two")
async def test_what_a_slow_source_last_said_stands_in_for_it(
    viewer: Actor, second: FakePrometheus
) -> None:
    second.rule("Slow", alert("Slow"))
    await list_alerts(viewer)
    second.fault = Fault.HANG

    found = await until_only_b_is_coming(viewer)

    assert (names(found), found.older) == (["Slow"], ("b",))


@pytest.mark.usefixtures("site_of_two")
async def test_it_fails_when_no_source_answers(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    prometheus.fault = Fault.INTERNAL
    second.fault = Fault.UNAVAILABLE

    with pytest.raises(BackendUnavailable) as refusal:
        await list_alerts(viewer)

    assert str(refusal.value).startswith("no Prometheus of production answered: ")
    assert prometheus.url in str(refusal.value)
    assert second.url in str(refusal.value)


async def test_it_says_of_one_source_alone_what_is_wrong_with_it(
    viewer: Actor, prometheus: FakePrometheus, site_file: SiteFile
) -> None:
    site_file(f'[sites.p.prometheus]\nname = "main"\nurl = "{prometheus.url}"\ntimeout = "100ms"')
    prometheus.fault = Fault.HANG

    with pytest.raises(BackendTimeout, match=r"^Prometheus main of p at .* did not answer within"):
        await list_alerts(viewer)


async def test_it_says_that_a_site_has_no_prometheus(viewer: Actor, site_file: SiteFile) -> None:
    site_file('[sites.p.jaeger]\naddress = "localhost:1"')

    with pytest.raises(NotFound, match='site "p" has no Prometheus, so it has no alerts'):
        await list_alerts(viewer)


@pytest.mark.usefixtures("site")
async def test_it_refuses_an_unknown_site(viewer: Actor) -> None:
    with pytest.raises(NotFound, match='there is no site "prodution"; did you mean "production"'):
        await list_alerts(viewer, filter=AlertFilter(site="prodution"))


def test_it_refuses_an_unknown_state() -> None:
    accepted = "accepted: firing, pending or inactive"
    with pytest.raises(InvalidInput, match=f'"resolved" is not a state; {accepted}'):
        AlertFilter(states=("resolved",))


@pytest.mark.usefixtures("site")
async def test_it_asks_nothing_for_a_stranger(stranger: Actor, prometheus: FakePrometheus) -> None:
    with pytest.raises(NotPermitted):
        await list_alerts(stranger)

    assert prometheus.paths == []
