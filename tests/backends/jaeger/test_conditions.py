"""Searches with conditions that no Jaeger tests, against a look at every span of small stores."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ops.backends.jaeger.client import Jaeger
from ops.backends.trace_search import FoundTraces, TraceSearch
from ops.vocabulary import timerange
from ops.vocabulary.conditions import Condition
from tests.backends.conftest import HOUR, PAST, at, client
from tests.fakes.jaeger import MILLISECOND, FakeJaeger, Planned, span, trace

CODES: tuple[Any, ...] = (200, 404, "500", 503, 99.5, None)
OPERATIONS = "Health", "GetPet", "AddPets"
Meaning = Callable[[dict[str, Any]], bool]
MESSAGES = None, None, "", "connection refused", "timeout"


def code(operator: str, value: str) -> Condition:
    return Condition("http.status_code", operator, value)


def any_span(chance: random.Random) -> dict[str, Any]:
    """A span's fields, for `span`; it says its status code, or not."""
    number = chance.choice(CODES)
    return {
        "service": chance.choice(("petstore", "petstore", "store")),
        "operation": chance.choice(OPERATIONS),
        "tags": {} if number is None else {"http.status_code": number},
        "error": chance.choice(MESSAGES),
        "start": PAST - chance.randrange(1, timerange.HOUR),
        "duration": chance.randrange(1, 100) * MILLISECOND,
    }


def planned(fields: dict[str, Any], **more: Any) -> Planned:
    given = {key: value for key, value in fields.items() if key not in ("service", "operation")}
    return span(fields["service"], fields["operation"], **given, **more)


# Each condition with what it means for the fields of a span, written apart from the code.
MEANINGS: list[tuple[Condition, Meaning]] = [
    (code("!=", "200"), lambda each: each["code"] not in (None, "200")),
    (code(">=", "500"), lambda each: each["code"] in ("500", "503")),
    (code("<", "404"), lambda each: each["code"] in ("200", "99.5")),
    (code("=~", "5.."), lambda each: each["code"] in ("500", "503")),
    (code("!~", "[45].."), lambda each: each["code"] in ("200", "99.5")),
    (
        Condition("operation", "!=", "Health", is_tag=False),
        lambda each: each["operation"] != "Health",
    ),
    (
        Condition("operation", "=~", ".*Pets?", is_tag=False),
        lambda each: each["operation"] in ("GetPet", "AddPets"),
    ),
    (
        Condition("service", "!=", "petstore", is_tag=False),
        lambda each: each["service"] == "store",
    ),
    (
        Condition("error", "=~", ".*refused"),
        lambda each: each["error"] == "connection refused",
    ),
    (Condition("error", "!=", "timeout"), lambda each: each["error"] in ("", "connection refused")),
    (Condition("error", "=", "timeout"), lambda each: each["error"] == "timeout"),
    (Condition("missing", "!=", "x"), lambda each: False),
]  # fmt: skip


def matches(spans: list[dict[str, Any]], search: TraceSearch, meanings: list[Meaning]) -> list[int]:
    """When the spans of a trace start that meet a search, by looking at each."""
    found = []
    for each in spans:
        code = each["tags"].get("http.status_code")
        said = {**each, "code": code if code is None else str(code)}
        if (
            all(meaning(said) for meaning in meanings)
            and search.service in ("", each["service"])
            and search.operation in ("", each["operation"])
            and each["duration"] >= search.span_min
            and (not search.tags or each["error"] is not None)
        ):
            found.append(each["start"])
    return found


async def pages(jaeger: Jaeger, search: TraceSearch) -> list[FoundTraces]:
    found = [await jaeger.find(search)]
    while (rest := found[-1].rest) is not None:
        search = replace(search, before=rest)
        found.append(await jaeger.find(search))
    return found


@pytest.mark.parametrize("seed", range(5))
async def test_it_lists_exactly_the_newest_that_meet_every_condition(
    fake: FakeJaeger, seed: int
) -> None:
    chance = random.Random(seed)
    stored: dict[str, list[dict[str, Any]]] = {}
    for _ in range(chance.choice((3, 40, 120))):
        spans = [any_span(chance) for _ in range(chance.randrange(1, 4))]
        root, *children = spans
        made = trace(planned(root, children=[planned(each) for each in children]))
        stored[fake.add(made)] = spans
    jaeger = client(fake)
    for _ in range(6):
        chosen = chance.sample(MEANINGS, chance.choice((1, 1, 2)))
        any_service = any(each.key == "service" for each, _ in chosen) or chance.random() < 0.3
        search = replace(
            HOUR,
            service="" if any_service else "petstore",
            operation=chance.choice(("", "", "GetPet")),
            tags=(("error", "true"),) if chance.random() < 0.3 else (),
            conditions=tuple(condition for condition, _ in chosen),
            span_min=chance.choice((0, 0, 40 * MILLISECOND)),
            limit=chance.choice((1, 5, 50)),
        )
        meanings = [meaning for _, meaning in chosen]
        matching = [
            (-max(times), trace_id)
            for trace_id, spans in stored.items()
            if (times := matches(spans, search, meanings))
        ]
        found = await pages(jaeger, search)
        listed = [(-each.matched, each.trace_id) for page in found for each in page.summaries]
        assert listed == sorted(matching), search
        assert all(len(page.summaries) <= search.limit for page in found)
        assert all(len(page.summaries) <= page.fetched <= len(stored) for page in found)
        if len(found) == 1:
            asked = replace(search, tags=())  # maybe not for failed ones
            assert found[0].fetched <= sum(
                bool(matches(each, asked, [])) for each in stored.values()
            )


async def test_a_span_that_did_not_fail_says_nothing_of_an_error(fake: FakeJaeger) -> None:
    fake.add(trace(span("petstore", "A", start=at(1), tags={"error": False})))
    said = fake.add(trace(span("petstore", "A", start=at(2), tags={"error": "no disk"})))
    failed = fake.add(trace(span("petstore", "A", start=at(3), error="")))
    other = Condition("error", "!=", "timeout")
    found = await client(fake).find(replace(HOUR, conditions=(other,)))
    assert [each.trace_id for each in found.summaries] == [said, failed]


async def test_it_asks_for_the_failed_ones_where_the_server_is_known_to_understand(
    new: FakeJaeger,
) -> None:
    jaeger = client(new)
    search = replace(HOUR, tags=(("error", "true"),), conditions=(code("!=", "200"),))
    await jaeger.find(search)
    await jaeger.find(HOUR)
    await jaeger.find(replace(search, limit=3))
    first, *_, last = [call.request.query for call in new.calls if call.method == "FindTraces"]
    assert (dict(first.attributes), dict(last.attributes)) == ({}, {"error": "true"})


async def test_elasticsearch_is_asked_for_spans_that_say_something_of_an_error(
    new: FakeJaeger,
) -> None:
    refused = Condition("error", "=~", ".*refused")
    await client(new, tag_values="regex").find(replace(HOUR, conditions=(refused,)))
    assert dict(new.calls[0].request.query.attributes) == {"error": ".*"}


async def test_a_search_that_hardly_any_trace_fits_ends_after_some_and_says_so(
    new: FakeJaeger,
) -> None:
    """Following it to the end finds what there is."""
    for number in range(1, 2_000):
        tags = {"http.status_code": 500 if number == 1_990 else 200}
        new.add(trace(span("petstore", "A", start=at(number / 50), tags=tags)))
    search = replace(HOUR, service="petstore", conditions=(code("!=", "200"),))
    jaeger = client(new)
    found = await pages(jaeger, search)
    assert len(new.calls) <= 8
    assert [each.matched for page in found for each in page.summaries] == [at(39.8)]
    assert len(found) == 2
    assert all(page.fetched <= 2 * search.deepest for page in found)
    assert sum(page.fetched for page in found) == 1_999
