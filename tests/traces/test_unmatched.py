"""What a search that found nothing asks for but no trace has."""

from collections.abc import Mapping
from typing import Any

import grpc
import pytest

from ops.actor import Actor
from ops.traces.actions import Unmatched, explain_no_match, list_traces, show_trace
from ops.vocabulary.filters import format_query, parse_query
from ops.vocabulary.timerange import MILLISECOND, MINUTE, now_ns
from tests.conftest import SiteFile
from tests.fakes.jaeger import ANY_JAEGER, RELEASES, FakeJaeger, span, trace

pytestmark = pytest.mark.django_db(transaction=True)
SITE = """
[sites.production]
default_service = "shop"
jaeger = {{ address = "{0}" }}
[sites.production.services.shop]
jaeger_name = "petstore"
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, jaeger: FakeJaeger) -> None:
    site_file(SITE.format(jaeger.address))


def add(jaeger: FakeJaeger, *tags: Mapping[str, Any], start: int = 0, **fields: Any) -> str:
    """Traces of the searched service; each has a span of another one, whose tags do not count."""
    other = span("store", "Query", tags={"elsewhere": "x"})
    begun = start or now_ns() - MINUTE
    for number, each in enumerate(tags):
        when = begun + number * MILLISECOND
        root = span("petstore", "AddPets", tags=each, start=when, children=[other], **fields)
        trace_id = jaeger.add(trace(root))
    return trace_id


async def why(actor: Actor, line: str) -> Unmatched | None:
    found = await list_traces(actor, query=parse_query(line))
    assert not found.traces
    return await explain_no_match(actor, query=found.query)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("status=error", 'None of the 20 newest traces of shop has a tag "status"; '
         "did you mean error?"),
        ("status=500", 'None of the 20 newest traces of shop has a tag "status"; '
         "did you mean http.status_code=500?"),
        ("error http.status=~5..", 'None of the 20 newest traces of shop has a tag "http.status"; '
         "did you mean http.status_code=~5..?"),
        ("elsewhere=x", 'None of the 20 newest traces of shop has a tag "elsewhere".'),
        ("type=PTBrid", "None of the 20 newest traces of shop has type=PTBrid; "
         "did you mean type=PTBird?"),
        ("http.status_code>=600", "None of the 20 newest traces of shop has "
         "http.status_code>=600; seen: 200, 500."),
        ("resource.hostname=b", "None of the 20 newest traces of shop has a tag "
         '"resource.hostname"; did you mean host.name=b?'),
        ("operation=AddPet", 'Jaeger lists no operation "AddPet" of shop; '
         "did you mean operation=AddPets?"),
        ("service=petstor", 'Jaeger lists no service "petstor"; did you mean service=petstore?'),
    ],
)  # fmt: skip
async def test_it_says_what_no_trace_has(
    viewer: Actor, jaeger: FakeJaeger, line: str, sentence: str
) -> None:
    tags = [{"http.status_code": 200, "type": "PTBird"}] * 12 + [{"http.status_code": 500}] * 12
    add(jaeger, *tags, resource={"host.name": "a"})
    unmatched = await why(viewer, line)
    assert unmatched is not None
    assert unmatched.sentence == sentence
    assert (unmatched.instead is not None) == bool(unmatched.meant)


@ANY_JAEGER
@pytest.mark.parametrize(
    "line",
    [
        "error",
        "error=false trace-min=1h",
        "http.status_code=200 type=PTBird min=1h",
        "http.status_code!=200 type!=PTCat min=1h",
        "trace-min=1h",
        "span.kind=client",
        "service=petstore operation!=Health http.status_code=200 min=1h",
    ],
)
async def test_it_says_nothing_of_what_does_occur(
    viewer: Actor, jaeger: FakeJaeger, line: str
) -> None:
    add(jaeger, {"http.status_code": 200}, {"http.status_code": 404}, {"type": "PTBird"})
    add(jaeger, {"type": "PTCat"}, error="") if "false" in line else None
    found = await list_traces(viewer, query=parse_query(line))
    assert await explain_no_match(viewer, query=found.query) is None


@pytest.mark.parametrize("release", RELEASES)
async def test_it_says_if_it_is_all_there_but_on_different_spans(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    add(jaeger, {"http.status_code": 500}, {"type": "PTBird"}, error="timeout")
    unmatched = await why(viewer, "error http.status_code=500 type!=PTCat")
    assert unmatched == Unmatched(
        "the 2 traces of shop have each of these tags, but on different spans"
    )
    add(jaeger, {"http.status_code": 500, "type": "PTBird", "error": True})
    line = "error http.status_code=500 type!=PTCat last=59m"
    if not (await list_traces(viewer, query=parse_query(line))).traces:
        assert await why(viewer, line) is None  # it failed by a tag, which this Jaeger ignores


@ANY_JAEGER
async def test_what_is_meant_finds_it(viewer: Actor, jaeger: FakeJaeger) -> None:
    wanted = add(jaeger, {"http.status_code": 500})
    unmatched = await why(viewer, "status=500 last=2h limit=7")
    assert unmatched is not None and unmatched.instead is not None
    found = await list_traces(viewer, query=unmatched.instead)
    assert [each.trace_id for each in found.traces] == [wanted]
    assert "limit=7" in format_query(unmatched.instead)


@ANY_JAEGER
async def test_it_counts_the_traces_that_it_looked_at(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger, {"a": 1})
    one = await why(viewer, "colour=blue")
    assert one is not None
    assert one.sentence == 'The only trace of shop does not have a tag "colour".'
    add(jaeger, {"a": 1}, {"a": 2})
    three = await why(viewer, "colour=blue last=59m")
    assert three is not None
    assert three.sentence == 'None of the 3 traces of shop has a tag "colour".'


@ANY_JAEGER
async def test_it_looks_at_the_time_that_was_searched(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger, {"colour": "red"})
    add(jaeger, {"shape": "round"}, start=now_ns() - 120 * MINUTE)
    unmatched = await why(viewer, "color=red from=now-3h to=now-1h")
    assert unmatched is not None
    assert unmatched.sentence == 'The only trace of shop does not have a tag "color".'
    assert await why(viewer, "colour=red from=now-9h to=now-8h") is None


@ANY_JAEGER
async def test_it_does_not_deny_what_it_has_seen(viewer: Actor, jaeger: FakeJaeger) -> None:
    """In a trace that somebody opened; it may be rare."""
    rare = add(jaeger, {"colour": "red"}, start=now_ns() - 90 * MINUTE)
    add(jaeger, *[{"shape": "round"}] * 3)
    assert await why(viewer, "colour=red") is not None
    await show_trace(viewer, trace_id=rare)
    assert await why(viewer, "colour=red last=59m") is None
    meant = await why(viewer, "color=red last=58m")
    assert meant is not None and meant.meant == "colour=red"
    add(jaeger, {"colour": "blue"})
    assert await why(viewer, "colour=red last=57m") is None
    assert await why(viewer, "colour=~r.* last=57m") is None
    assert await why(viewer, "colour=green last=57m") is not None


@ANY_JAEGER
async def test_it_says_nothing_if_jaeger_fails(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger, {"a": 1})
    found = await list_traces(viewer, query=parse_query("colour=blue"))
    jaeger.fail(grpc.StatusCode.UNAVAILABLE)
    assert await explain_no_match(viewer, query=found.query) is None


@ANY_JAEGER
async def test_it_looks_at_the_newest_of_many_in_few_calls(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    add(jaeger, *[{"text": 1_000 * "x"}] * 300)
    found = await list_traces(viewer, query=parse_query("colour=blue"))
    asked = len(jaeger.calls)
    unmatched = await explain_no_match(viewer, query=found.query)
    assert unmatched is not None
    assert unmatched.reason == 'none of the 20 newest traces of shop has a tag "colour"'
    assert len(jaeger.calls) - asked <= 7
