"""Which of Alertmanager's alerts is meant by the labels of a source's alert."""

import pytest

from ops.vocabulary.notifications import Notification, Notifications

LABELS = {"alertname": "DiskFull", "job": "store"}


def known(labels: dict[str, str], *receivers: str, silenced: str = "") -> Notification:
    by = (silenced,) if silenced else ()
    return Notification({**LABELS, **labels}, receivers, silenced_by=by)


@pytest.mark.parametrize(
    ("others", "receivers"),
    [
        ([known({"cluster": "eu"}, "storage")], ("storage",)),  # an external label
        ([known({}, "exact"), known({"disk": "b"}, "other")], ("exact",)),
        (
            [known({"disk": "b", "cluster": "eu"}, "far"), known({"cluster": "eu"}, "near")],
            ("near",),
        ),
        ([known({"job": "mailer"}, "other")], None),
        ([known({"alertname": "DiskSlow"}, "other")], None),
        ([], None),
    ],
)
def test_the_alert_with_the_fewest_labels_more_is_meant(
    others: list[Notification], receivers: tuple[str, ...] | None
) -> None:
    found = Notifications(others).of(LABELS)

    assert (found and found.receivers) == receivers


def test_what_one_instance_does_not_hold_back_is_notified() -> None:
    # Another instance may not have received a silence yet, or have another alert inhibited.
    silenced, free = known({}, "a", silenced="s1"), known({}, "b")

    found = Notifications([silenced, free]).of(LABELS)
    held = Notifications([silenced, known({}, "b", silenced="s2")]).of(LABELS)

    assert found is not None
    assert held is not None
    assert not found.is_held_back
    assert found.receivers == ("a", "b")
    assert held.silenced_by == ("s1", "s2")


def test_alerts_of_one_name_are_told_apart_by_each_set_of_labels() -> None:
    by_disk = [known({"disk": str(number)}, f"team-{number}") for number in range(50)]
    found = Notifications([*by_disk, known({"host": "h"}, "hosts")])

    for number in range(50):
        one = found.of({**LABELS, "disk": str(number)})
        assert one
        assert one.receivers == (f"team-{number}",)
    host = found.of({**LABELS, "host": "h"})
    assert host
    assert host.receivers == ("hosts",)
