from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import InvalidInput
from ops.vocabulary.conditions import OPERATORS, Condition
from ops.vocabulary.filters import (
    DEFAULT_LIMIT,
    DEFAULT_RANGE,
    TraceQuery,
    format_query,
    parse_query,
)
from ops.vocabulary.tag_words import KEYS
from ops.vocabulary.tags import FALSE, TRUE
from ops.vocabulary.timerange import HOUR, MILLISECOND, MINUTE, NOW, SECOND, Moment, TimeRange

NOON = 1_795_521_600 * SECOND  # 2026-11-24T12:00:00Z


def test_it_reads_an_empty_line_as_the_last_hour_of_anything() -> None:
    assert parse_query("  ") == TraceQuery(range=TimeRange.last(HOUR), limit=DEFAULT_LIMIT)


def test_it_reads_every_key_in_any_order() -> None:
    query = parse_query(
        'limit=50 error max=2s trace-max=10s operation="Add Pets" http.status_code=500 '
        "last=2h site=eu trace-min=1s min=100ms service=petstore"
    )

    assert query == TraceQuery(
        site="eu",
        service="petstore",
        operation="Add Pets",
        tags=(("error", "true"), ("http.status_code", "500")),
        span_min=100 * MILLISECOND,
        span_max=2 * SECOND,
        trace_min=SECOND,
        trace_max=10 * SECOND,
        range=TimeRange.last(2 * HOUR),
        limit=50,
    )


def test_it_reads_the_older_forms_as_the_same_query() -> None:
    older = parse_query(
        "operation=AddPets start=11/24/2026-12:00:00 end=now limit=100 tags=[error,type=PTBird]"
    )

    assert older == parse_query(
        "operation=AddPets from=2026-11-24T12:00:00Z to=now limit=100 error type=PTBird"
    )


@pytest.mark.parametrize(
    ("line", "tags"),
    [
        ('key="two words"', (("key", "two words"),)),
        ('"two words"=1', (("two words", "1"),)),
        ('"min"=5', (("min", "5"),)),
        ('"a=b"=c', (("a=b", "c"),)),
        (r'say="a \"b\" \\ c"', (("say", r'a "b" \ c'),)),
        (r'path="C:\temp"', (("path", r"C:\temp"),)),
        (r"path=C:\temp", (("path", r"C:\temp"),)),
        ("url=http://x/?a=b", (("url", "http://x/?a=b"),)),
        ("empty=", (("empty", ""),)),
        ("error=false", (("error", "false"),)),
        ('"error"', (("error", "true"),)),
        ("tags=[]", ()),
        ("tags=[a , b = c ]", (("a", "true"), ("b", "c"))),
        ('tags=[a="x,]y",b]', (("a", "x,]y"), ("b", "true"))),
        ("tags=error,a=b", (("error", "true"), ("a", "b"))),
        ("tags=[a] tags=[b] c=1", (("a", "true"), ("b", "true"), ("c", "1"))),
        ("env=prod status=500 size=3", (("env", "prod"), ("status", "500"), ("size", "3"))),
        ("error=1", (("error", "1"),)),
        ("error!=true", (("error", "false"),)),
        ("error!=F", (("error", "true"),)),
        ("tags=[error!=true]", (("error", "false"),)),
        ("a!b=c a~b=c", (("a!b", "c"), ("a~b", "c"))),
        ('"a!"=b "c>"=5', (("a!", "b"), ("c>", "5"))),
        ('a="~b" c==d', (("a", "~b"), ("c", "=d"))),
    ],
)
def test_it_reads_tags(line: str, tags: tuple[tuple[str, str], ...]) -> None:
    assert parse_query(line).tags == tags


@pytest.mark.parametrize(
    ("line", "conditions"),
    [
        ("http.status_code!=200", [("http.status_code", "!=", "200")]),
        ("a>=500 a<600", [("a", ">=", "500"), ("a", "<", "600")]),
        ("a>5 b<=0.5", [("a", ">", "5"), ("b", "<=", "0.5")]),
        ('"two words"!="x y" "a>b"=~c.*', [("two words", "!=", "x y"), ("a>b", "=~", "c.*")]),
        ("a=~b a!~c=d", [("a", "=~", "b"), ("a", "!~", "c=d")]),
        ("a!=", [("a", "!=", "")]),
        ("tags=[a!=b , c>5]", [("a", "!=", "b"), ("c", ">", "5")]),
        ('tags=["a!=b" =~ "x, y"]', [("a!=b", "=~", "x, y")]),
        ('error="timeout: x"', [("error", "=", "timeout: x")]),
        ("error=", [("error", "=", "")]),
        ("error=~.*refused.*", [("error", "=~", ".*refused.*")]),
        ("error!=refused", [("error", "!=", "refused")]),
        ("span.kind!=Client", [("span.kind", "!=", "client")]),
    ],
)
def test_it_reads_conditions(line: str, conditions: list[tuple[str, str, str]]) -> None:
    query = parse_query(line)
    assert query.conditions == tuple(Condition(*each) for each in conditions)
    assert query.tags == ()


def test_it_reads_conditions_on_the_service_and_the_operation() -> None:
    query = parse_query('operation!=Health service=~"pet.*" "service"!=tag')
    assert query == TraceQuery(
        conditions=(
            Condition("operation", "!=", "Health", is_tag=False),
            Condition("service", "=~", "pet.*", is_tag=False),
            Condition("service", "!=", "tag"),
        )
    )


@pytest.mark.parametrize(
    ("line", "range"),
    [
        ("from=now-2h", TimeRange(Moment(-2 * HOUR, relative=True))),
        ("to=now-5m", TimeRange(
            Moment(-65 * MINUTE, relative=True), Moment(-5 * MINUTE, relative=True)
        )),
        ("to=2026-11-24T12:00:00Z", TimeRange(Moment(NOON - HOUR), Moment(NOON))),
        ("to=1970-01-01T00:00:10Z", TimeRange(Moment(0), Moment(10 * SECOND))),
        ("end=now+5s", TimeRange(
            Moment(5 * SECOND - HOUR, relative=True), Moment(5 * SECOND, relative=True)
        )),
        ("start=now-1h", DEFAULT_RANGE),
    ],
)  # fmt: skip
def test_it_reads_ranges(line: str, range: TimeRange) -> None:
    assert parse_query(line).range == range


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("limit=0", "limit is 0; it must be between 1 and 1500"),
        ("limit=1501", "limit is 1501; it must be between 1 and 1500"),
        ("limit=ten", 'limit is "ten"; it must be between 1 and 1500'),
        ("limit=-1", 'limit is "-1"; it must be between 1 and 1500'),
        ("limit=²", 'limit is "²"; it must be between'),
        ("min=2s max=1s", "min is 2s, which is more than max, 1s"),
        ("trace-min=1m trace-max=1s", "trace-min is 1m, which is more than trace-max, 1s"),
        ("min=5", '"5" is not a duration'),
        ("last=yesterday", '"yesterday" is not a duration'),
        ("from=yesterday", '"yesterday" is not a time'),
        ("last=1h from=now-2h", 'use either "last", or "from" and "to"'),
        ("from=now-1h start=now-1h", '"from" and "start" mean the same'),
        ("to=now end=now", '"to" and "end" mean the same'),
        ("service=a service=b", '"service" is given twice'),
        ("a=1 a=2", 'the tag "a" is given twice'),
        (" ".join(f"k{n}=v" for n in range(21)), "21 tags; the limit is 20"),
        ('""=x', "a tag has no key"),
        ("tags=[=x]", '"=x" is not a tag: write key=value'),
        ("tags=[a", 'is incomplete: write tags=[a,b=c]'),
        ("AddPets", '"AddPets" has no value: write key=value'),
        ("eror", 'did you mean "error"?'),
        ("last 15m", "write last=VALUE, with no space around ="),
        ("servise=petstore", 'unknown key "servise"; did you mean "service"?'),
        ("Limit=5", 'unknown key "Limit"; did you mean "limit"?'),
        ("trace_min=5s", 'did you mean "trace-min"? (to search for such a tag: "trace_min"=…)'),
        ('key="open', "cannot read the filter from here on: key="),
        ("a=1 =b", "cannot read the filter from here on: =b"),
        ('a="b"c', "cannot read the filter"),
        (">=500", "cannot read the filter from here on: >=500"),
        ("min>=100ms", '"min" cannot be given with >=: write min=VALUE'),
        ("tags!=[a]", '"tags" cannot be given with !=: write tags=VALUE'),
        ("service>5", '"service" is a name: compare it with = != =~ or !~'),
        ("service=a service!=b", '"service" is given twice'),
        ("servise!=a", 'did you mean "service"?'),
        ("a>b", '"b" is not a number: write a>500'),
        ("a>=1e999999", '"1e999999" is not a number'),
        ("a=~[", '"[" is not a regular expression (RE2): missing ]'),
        (f"a=~{200 * 'x'} b!~{57 * 'x'}", "have 257 characters; the limit is 256"),
        ('""!=x', "a tag has no key"),
        ("tags=[!=x]", '"!=x" is not a tag: write key=value'),
        (" ".join(f"k{n}=v k{n}!=w" for n in range(11)), "22 tags; the limit is 20"),
    ],
)  # fmt: skip
def test_it_refuses_what_cannot_be_right(line: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_query(line)
    assert sentence in str(refusal.value)


def test_it_refuses_negative_durations() -> None:
    with pytest.raises(InvalidInput, match="min and max cannot be negative"):
        TraceQuery(span_min=-1)


@pytest.mark.parametrize(
    ("line", "shortest"),
    [
        ("", ""),
        ("last=1h limit=20", ""),
        ("error=true", "error"),
        ("from=now-90m", "last=1h30m"),
        ("from=1795521600 to=now", "from=2026-11-24T12:00:00Z to=now"),
        ('service="petstore" tags=["a b"=c]', 'service=petstore "a b"=c'),
        ('"lmit"=5', '"lmit"=5'),
        ('operation!="Health" a!=b c=d e>=5', "c=d operation!=Health a!=b e>=5"),
        ('"operation"!=Health', '"operation"!=Health'),
        ("error!=true", "error=false"),
        ('operation="~x"', 'operation="~x"'),
    ],
)
def test_it_writes_the_shortest_line(line: str, shortest: str) -> None:
    assert str(parse_query(line)) == shortest


LARGEST = 2**63 - 1
bounds = st.tuples(st.integers(0, LARGEST), st.integers(0, LARGEST)).map(sorted)
moments = st.one_of(
    st.just(NOW),
    st.builds(Moment, st.integers(0, LARGEST)),
    st.builds(Moment, st.integers(-LARGEST, LARGEST), relative=st.just(True)),
)
keys = st.one_of(st.sampled_from([*KEYS, "error", "tags=[", "lmit", '"', "\\"]), st.text())
tags = st.tuples(keys.filter(bool), st.one_of(st.text(), st.sampled_from(["true", "~"]))).filter(
    lambda tag: tag[0] != "error" or tag[1].lower() in (*TRUE, *FALSE)
)
names = st.sampled_from(["!=", "!~", "=~"])
patterns = st.sampled_from(["", ".*", "a|b", "~", '"', "=x", "5.."])
texts = st.builds(Condition, keys.filter(bool), names, patterns)
numbers = st.builds(
    Condition, keys.filter(bool), st.sampled_from(OPERATORS[-4:]), st.sampled_from(["5", "-1e3"])
)
messages = st.builds(Condition, st.just("error"), st.just("="), patterns)
on_names = st.builds(Condition, st.just("operation"), names, patterns, is_tag=st.just(False))
queries = st.builds(
    lambda span, trace, **fields: TraceQuery(
        span_min=span[0], span_max=span[1], trace_min=trace[0], trace_max=trace[1], **fields
    ),
    bounds,
    bounds,
    site=st.text(),
    service=st.text(),
    operation=st.text(),
    tags=st.lists(tags, max_size=10, unique_by=lambda tag: tag[0]).map(tuple),
    conditions=st.lists(st.one_of(texts, numbers, messages, on_names), max_size=10).map(tuple),
    range=st.builds(TimeRange, moments, moments),
    limit=st.integers(1, 1500),
)


@given(queries)
def test_it_reads_back_each_query_it_writes(query: TraceQuery) -> None:
    assert parse_query(format_query(query)) == query


words = st.one_of(
    st.builds("{}{}{}".format, keys, st.sampled_from(OPERATORS), st.text(max_size=10)),
    st.builds("{}{}{}".format, keys, st.sampled_from(OPERATORS), st.sampled_from(["5", "a|b"])),
    st.builds(lambda key, value: f"{key}={value}", st.sampled_from(KEYS), st.sampled_from(
        ["1h", "now", "now-106751d23h", "5", "100ms", "99999999999", "0", "[a,b]", '"x y"']
    )),
    st.sampled_from(["error", "tags=[error, a=b]", 'x="\\\\"', "\x1c", "\u2028"]),
    st.text(max_size=10),
)  # fmt: skip


@given(st.lists(words, max_size=6).map(" ".join))
def test_parsing_then_printing_then_parsing_gives_the_same_query(line: str) -> None:
    with suppress(InvalidInput):
        query = parse_query(line)
        assert parse_query(format_query(query)) == query
