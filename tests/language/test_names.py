import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.language.names import Kind, Likeness, Name, Names, SiteNames

PRODUCTION = SiteNames(
    "production",
    "petstore",
    services=("petstore", "orders"),
    others=("checkout-service", "Billing"),
    in_traces={"pet.store.v1": "petstore"},
    operations={"petstore": ("petstore.v1.Petstore/AddPets", "GET /pets"), "orders": ("Place",)},
    alerts=("QueueDeep", "SlowRequests"),
    severities=("critical", "page"),
    labels={"team": ("store", "core"), "job": ("petstore",)},
)
STAGING = SiteNames("staging", services=("petstore", "lab"))
NAMES = Names((PRODUCTION, STAGING))


def found(word: str, *kinds: Kind) -> list[str]:
    return [each.name for each in NAMES.recognise(word, *kinds)]


@pytest.mark.parametrize(
    ("word", "kind", "name", "likeness"),
    [
        ("petstore", Kind.SERVICE, "petstore", Likeness.EXACT),
        ("PetStore", Kind.SERVICE, "petstore", Likeness.LETTERS),
        ("pet-store", Kind.SERVICE, "petstore", Likeness.LETTERS),
        ("pet.store.v1", Kind.SERVICE, "petstore", Likeness.EXACT),
        ("billing", Kind.SERVICE, "Billing", Likeness.LETTERS),
        ("checkout", Kind.SERVICE, "checkout-service", Likeness.PART),
        ("orders-api", Kind.SERVICE, "orders", Likeness.PART),
        ("petstroe", Kind.SERVICE, "petstore", Likeness.SLIP),
        ("petsore", Kind.SERVICE, "petstore", Likeness.SLIP),
        ("petstorre", Kind.SERVICE, "petstore", Likeness.SLIP),
        ("petsture", Kind.SERVICE, "petstore", Likeness.SLIP),
        ("queue deep", Kind.ALERT, "QueueDeep", Likeness.LETTERS),
        ("slowrequest", Kind.ALERT, "SlowRequests", Likeness.SLIP),
        ("criticals", Kind.SEVERITY, "critical", Likeness.PLURAL),
        ("AddPets", Kind.OPERATION, "petstore.v1.Petstore/AddPets", Likeness.PART),
        ("get /pets", Kind.OPERATION, "GET /pets", Likeness.LETTERS),
        ("lab", Kind.SERVICE, "lab", Likeness.EXACT),
    ],
)
def test_it_recognises(word: str, kind: Kind, name: str, likeness: Likeness) -> None:
    assert [(each.name, each.likeness) for each in NAMES.recognise(word, kind)] == [
        (name, likeness)
    ]


def test_it_says_whose_name_it_is() -> None:
    [operation] = NAMES.recognise("Place", Kind.OPERATION)
    assert operation == Name(Kind.OPERATION, "Place", "production", of="orders")
    [value] = NAMES.recognise("core", Kind.VALUE)
    assert value.of == "team"


@pytest.mark.parametrize("word", ["", "pets", "xyz", "ord", "x" * 1000, "pag"])
def test_it_does_not_recognise_what_is_unlike(word: str) -> None:
    assert found(word, Kind.SERVICE, Kind.ALERT, Kind.SEVERITY) == []


def test_the_own_site_comes_first_and_a_given_one_alone() -> None:
    assert [each.site for each in NAMES.recognise("petstore", Kind.SERVICE)] == ["production"]
    assert [each.site for each in NAMES.recognise("petstore", Kind.SERVICE, site="staging")] == [
        "staging"
    ]
    assert NAMES.recognise("orders", Kind.SERVICE, site="nowhere") == ()


def test_the_surer_likeness_counts_and_then_the_first_kind() -> None:
    names = Names((SiteNames("s", services=("storm",), alerts=("Storm", "stork")),))
    assert [each.kind for each in names.recognise("Storm", Kind.SERVICE, Kind.ALERT)] == [
        Kind.ALERT
    ]
    assert [each.kind for each in names.recognise("STORM", Kind.SERVICE, Kind.ALERT)] == [
        Kind.SERVICE
    ]


def test_it_returns_all_that_are_equally_alike() -> None:
    names = Names((SiteNames("s", services=("stork", "storm")),))
    assert {each.name for each in names.recognise("store", Kind.SERVICE)} == {"stork", "storm"}


@given(st.lists(st.text(max_size=12), max_size=5), st.text(max_size=15))
def test_it_looks_up_whatever_is_typed(known: list[str], word: str) -> None:
    names = Names((SiteNames("s", services=tuple(known), operations={"a": tuple(known)}),))
    for each in names.recognise(word, Kind.SERVICE, Kind.OPERATION):
        assert each.name in known
    for name in filter(None, known):
        assert names.recognise(name, Kind.SERVICE) == (Name(Kind.SERVICE, name, "s"),)
