from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import InvalidInput
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import STATES, AlertFilter, format_filter, parse_filter
from ops.vocabulary.matchers import Matcher, parse_matchers
from ops.vocabulary.timerange import HOUR, MINUTE
from tests.alerts.making import NOON, alert
from tests.vocabulary.test_matchers import matchers, names

PAGE = Matcher("severity", "=", "page")
TEAM = Matcher("team", "!=", "store")


def test_it_reads_a_line_in_any_order() -> None:
    assert parse_filter(
        'team!=store since=2026-11-24T12:00:00Z critical state=Firing,pending severity=~"page|x y" '
        'age>10m site=eu "site"=west last=1h age<1d "Queue Deep"'
    ) == AlertFilter(
        matchers=(TEAM, Matcher("severity", "=~", "page|x y"), Matcher("site", "=", "west")),
        states=("firing", "pending"),
        since=NOON,
        site="eu",
        last=HOUR,
        older=10 * MINUTE,
        younger=24 * HOUR,
        words=("critical", "Queue Deep"),
    )


@pytest.mark.parametrize(
    "line",
    [
        'severity="page",team!="store"',
        '{severity="page",team!="store"}',
        " severity = page , team != store, ",
        '{severity="page"} {team!="store",}',
        "severity=page {team!=store}",
        '{severity="page", team!="store"',
    ],
)
def test_it_reads_the_forms_of_alertmanager(line: str) -> None:
    assert parse_filter(line) == AlertFilter((PAGE, TEAM))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('a="b\\nc\\"d\\\\e"', 'b\nc"d\\e'),
        ('a=\\"b', '"b'),
        ("{a=two words}", "two words"),
        ('{a="}"}', "}"),
        ("{a=~b{2}}", "b{2}"),
        ('{a="state=firing"}', "state=firing"),
        ("a=[b]", "[b]"),
        ("a==b", "=b"),
        ("a=", ""),
    ],
)
def test_it_reads_a_value(line: str, value: str) -> None:
    [matcher] = parse_filter(f"state=firing {line}").matchers
    assert matcher.value == value


def test_a_blank_ends_a_value_outside_of_quotes_and_braces() -> None:
    assert parse_filter("severity=page store") == AlertFilter((PAGE,), words=("store",))


def test_it_reads_an_empty_line_as_everything() -> None:
    assert parse_filter(" ") == parse_filter("{}") == AlertFilter()


def test_it_counts_a_relative_since_from_the_present() -> None:
    before = timerange.now_ns()
    since = parse_filter("since=now-1h states=firing,firing").since

    assert before <= since + timerange.HOUR <= timerange.now_ns()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("state=gone", '"gone" is not a state; accepted: firing or pending'),
        ("state=firing,inactive", "inactive alerts are not listed; use state=firing or"),
        ("state=firing states=pending", '"state" is given twice'),
        ("age>1m age>2m", '"age>" is given twice'),
        ("state!=firing", 'write "state=…"'),
        ("site", 'write "site=…" (for a label of that name, put "site" in quotes)'),
        ("last", 'write "last=…" (for a label of that name, put "last" in quotes)'),
        ("age=10m", 'write age>10m or age<10m (for a label of that name, put "age" in quotes)'),
        ("age>soon", '"soon" is not a duration'),
        ("last=0h", '"0h" is not a duration'),
        ("depth>10", "only age takes >: write age>10m, or label="),
        ("since=yesterday", '"yesterday" is not a time'),
        ("stat=firing", 'unknown key "stat"; did you mean "state"? (for a label of that name:'),
        ("{state=firing}", 'write state outside of the braces, or "state"="…", in quotes'),
        ('severity="page', 'cannot read the filter from here on: severity="page'),
        ("!severity", "cannot read the filter from here on: !severity (write label="),
        (",severity=page", "cannot read the filter from here on: ,severity"),
        ("severity=page,,team=a", "cannot read the filter from here on: ,team"),
        ("team= state=firing", 'put the value in quotes, or write team="" if it is empty'),
        ("path=~b{2}", '"path=~b{2}" is not a matcher: write label="value"'),
        ("a.b=", '"a.b=" is not a matcher'),
        ('{a="b" c="d"}', "is not a matcher"),
        ('severity=~"("', '"(" is not a regular expression'),
        ("a " * 51, "more than 50 words"),
        ("{a=b,c=d}" + " a" * 49, "more than 50 words"),
    ],
)
def test_it_refuses_a_line_that_cannot_be_right(line: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_filter(line)
    assert sentence in str(refusal.value)


def test_it_selects_by_state_and_time_and_all_matchers() -> None:
    wanted = parse_filter('state=firing since=2026-11-24T12:00:00Z severity=page team!=""')
    page = {"severity": "page", "team": "store"}

    assert wanted.selects(alert(labels=page), NOON)
    assert not wanted.selects(alert(labels=page, state="pending"), NOON)
    assert not wanted.selects(alert(labels=page, active_at=NOON - 1), NOON)
    assert not wanted.selects(alert(labels={"severity": "page"}), NOON)
    assert AlertFilter().selects(alert(state="pending"), NOON)


@pytest.mark.parametrize(
    ("line", "ages"),
    [
        ("last=1h", [0, 60]),
        ("age<1h", [0]),
        ("age>1h", [61]),
        ("age>59m age<61m", [60]),
    ],
)
def test_it_selects_by_age(line: str, ages: list[int]) -> None:
    wanted = parse_filter(line)
    aged = {minutes: alert(active_at=NOON - minutes * MINUTE) for minutes in (0, 60, 61)}

    assert [age for age, each in aged.items() if wanted.selects(each, NOON)] == ages


@pytest.mark.parametrize("line", ["since=2026-11-24T12:00:00Z", "last=1h", "age>1h", "age<1h"])
def test_it_does_not_hide_an_alert_whose_time_is_not_known(line: str) -> None:
    assert parse_filter(line).selects(alert(active_at=0), NOON)


def test_it_selects_nothing_while_a_word_has_no_meaning() -> None:
    assert not parse_filter("QueueDeep").selects(alert("QueueDeep"), NOON)


durations = st.one_of(st.just(0), st.integers(1, 2**63 - 1))
filters = st.builds(
    AlertFilter,
    st.lists(matchers, max_size=5).map(tuple),
    st.lists(st.sampled_from(STATES), unique=True).map(tuple),
    st.integers(0, 2**63 - 1),
    st.text(),
    durations,
    durations,
    durations,
    st.lists(names, max_size=3, unique=True).map(tuple),
)


@given(filters)
def test_it_reads_back_each_filter_it_writes(wanted: AlertFilter) -> None:
    assert parse_filter(format_filter(wanted)) == wanted


@given(st.lists(matchers, min_size=1, max_size=5))
def test_its_matchers_are_a_list_for_alertmanager(wanted: list[Matcher]) -> None:
    assert parse_matchers(format_filter(AlertFilter(tuple(wanted)))) == tuple(wanted)


@given(st.one_of(st.text(), st.text("ab\"\\{}=!~<>,' \n", min_size=3)))
def test_it_reads_or_refuses_any_line(line: str) -> None:
    with suppress(InvalidInput):
        wanted = parse_filter(line)
        assert parse_filter(str(wanted)) == wanted
