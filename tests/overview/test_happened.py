"""What changed on a site lately, as one list."""

from ops.alerts.changes import AlertChange, Kind
from ops.overview.happened import VersionChange, happened, version_changes
from ops.versions.history import History, Period
from ops.vocabulary.timerange import HOUR, MINUTE
from tests.alerts.making import NOON

START = NOON - HOUR


def ran(*periods: tuple[str, str, int, int]) -> History:
    """Instances and versions, in minutes after the start."""
    found = tuple(Period(i, v, START + a * MINUTE, START + b * MINUTE) for i, v, a, b in periods)
    return History(START, NOON, MINUTE, found)


def test_another_version_is_a_change() -> None:
    history = ran(("a", "1.2.0", 0, 30), ("a", "1.3.0", 30, 60), ("b", "1.2.0", 0, 60))
    [change] = version_changes("petstore", history)
    assert change.at == START + 30 * MINUTE
    assert change.version == VersionChange("petstore", ("1.3.0",), ("1.2.0",))


def test_what_runs_from_the_start_on_is_none() -> None:
    history = ran(("a", "1.2.0", 0, 60), ("b", "1.3.0", 0, 60))
    assert list(version_changes("petstore", history)) == []


def test_changes_of_every_kind_are_the_newest_first() -> None:
    history = ran(("a", "1.2.0", 0, 30), ("a", "1.3.0", 30, 60))
    fired = [AlertChange(START + minute * MINUTE, Kind.FIRING, "Slow") for minute in (-5, 20, 40)]
    found = happened(fired, (), {"petstore": history}, START, NOON)
    assert [(each.at - START) // MINUTE for each in found] == [40, 30, 20]
    assert [bool(each.version) for each in found] == [False, True, False]
