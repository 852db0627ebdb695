from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import InvalidInput
from ops.vocabulary import timerange
from ops.vocabulary.matchers import (
    KEYS,
    OPERATORS,
    STATES,
    AlertFilter,
    Matcher,
    format_filter,
    parse_filter,
    parse_matcher,
)
from tests.alerts.making import NOON, alert


@pytest.mark.parametrize(
    ("matcher", "severity", "matches"),
    [
        ('severity="page"', "page", True),
        ('severity="page"', "pager", False),
        ('severity!="page"', "critical", True),
        ('severity!="page"', "page", False),
        ('severity=~"page|critical"', "critical", True),
        ('severity=~"pag"', "page", False),
        ('severity=~"age"', "page", False),
        ('severity!~"pag."', "page", False),
        ('severity!~"pag"', "page", True),
        ("severity", "page", True),
        ('severity="page"', None, False),
        ('severity!="page"', None, True),
        ('severity=""', None, True),
        ('severity=~".*"', None, True),
        ('severity=~".+"', None, False),
        ('severity!~".+"', None, True),
        ("severity", None, False),
        ("severity", "", False),
    ],
)
def test_it_matches_as_alertmanager_does(matcher: str, severity: str | None, matches: bool) -> None:
    labels = {} if severity is None else {"severity": severity}

    assert parse_matcher(matcher).matches(alert(labels=labels)) is matches


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ("severity=page", Matcher("severity", "=", "page")),
        (" severity = two words ", Matcher("severity", "=", "two words")),
        ('severity=~"a|b"', Matcher("severity", "=~", "a|b")),
        ("severity=~a|b", Matcher("severity", "=~", "a|b")),
        ("team!=store", Matcher("team", "!=", "store")),
        ('path!~"C:\\..*"', Matcher("path", "!~", "C:\\..*")),
        ("runbook", Matcher("runbook", "!=", "")),
        ("a=b=c", Matcher("a", "=", "b=c")),
        ('"my label"="x"', Matcher("my label", "=", "x")),
        ("site=eu", Matcher("site", "=", "eu")),
        ('a="~b"', Matcher("a", "=", "~b")),
    ],
)
def test_it_reads_one_matcher(text: str, matcher: Matcher) -> None:
    assert parse_matcher(text) == matcher


@pytest.mark.parametrize("text", ["", "=x", "two words", '""', '""=x', "~a", "!a"])
def test_it_refuses_what_is_no_matcher(text: str) -> None:
    with pytest.raises(InvalidInput, match='is not a matcher: write label="value"'):
        parse_matcher(text)


@pytest.mark.parametrize("pattern", ["page|(", "(?=a)", "a{5000}", "\ud800"])
def test_it_names_a_regular_expression_that_is_none(pattern: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_matcher(f'severity=~"{pattern}"')
    assert f'"{pattern}" is not a regular expression (RE2): ' in str(refusal.value)


def test_it_matches_in_linear_time() -> None:
    slow_elsewhere = parse_matcher('payload=~"(a*)*b"')

    assert not slow_elsewhere.matches(alert(labels={"payload": "a" * 100_000}))


def test_it_reads_a_line_in_any_order() -> None:
    assert parse_filter(
        'team!=store since=2026-11-24T12:00:00Z runbook state=Firing,pending severity=~"page|x y" '
        'site=eu "site"=west'
    ) == AlertFilter(
        matchers=(
            Matcher("team", "!=", "store"),
            Matcher("runbook", "!=", ""),
            Matcher("severity", "=~", "page|x y"),
            Matcher("site", "=", "west"),
        ),
        states=("firing", "pending"),
        since=NOON,
        site="eu",
    )


def test_it_reads_an_empty_line_as_everything() -> None:
    assert parse_filter(" ") == AlertFilter()


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
        ("state!=firing", 'write "state=…"'),
        ("site", 'write "site=…" (for a label of that name, put "site" in quotes)'),
        ("since=yesterday", '"yesterday" is not a time'),
        ("stat=firing", 'unknown key "stat"; did you mean "state"? (for a label of that name:'),
        ("severity = page", "cannot read the filter from here on: = page"),
        ('severity="page', 'cannot read the filter from here on: severity="page'),
        ('severity=~"("', '"(" is not a regular expression'),
    ],
)
def test_it_refuses_a_line_that_cannot_be_right(line: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_filter(line)
    assert sentence in str(refusal.value)


def test_it_selects_by_state_and_time_and_all_matchers() -> None:
    wanted = parse_filter("state=firing since=2026-11-24T12:00:00Z severity=page team")
    page = {"severity": "page", "team": "store"}

    assert wanted.selects(alert(labels=page))
    assert not wanted.selects(alert(labels=page, state="pending"))
    assert not wanted.selects(alert(labels=page, active_at=NOON - 1))
    assert not wanted.selects(alert(labels={"severity": "page"}))
    assert AlertFilter().selects(alert(state="pending"))


def test_it_does_not_hide_an_alert_whose_time_is_not_known() -> None:
    assert AlertFilter(since=NOON).selects(alert(active_at=0))


names = st.one_of(st.sampled_from([*KEYS, "stat", "~", '"']), st.text(min_size=1))
matchers = st.one_of(
    st.builds(Matcher, names, st.sampled_from(("=", "!=")), st.one_of(st.just(""), st.text())),
    st.builds(Matcher, names, st.sampled_from(("=~", "!~")), st.sampled_from(('a"|b', "~", ""))),
)
filters = st.builds(
    AlertFilter,
    st.lists(matchers, max_size=5).map(tuple),
    st.lists(st.sampled_from(STATES), unique=True).map(tuple),
    st.integers(0, 2**63 - 1),
    st.text(),
)


@given(filters)
def test_it_reads_back_each_filter_it_writes(wanted: AlertFilter) -> None:
    assert parse_filter(format_filter(wanted)) == wanted


@given(st.text())
def test_it_reads_or_refuses_any_line(line: str) -> None:
    with suppress(InvalidInput):
        wanted = parse_filter(line)
        assert parse_filter(str(wanted)) == wanted


@given(names, st.sampled_from(OPERATORS), st.sampled_from(("page", "", "~x", "a b")))
def test_it_reads_back_each_matcher_it_writes(name: str, operator: str, value: str) -> None:
    matcher = Matcher(name, operator, value)

    assert parse_matcher(str(matcher)) == matcher
