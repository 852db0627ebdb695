"""What changed on a site lately, as one list."""

from ops.alerts.changes import AlertChange, Kind
from ops.overview.happened import VersionChange, happened, version_changes
from ops.versions.actions import ServiceVersions
from ops.versions.history import History, Period
from ops.vocabulary.timerange import HOUR, MINUTE
from tests.alerts.making import NOON

START = NOON - HOUR


def ran(*periods: tuple[str, str, int, int]) -> ServiceVersions:
    """A service's instances and versions, in minutes after the start."""
    found = tuple(Period(i, v, START + a * MINUTE, START + b * MINUTE) for i, v, a, b in periods)
    history = History(START, NOON, MINUTE, found)
    return ServiceVersions("production", "petstore", (), 2, history=history)


def test_another_version_is_a_change() -> None:
    service = ran(("a", "1.2.0", 0, 30), ("a", "1.3.0", 30, 60), ("b", "1.2.0", 0, 60))
    [change] = version_changes(service)
    assert change.at == START + 30 * MINUTE
    assert change.version == VersionChange("petstore", ("1.3.0",), ("1.2.0",))


def test_what_runs_from_the_start_on_is_none() -> None:
    assert list(version_changes(ran(("a", "1.2.0", 0, 60), ("b", "1.3.0", 0, 60)))) == []
    assert list(version_changes(ServiceVersions("production", "petstore", (), 0))) == []


def test_changes_of_every_kind_are_the_newest_first() -> None:
    service = ran(("a", "1.2.0", 0, 30), ("a", "1.3.0", 30, 60))
    fired = [AlertChange(START + minute * MINUTE, Kind.FIRING, "Slow") for minute in (-5, 20, 40)]
    found = happened(fired, (), (service,), START)
    assert [(each.at - START) // MINUTE for each in found] == [40, 30, 20]
    assert [bool(each.version) for each in found] == [False, True, False]
