"""A strip as a picture and in words."""

from ops.alerts.history import HOLE, Stretch, Strip
from ops.vocabulary.alerts import FIRING, PENDING
from ops.vocabulary.timerange import DAY, HOUR, MINUTE
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.lanes import Mark
from opsportal.dashboard.strips import Block, picture
from tests.alerts.making import NOON

START = NOON - 6 * HOUR


def at(minutes: float) -> int:
    return START + round(minutes * MINUTE)


def strip(
    *stretches: Stretch, holes: tuple[Stretch, ...] = (), told: tuple[Stretch, ...] = ()
) -> Strip:
    return Strip(START, NOON, stretches, holes, told)


def test_blocks_are_placed_in_percent_and_named_by_what_they_are() -> None:
    drawn = picture(
        strip(
            Stretch(PENDING, at(180), at(198)),
            Stretch(FIRING, at(198), at(360)),
            holes=(Stretch(HOLE, at(0), at(36)),),
            told=(Stretch(FIRING, at(0), at(18)),),
        ),
        Clock(NOON),
    )
    assert drawn.blocks == (
        Block("hole", "0", "10"),
        Block("told firing", "0", "5"),
        Block("pending", "50", "5"),
        Block("firing", "55", "45"),
    )
    assert drawn.title == (
        "Last 6 h, UTC: firing since 09:18:00; pending 09:00:00 to 09:18:00; "
        "not watched 06:00:00 to 06:36:00; "
        "firing according to Prometheus 06:00:00 to 06:18:00"
    )
    assert drawn.ticks == (
        ("0", "06:00"), ("25", "07:30"), ("50", "09:00"), ("75", "10:30"), ("100", "12:00"),
    )  # fmt: skip


def test_many_times_are_counted() -> None:
    many = [Stretch(FIRING, at(10 * n), at(10 * n + 5)) for n in range(30)]
    title = picture(strip(*many), Clock(NOON)).title
    assert title.startswith("Last 6 h, UTC: firing 26 earlier times, 10:20:00 to 10:25:00, ")


def test_nothing_is_said_to_be_nothing() -> None:
    said = picture(strip(), Clock(NOON)).title
    assert said == "Last 6 h, UTC: neither firing nor pending"


def test_a_rollout_is_marked_and_named() -> None:
    marks = [
        Mark(at(90), "petstore started to run 1.3.0", url="/timeline/"),
        Mark(START - HOUR, "petstore started to run 1.2.0"),
    ]
    drawn = picture(strip(), Clock(NOON), marks=marks)
    assert drawn.marks == (("25.00", "petstore started to run 1.3.0 07:30:00", "/timeline/"),)
    assert drawn.title.endswith("; petstore started to run 1.3.0 at 07:30:00")


def test_days_are_named_where_there_are_many() -> None:
    week = Strip(NOON - 7 * DAY, NOON)
    assert picture(week, Clock(NOON)).ticks[0] == ("0", "17 Nov 12:00")
