"""What a watcher remembers of versions, and what it is good for."""

from dataclasses import replace

import pytest

from ops.actor import Actor
from ops.database import in_database
from ops.sites import Site, sites
from ops.versions.actions import VERSIONS, State, list_versions, show_versions
from ops.versions.history import History
from ops.versions.history import Period as Ran
from ops.versions.models import VersionPeriod
from ops.versions.rollout import InstanceVersion, ServiceVersions
from ops.versions.watching import VersionHistory, stored
from ops.vocabulary import timerange
from ops.vocabulary.timerange import HOUR, MINUTE, SECOND
from ops.watch.picture import Picture, SourceAnswer, pictures
from tests.alerts.making import NOON
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus

pytestmark = pytest.mark.django_db(transaction=True)
BUILD = "petstore_build_info"
SITE = f"""
[sites.production]
prometheus = {{{{ name = "main", url = "{{url}}" }}}}
[sites.production.services.petstore]
version = "{BUILD}"
"""
Answer = tuple[ServiceVersions, ...]


@pytest.fixture
def site(site_file: SiteFile, prometheus: FakePrometheus) -> Site:
    site_file(SITE.format(url=prometheus.url))
    return sites().site("production")


def running(*versions: str) -> Answer:
    """One service whose instances run these versions."""
    instances = [InstanceVersion(f"petstore-{n}", v) for n, v in enumerate(versions, start=1)]
    return (ServiceVersions("production", "petstore", tuple(instances), len(instances)),)


def seen(answer: Answer | None, at: int) -> Picture[Answer]:
    """A picture of the only source at a moment."""
    known: SourceAnswer[Answer] = SourceAnswer(answer, at) if answer else SourceAnswer(error="away")
    return Picture("production", "versions", 1, 1, at, {"main": known})


class Remembering:
    def __init__(self, site: Site) -> None:
        self.history = VersionHistory(site, lambda: self.clock)
        self.history.resume()
        self.clock = 0

    def sees(self, answer: Answer | None, at: int) -> int:
        self.clock = at
        found = self.history.changes(seen(answer, at))
        for each in found:
            each.write()
        return sum(map(len, found))


def periods() -> list[tuple[str, str, int, int | None]]:
    """Instance, version, and minutes from noon of each period."""
    return [
        (
            row.instance,
            row.version,
            (row.start - NOON) // MINUTE,
            row.end and (row.end - NOON) // MINUTE,
        )
        for row in VersionPeriod.objects.order_by("start", "instance")
    ]


def test_a_rollout_is_remembered_instance_by_instance(site: Site) -> None:
    watcher = Remembering(site)
    assert watcher.sees(running("1.2.0", "1.2.0"), NOON) == 2
    assert watcher.sees(running("1.2.0", "1.2.0"), NOON + MINUTE) == 0
    assert watcher.sees(running("1.2.0", "1.3.0"), NOON + 2 * MINUTE) == 1
    assert watcher.sees(running("1.2.0", "1.3.0"), NOON + 4 * MINUTE) == 1
    assert periods() == [
        ("petstore-1", "1.2.0", 0, None),
        ("petstore-2", "1.2.0", 0, 2),
        ("petstore-2", "1.3.0", 2, None),
    ]


def test_a_scrape_that_fails_and_a_source_that_is_away_end_nothing(site: Site) -> None:
    watcher = Remembering(site)
    watcher.sees(running("1.2.0"), NOON)
    watcher.sees(running(""), NOON + MINUTE)
    watcher.sees(running("1.2.0"), NOON + MINUTE + 30 * SECOND)
    watcher.sees(None, NOON + 60 * MINUTE)
    unknown = (replace(running("1.2.0")[0], instances=(), problem="the query is wrong"),)
    watcher.sees(unknown, NOON + 70 * MINUTE)
    assert periods() == [("petstore-1", "1.2.0", 0, None)]


def test_the_versions_of_a_service_that_is_no_longer_in_the_site_file_end(site: Site) -> None:
    Remembering(site).sees(running("1.0"), NOON)
    later = Remembering(replace(site, services={}))
    later.sees((), NOON + MINUTE)
    later.sees((), NOON + 3 * MINUTE)
    assert [end for *_, end in periods()] == [1]


def test_what_is_remembered_goes_further_back_than_prometheus(site: Site) -> None:
    watcher = Remembering(site)
    watcher.sees(running("1.1.0"), NOON - 50 * HOUR)
    watcher.sees(running("1.2.0"), NOON - 40 * HOUR)
    watcher.sees(running("1.2.0"), NOON - 39 * HOUR)
    own = stored("production", site.services.values(), NOON)["petstore"]
    recent = History(NOON - 3 * HOUR, NOON, MINUTE, (
        Ran("petstore-1", "1.2.0", NOON - 3 * HOUR, NOON),
    ))  # fmt: skip
    whole = recent.after(own)
    assert whole.first_seen("1.2.0") == NOON - 40 * HOUR
    assert [(each.version, each.start - NOON) for each in whole.periods] == [
        ("1.1.0", -50 * HOUR),
        ("1.2.0", -40 * HOUR),
    ]
    cut = whole.recent(NOON - 3 * HOUR)
    assert [each.version for each in cut.periods] == ["1.2.0"]
    assert cut.first_seen("1.2.0") == NOON - 40 * HOUR


def test_of_its_own_hours_prometheus_knows_best(site: Site) -> None:
    watcher = Remembering(site)
    watcher.sees(running("1.1.0"), NOON - 5 * HOUR)
    watcher.sees(running("1.2.0"), NOON - 4 * HOUR)  # and then the watcher stops
    own = stored("production", site.services.values(), NOON)["petstore"]
    recent = History(NOON - 3 * HOUR, NOON, MINUTE, (
        Ran("petstore-1", "1.3.0", NOON - 2 * HOUR, NOON),
    ))  # fmt: skip

    whole = recent.after(own)

    assert [(each.version, each.start - NOON, each.end - NOON) for each in whole.periods] == [
        ("1.1.0", -5 * HOUR, -4 * HOUR),
        ("1.2.0", -4 * HOUR, -2 * HOUR),
        ("1.3.0", -2 * HOUR, 0),
    ]


def test_a_version_that_came_back_keeps_when_it_was_first_seen() -> None:
    back = History(NOON, NOON + 10 * HOUR, MINUTE, (
        Ran("a", "1.2.0", NOON + HOUR, NOON + 2 * HOUR),
        Ran("a", "1.3.0", NOON + 2 * HOUR, NOON + 9 * HOUR),
        Ran("a", "1.2.0", NOON + 9 * HOUR, NOON + 10 * HOUR),
    ))  # fmt: skip
    cut = back.recent(NOON + 8 * HOUR)
    assert cut.first_seen("1.2.0") == NOON + HOUR
    assert cut.first_seen("1.3.0") == NOON + 2 * HOUR


async def test_readers_ask_the_picture(
    site: Site, viewer: Actor, prometheus: FakePrometheus
) -> None:
    now = timerange.now_ns()
    pictures.publish(seen(running("1.2.0", "1.3.0"), now))
    [found] = await list_versions(viewer)
    assert [each.version for each in found.instances] == ["1.2.0", "1.3.0"]
    assert (await show_versions(viewer, service="petstore")).instances == found.instances
    assert prometheus.paths == []


async def test_a_source_that_does_not_answer_is_said(
    site: Site, viewer: Actor, prometheus: FakePrometheus
) -> None:
    now = timerange.now_ns()
    old = SourceAnswer(running("1.2.0"), now - HOUR, "main did not answer", now - HOUR)
    pictures.publish(replace(seen(None, now), sources={"main": old}))
    [found] = await list_versions(viewer)
    assert (found.problem, found.instances) == ("main did not answer", ())
    assert prometheus.paths == []


async def test_a_poll_reads_the_stored_past(site: Site, prometheus: FakePrometheus) -> None:
    now = timerange.now_ns()
    labels = {"job": "petstore", "instance": "petstore-1", "version": "1.2.0"}
    prometheus.says(BUILD, (labels, 1))
    moments = range(now // SECOND - 10_800, now // SECOND, 30)
    prometheus.ranges[BUILD] = [{"metric": labels, "values": [[at, "1"] for at in moments]}]
    watcher = await in_database(Remembering, site)
    await in_database(watcher.sees, running("1.1.0"), now - 50 * HOUR)
    await in_database(watcher.sees, running("1.2.0"), now - 40 * HOUR)
    await in_database(watcher.sees, running("1.2.0"), now - 39 * HOUR)
    [found] = await VERSIONS.poll(site, "main", None)
    assert (found.rollout.state, found.rollout.previous) == (State.STEADY, "1.1.0")
    assert abs(found.rollout.since - (now - 40 * HOUR)) < MINUTE
