"""Values as Prometheus has them: the numbers here are promtool's own (2.42)."""

import math

import pytest

from opsportal.demo.promql import (
    Above,
    Aggregate,
    AndOn,
    Expression,
    Metric,
    Quantile,
    Quotient,
    Rate,
)
from opsportal.demo.samples import Samples, Series, labels

OK, BAD, NONE = labels({"code": "OK"}), labels({"code": "BAD"}), labels({})
COUNT = Metric("c_total")


@pytest.fixture
def samples() -> Samples:
    made = Samples()
    for name, pairs, values in (
        ("c_total", {"code": "OK"}, "10 12 15 15 20 3 4 9 9 11 14 20 21"),
        ("c_total", {"code": "BAD"}, "_ _ _ _ _ _ _ _ 0 1 1 2 2"),
        ("h_bucket", {"le": "0.1"}, "0 1 2 3 4 5 6 7 8 9 10 11 12"),
        ("h_bucket", {"le": "0.5"}, "0 2 4 6 8 10 12 14 16 18 20 22 24"),
        ("h_bucket", {"le": "+Inf"}, "0 2 4 6 8 10 12 14 16 19 22 25 28"),
    ):
        for second, value in enumerate(values.split()):
            if value != "_":
                made.add(name, pairs, float(second), float(value))
    return made


@pytest.mark.parametrize(
    ("expression", "time", "ok", "bad"),
    [
        (Rate(COUNT, 5), 10.5, 2.5, 0.25),
        (Rate(COUNT, 30), 12, 1.0763888888888888, 0.06666666666666667),
        (Rate(COUNT, 30), 10, 0.84, 0.03333333333333333),
    ],
)
def test_it_extrapolates_rates_over_resets(
    samples: Samples, expression: Rate, time: float, ok: float, bad: float
) -> None:
    assert expression.at(samples, time) == pytest.approx({OK: ok, BAD: bad})


def test_it_has_no_rate_of_a_single_value(samples: Samples) -> None:
    assert Rate(COUNT, 5).at(samples, 0) == {}


@pytest.mark.parametrize(("share", "time", "value"), [(0.5, 10, 0.18), (0.95, 12, 0.5)])
def test_it_interpolates_quantiles(
    samples: Samples, share: float, time: float, value: float
) -> None:
    quantile = Quantile(share, Aggregate("sum", Rate(Metric("h_bucket"), 5), ("le",)))
    assert quantile.at(samples, time) == pytest.approx({NONE: value})


def test_it_knows_no_quantile_of_nothing() -> None:
    idle = Samples()
    for second in (0.0, 1.0):
        for le in ("0.1", "+Inf"):
            idle.add("h_bucket", {"le": le}, second, 5.0)
    quantile = Quantile(0.95, Aggregate("sum", Rate(Metric("h_bucket"), 5), ("le",)))
    [value] = quantile.at(idle, 1).values()
    assert math.isnan(value)


def test_it_divides_compares_and_joins(samples: Samples) -> None:
    share = Quotient(
        Aggregate("sum", Rate(Metric("c_total", "code", "OK|X"), 5)),
        Aggregate("sum", Rate(COUNT, 5)),
    )
    assert share.at(samples, 12) == pytest.approx({NONE: 0.14285714285714285})
    assert Above(share, 0.14).at(samples, 12) == pytest.approx({NONE: 0.14285714285714285})
    assert Above(share, 0.15).at(samples, 12) == {}
    samples.add("up", {"job": "a", "instance": "1"}, 12, 1)
    samples.add("up", {"job": "b", "instance": "2"}, 12, 1)
    samples.add("a_build_info", {"job": "a", "instance": "1", "version": "7"}, 12, 1)
    known = Aggregate("group", Metric("a_build_info"), ("job",))
    [found] = AndOn(Metric("up"), "job", known).at(samples, 12)
    assert dict(found) == {"__name__": "up", "job": "a", "instance": "1"}


def test_it_forgets_a_value_after_five_minutes(samples: Samples) -> None:
    assert COUNT.at(samples, 312) == {
        labels({"__name__": "c_total", "code": k}): v for k, v in (("OK", 21.0), ("BAD", 2.0))
    }
    assert COUNT.at(samples, 313) == {}


def test_it_keeps_an_hour_of_values() -> None:
    samples = Samples()
    for second in range(8_000):
        samples.add("c", {}, float(second), float(second))
    [(_, series)] = samples.series("c")
    assert series.times[0] <= 8_000 - 3_660
    assert series.rate(5_000, 30) == pytest.approx(1)


VERSION = Metric("petstore_build_info")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (
            Quotient(
                Aggregate("sum", Rate(Metric("x_total", "code", "OK|NO"), 30)),
                Aggregate("sum", Rate(Metric("x_total"), 30)),
            ),
            'sum(rate(x_total{code!~"OK|NO"}[30s])) / sum(rate(x_total[30s]))',
        ),
        (
            Quantile(0.95, Aggregate("sum", Rate(Metric("x_bucket"), 30), ("le",))),
            "histogram_quantile(0.95, sum by (le) (rate(x_bucket[30s])))",
        ),
        (
            AndOn(Metric("up"), "job", Aggregate("group", VERSION, ("job",))),
            "up and on(job) group by (job) (petstore_build_info)",
        ),
        (
            Above(Aggregate("count", VERSION, ("job", "version")), 1),
            "count by (job, version) (petstore_build_info) > 1",
        ),
    ],
)
def test_it_writes_promql(expression: Expression, text: str) -> None:
    assert str(expression) == text


def test_it_keeps_an_hour_in_bounded_memory() -> None:
    series = Series()
    for second in range(3 * 3600):
        series.add(float(second), math.nan if second == 9_000 else 2.0 * second)
    assert len(series.times) == len(series.values) < 1_300
    assert series.times[0] >= 3 * 3600 - 3_660 - 300
    for moment in (7_500.0, 8_400.0, 10_700.0):
        assert series.rate(moment, 30) == pytest.approx(2.0)
    assert series.last(8_999.5) is not None and series.last(9_000.5) is None
    assert series.last(9_001.5) == 18_002.0


def test_it_ends_what_has_no_value_any_more_and_forgets_it_after_an_hour() -> None:
    samples = Samples()
    for name in ("a", "b", "mine"):
        samples.add(name, {}, 1, 7)
    samples.add("a", {}, 2, 7)
    samples.end_others(2, but="mine")
    assert [len(Metric(name).at(samples, 2)) for name in ("a", "b", "mine")] == [1, 0, 1]
    samples.add("a", {}, 3_600, 7)
    samples.end_others(3_600)
    assert len([*samples.series("b")]) == 1
    samples.add("a", {}, 3_700, 7)
    samples.end_others(3_700)
    assert [len([*samples.series(name)]) for name in ("a", "b", "mine")] == [1, 0, 1]
