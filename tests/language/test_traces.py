"""What people type about traces, and the line that it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.traces import list_traces
from ops import limits
from ops.errors import InvalidInput
from ops.language.names import Names, SiteNames
from ops.language.reading import Reading
from ops.language.strict import exact_traces
from ops.language.traces import read_traces
from ops.vocabulary.filters import parse_query
from ops.vocabulary.quoting import in_quotes
from tests.language.known import CLOCK, NAMES

LINES = [
    ("show me the errors for petstore in the last hour, please", "service=petstore error last=1h"),
    ("petstore errors", "service=petstore error"),
    ("PetStroe failed requests", "service=petstore error"),
    ("of pet-store with errors!", "service=petstore error"),
    ("pet.store.v1 errors", "service=petstore error"),
    ("billing errors", "service=Billing error"),
    ("stock errors", "service=stock-service error"),
    ("LIST TRACES ERROR LAST=1H", "error last=1h"),
    ("\uff45\uff52\uff52\uff4f\uff52\uff53 petstore", "service=petstore error"),
    ("in staging with errors", "site=staging error"),
    ("prod errors", "site=production error"),
    ("lab errors", "site=staging service=lab error"),
    ("last hour", "last=1h"),
    ("in the last 30 minutes", "last=30m"),
    ("errors for petstore since 10:00", "service=petstore error from=2026-11-30T10:00+01:00"),
    # An instance is no slip of its service's name.
    ("errors on petstore-2", "service=petstore service.instance.id=petstore-2 error"),
    ("petstore 10.0.0.1:8080", "service=petstore service.instance.id=10.0.0.1:8080"),
    ("errors not on petstore-1", "service=petstore service.instance.id!=petstore-1 error"),
    # How slow, how many, which status.
    ("slow requests", "trace-min=1s"),
    ("slowest petstore", "service=petstore trace-min=1s"),
    ("slower than 2 seconds", "trace-min=2s"),
    ("requests taking longer than 1m today", "trace-min=1m from=2026-11-30T00:00+01:00"),
    ("spans over 500 ms", "min=500ms"),
    ("petstore under 100ms", "service=petstore trace-max=100ms"),
    ("between 1s and 3s", "trace-min=1s trace-max=3s"),
    ("traces > 1 s", "trace-min=1s"),
    ("duration>1s", "min=1s"),
    ("duration <= 5ms", "max=5ms"),
    ("show 5 errors of petstore", "service=petstore error limit=5"),
    ("top 10 slow", "trace-min=1s limit=10"),
    ("last 5 traces of petstore", "service=petstore limit=5"),
    ("500 errors", "http.status_code=500 error"),
    ("404s for petstore", "service=petstore http.status_code=404"),
    ("petstore with status 503", "service=petstore http.status_code=503"),
    ("successful", "error=false"),
    ("petstore without errors", "service=petstore error=false"),
    # Operations that exist.
    ("for AddPets", "operation=AddPets"),
    ("addpets errors", "operation=AddPets error"),
    # What has an ID is a tag; numbers of things that are counted are none.
    ("find trace with order id 123", "order.id=123"),
    ("petstore traces, order id: A-7", "service=petstore order.id=A-7"),
    ("order-id 123 failed", "order-id=123 error"),
    ("order id=123", "order.id=123"),
    ('customer id "ab cd"', 'customer.id="ab cd"'),
    ("request id 00f", "request.id=00f"),
    ("user 42 error", "user.id=42 error"),
    ("traces for customer #7", "customer.id=7"),
    ("first 20 traces", "limit=20"),
    ("over 100 ms", "trace-min=100ms"),
    # After a colon, or "saying", stands what the error says.
    ("error: refused", 'error=~"(?i).*refused.*"'),
    (
        "petstore errors: no pool.max left in the last hour",
        'service=petstore error=~"(?i).*no pool\\\\.max left.*" last=1h',
    ),
    ("error:refused", 'error=~"(?i).*refused.*"'),
    ("errors saying no route", 'error=~"(?i).*no route.*"'),
    ('errors with message "no route"', 'error=~"(?i).*no route.*"'),
    ("errors: petstore last 1h", "service=petstore error last=1h"),
    ("errors: show me the latest", "error"),
    ("Feed of petstore", "service=petstore operation=petstore.v1.Petstore/Feed"),
    ("GET /pets of orders", 'service=orders operation="GET /pets"'),
    ("Place", "service=orders operation=Place"),
    ('"GET /pets"', 'operation="GET /pets"'),
    ('operation "no such"', 'operation="no such"'),
    # Other tools.
    ("--error -n 5", "error limit=5"),
    ("-n 5 --service petstore --last 15m", "service=petstore last=15m limit=5"),
    ("service:petstore AND error:true", "service=petstore error"),
    ("service = petstore, error = true", "service=petstore error"),
    ('{ service.name="petstore" && status=error }', "service=petstore error"),
    (
        '{ resource.service.name="petstore" && span.http.method="GET" && duration > 500ms }',
        "service=petstore http.method=GET min=500ms",
    ),
    ('{ name="GET /pets" && kind=server }', 'operation="GET /pets" kind=server'),
    ("status=error", "error"),
    ("status=ok petstore", "service=petstore error=false"),
    ("status_code=500", "http.status_code=500"),
    ("minDuration=1s maxDuration=2s", "min=1s max=2s"),
    ("lookback=1h petstore", "service=petstore last=1h"),
    ("env=prod error", "site=production error"),
    ("env=qa error please", "env=qa error"),
    ("service=PETSTORE", "service=petstore"),
    ("limt=5 LIMIT=5", "limit=5"),
    # Comparisons, and what must not be.
    ("status_code>=500 petstore", "service=petstore http.status_code>=500"),
    ("5xx for petstore", "service=petstore http.status_code>=500"),
    ("4xx", "http.status_code>=400 http.status_code<500"),
    ("please http.status_code != 200", "http.status_code!=200"),
    ("span.http.method=~G.* please", "http.method=~G.*"),
    ("errors not from petstore", "service!=petstore error"),
    ("except AddPets", "operation!=AddPets"),
    ("operation != addpets", "operation!=AddPets"),
    # Tags.
    ("user=42 please", "user=42"),
    ("user:42 of petstore", "service=petstore user=42"),
    ('please error="no route"', 'error="no route"'),
    ('please "status"=error', '"status"=error'),
    ('please "min"=5', '"min"=5'),
    ("please tags=[error,a=b]", "tags=[error,a=b]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), LINES)
def test_it_reads(text: str, line: str) -> None:
    reading = read_traces(text, NAMES, CLOCK)
    assert (reading.line, reading.left_out, reading.exact) == (line, (), False)
    parse_query(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "error last=15m",
        "service=petstore operation=AddPets min=100ms limit=5",
        "http.status_code=500 trace-min=1s from=now-2h to=now-1h",
        "operation=NAME start=11/24/2026-13:00:00 end=now limit=10 tags=[error,a=b]",
        '"status"=error env=qa state=pending',
        "service=Billing",
        "service=unknown",
    ],
)
def test_what_is_strict_is_read_as_it_is(line: str) -> None:
    reading = read_traces(line, NAMES, CLOCK)
    assert (reading.line, reading.exact) == (line, True)


def test_a_service_may_come_first_in_a_strict_line() -> None:
    line = "service=petstore error last=15m"
    assert read_traces("petstore error last=15m", NAMES, CLOCK) == Reading(line, exact=True)
    assert exact_traces("petstore error", ("petstore",)) == Reading(
        "service=petstore error", exact=True
    )
    assert exact_traces("petstore error", ()) is None
    assert exact_traces("service=petstroe", ("petstore",)) is None


@pytest.mark.parametrize(
    "inside", ["a \u2014 b", "x\u00a0y", "\U0001f9a9", "\u05d0\u05d1", "\uff21"]
)
def test_what_is_in_quotes_stays_exactly(inside: str) -> None:
    reading = read_traces(f"please user=\u201c{inside}\u201d of petstore", NAMES, CLOCK)
    assert parse_query(reading.line).tags == (("user", inside),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("foo", '"foo" is not a service or an operation that is known; write service=foo'),
        ("errors for foo", "write service=foo, operation=foo or KEY=foo"),
        ("errors for petstrxxe", 'did you mean "petstore"?'),
        ("errors of user_42", "KEY=user_42"),
        ("petstore 123", '"123" may mean several things: write limit=123'),
        ("petstore and orders", "petstore and orders are services; give one of them"),
        ("errors or slow", 'cannot be joined by "or"'),
        ("not weird", '"not" cannot be read here'),
        ('errors of "a', "a quote is not closed"),
        ("--weird", '"--weird" is not an option here'),
        ("17B4F65B0D9F038E2A7BC5EA84309AF2", "is a trace ID"),
        ("17b4f65b0d9f", "may be part of a trace ID"),
        ("please error traceID=17b4f65b0d9f038e", 'write "show trace 17b4f65b0d9f038e"'),
        ("please limit=many", 'limit is "many"'),
        ("please min=2s max=1s", "min is 2s, which is more than max, 1s"),
        ("please site>x", "takes only ="),
        ("one two three four five petstore", "is not a service"),
    ],
)
def test_it_refuses_with_the_accepted_form(text: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_traces(text, NAMES, CLOCK)
    assert sentence in str(caught.value)


def test_it_says_which_words_it_leaves_out() -> None:
    reading = read_traces("weird petstore", NAMES, CLOCK)
    assert (reading.line, reading.left_out) == ("service=petstore", ("weird",))


def test_a_word_of_its_own_is_a_name_after_for() -> None:
    assert read_traces("search errors", NAMES, CLOCK).line == "error"
    assert read_traces("errors for search", NAMES, CLOCK).line == "service=search error"


def test_it_asks_which_of_several_names_is_meant() -> None:
    names = Names((SiteNames("s", services=("stork", "storm")),))
    with pytest.raises(InvalidInput, match="may mean several names; write one of them: stork"):
        read_traces("store errors", names, CLOCK)


def test_it_refuses_what_is_too_long_before_it_looks_into_it() -> None:
    with pytest.raises(InvalidInput, match="4,000"):
        read_traces("error " * limits.LONGEST_TEXT, NAMES, CLOCK)
    with pytest.raises(InvalidInput, match="50 words"):
        read_traces("please " * 51, NAMES, CLOCK)


@pytest.mark.parametrize("example", list_traces.examples)
def test_every_example_of_help_is_read_as_it_is(example: str) -> None:
    assert read_traces(example.removeprefix("list traces "), NAMES, CLOCK).exact


WORDS = [word for text, _ in LINES for word in text.split()]
typed = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.one_of(st.sampled_from(WORDS), st.text(max_size=8), st.text(max_size=8).map(in_quotes)),
        max_size=12,
    ).map(" ".join),
)


@given(typed)
def test_whatever_is_typed_becomes_a_strict_line_or_is_refused(text: str) -> None:
    try:
        reading = read_traces(text, NAMES, CLOCK)
    except InvalidInput:
        return
    again = read_traces(reading.line, NAMES, CLOCK)
    assert parse_query(again.line) == parse_query(reading.line)
    assert again.exact


@given(st.permutations(["show errors", "petstore slower than 2s from 10:00 limit=5"]))
def test_the_order_of_conditions_does_not_matter(parts: list[str]) -> None:
    text = " of ".join(parts) if parts[0].startswith("show") else f"of {' '.join(parts)}"
    assert parse_query(read_traces(text, NAMES, CLOCK).line).limit == 5
