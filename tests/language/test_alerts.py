"""What people type about alerts, and the line that it means."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.alerts import list_alerts
from ops.errors import InvalidInput
from ops.language.alert_words import UnknownWord
from ops.language.alerts import read_alerts
from ops.language.names import Names
from ops.language.strict import exact_alerts
from ops.vocabulary.alert_filters import parse_filter
from ops.vocabulary.quoting import in_quotes
from tests.language.known import CLOCK, NAMES, PRODUCTION, STAGING

LINES = [
    ("critical alerts", "critical"),
    ("alerts for petstore", "petstore"),
    ("any critical alerts for petstroe in the last hour?", "petstore critical last=1h"),
    ("what's firing", "firing"),
    ("is petstore on fire?", "petstore firing"),
    ("alerts now", ""),
    ("last hour", "last=1h"),
    ("since 10:00", "since=2026-11-30T10:00+01:00"),
    ("pet.store.v1 warnings", "petstore warning"),
    ("criticals", "critical"),
    ("page or critical", "page critical"),
    ("queue deep", "QueueDeep"),
    ("please QUEUEDEEP", "QueueDeep"),
    ("slowrequest firing", "SlowRequests firing"),
    ("not critical", 'severity!="critical"'),
    ("except QueueDeep", 'alertname!="QueueDeep"'),
    ("not firing", "pending"),
    ("in staging", "site=staging"),
    ("critical in prod", "critical site=production"),
    # How long, and labels.
    ("critical firing for more than 10m", "critical firing age>10m"),
    ("firing for 10 minutes", "firing age>10m"),
    ("older than 1 h", "age>1h"),
    ("newer than 5m", "age<5m"),
    ("team store", 'team="store"'),
    ("store alerts", 'team="store"'),
    ("alerts with team", "team"),
    # Other tools.
    ("--severity critical", 'severity="critical"'),
    ("severity:critical AND state:firing", 'firing severity="critical"'),
    ('{alertname="QueueDeep",job=~"p.*"} age > 9m pls', 'alertname="QueueDeep" job=~"p.*" age>9m'),
    ("alertname:Queue*", 'alertname=~"Queue.*"'),
    ("name=QueueDeep", 'alertname="QueueDeep"'),
    ("status=firing", "firing"),
    ("service=petstore", "petstore"),
    ("env=prod critical", "critical site=production"),
    ("cluster=eu please", 'cluster="eu"'),
    ('"site"=eu please', '"site"="eu"'),
    ("please team=\u201ca \u2014 b\u201d", 'team="a \u2014 b"'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), LINES)
def test_it_reads(text: str, line: str) -> None:
    reading = read_alerts(text, NAMES, CLOCK)
    assert (reading.line, reading.left_out, reading.exact) == (line, (), False)
    assert read_alerts(line, NAMES, CLOCK).exact


@pytest.mark.parametrize(
    "line",
    [
        "",
        "petstore",
        "critical firing",
        'severity=~"page|critical" team!=store last=1h',
        'alertname="QueueDeep",job=~"pet.*" age>10m',
        "QueueDeep team state=firing",
    ],
)
def test_what_is_strict_is_read_as_it_is(line: str) -> None:
    reading = read_alerts(line, NAMES, CLOCK)
    assert (reading.line, reading.exact) == (line, True)


def test_a_strict_line_needs_no_names() -> None:
    assert exact_alerts("PetStore critical firing last=1h", ("petstore",)) is not None
    assert exact_alerts("QueueDeep", ("petstore",)) is None
    assert exact_alerts('service="petstore"', ("petstore",)) is None
    assert exact_alerts("critical please?", ()) is None


def test_words_stay_while_the_alerts_are_not_known() -> None:
    unsure = Names(
        (replace(PRODUCTION, alerts=(), labels={}, missing=frozenset({"alerts"})), STAGING)
    )
    assert read_alerts("Unknown critical", unsure, CLOCK).exact
    assert read_alerts("please: Unknown! critical=x", unsure, CLOCK).line == 'Unknown critical="x"'
    assert read_alerts("service=x Unknown", unsure, CLOCK).exact


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "alerts for foo",
            'no state, service, severity, alert or label is called "foo"; write label=',
        ),
        ("critical-foo", 'did you mean "critical"?'),
        ("Billing", 'called "Billing"'),
        ("resolved", '"resolved" is not listed; accepted: firing or pending'),
        ("alerts of yesterday", "alerts are listed as they are now"),
        ("not petstore", 'write LABEL!="VALUE"'),
        ("critical or petstore", '"or" cannot be read here'),
        ("--weird", '"--weird" is not an option here'),
        ("severity>critical", "only age takes >"),
        ('critical "a', "a quote is not closed"),
    ],
)
def test_it_refuses_with_the_accepted_form(text: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_alerts(text, NAMES, CLOCK)
    assert sentence in str(caught.value)


def test_it_says_which_word_is_unknown_and_where() -> None:
    with pytest.raises(UnknownWord) as caught:
        read_alerts("foo in staging", NAMES, CLOCK)
    assert (caught.value.word, caught.value.site) == ("foo", "staging")


def test_it_says_which_words_it_leaves_out() -> None:
    reading = read_alerts("weird critical", NAMES, CLOCK)
    assert (reading.line, reading.left_out) == ("critical", ("weird",))


@pytest.mark.parametrize("example", list_alerts.examples)
def test_every_example_of_help_is_read_as_it_is(example: str) -> None:
    assert read_alerts(example.removeprefix("alerts").strip(), NAMES, CLOCK).exact


WORDS = [word for text, _ in LINES for word in text.split()]


@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(
            st.one_of(st.sampled_from(WORDS), st.text(max_size=8), st.text().map(in_quotes)),
            max_size=12,
        ).map(" ".join),
    )
)
def test_whatever_is_typed_becomes_a_strict_line_or_is_refused(text: str) -> None:
    try:
        reading = read_alerts(text, NAMES, CLOCK)
    except InvalidInput:
        return
    parse_filter(reading.line)
    assert read_alerts(reading.line, NAMES, CLOCK).exact
