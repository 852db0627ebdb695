from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import InvalidInput
from ops.vocabulary.matchers import (
    KEYS,
    OPERATORS,
    Matcher,
    exists,
    label_text,
    parse_matcher,
    parse_matchers,
    parse_name,
)
from tests.alerts.making import alert

A_B = Matcher("a", "=", "b")
C_D = Matcher("c", "=", "d")
REFUSED: Any = None
SAME: Any = "as a list"


def a(value: str, operator: str = "=") -> tuple[Matcher, ...]:
    return (Matcher("a", operator, value),)


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
        ('severity!=""', "page", True),
        ('severity="page"', None, False),
        ('severity!="page"', None, True),
        ('severity=""', None, True),
        ('severity=~".*"', None, True),
        ('severity=~".+"', None, False),
        ('severity!~".+"', None, True),
        ('severity!=""', None, False),
        ('severity!=""', "", False),
    ],
)
def test_it_matches_as_alertmanager_does(matcher: str, severity: str | None, matches: bool) -> None:
    labels = {} if severity is None else {"severity": severity}

    assert parse_matcher(matcher).matches(alert(labels=labels)) is matches


def test_it_matches_an_annotation_unless_a_label_has_its_name() -> None:
    deep = alert(labels={"team": "store"}, annotations={"summary": "depth 7", "team": "unseen"})

    assert parse_matcher('summary=~".*depth.*"').matches(deep)
    assert exists("summary").matches(deep)
    assert not parse_matcher('summary!~".*depth.*"').matches(deep)
    assert not parse_matcher("team=unseen").matches(deep)


# Each line is what Alertmanager 0.35 makes of a text in its default mode, as a list (in
# configuration files) and as one matcher (in the API): tests/live asks Alertmanager's own parsers.
@pytest.mark.parametrize(
    ("text", "as_list", "as_one"),
    [
        *((text, a("b"), SAME) for text in ("a=b", 'a="b"', ' a = "b" ', 'a\n=\n"b"')),
        *((text, (A_B, C_D), REFUSED) for text in ('{a="b",c="d"}', 'a="b", c="d",')),
        *((text, (), REFUSED) for text in ("", "{}", "{", "}")),
        *((text, a("b"), REFUSED) for text in ('{a="b"', 'a="b"}', ' {a="b"}', '{a="b"} ')),
        *((text, REFUSED, SAME) for text in ('{{a="b"}}', ',a="b"', '(a="b")', 'a="b",,c="d"')),
        *((text, REFUSED, SAME) for text in ("a", "!a", "a!b", "a~b", "a>b")),
        ("a=", a(""), SAME),
        ("a=~", a("", "=~"), SAME),
        ('a=""', a(""), SAME),
        *((text, REFUSED, SAME) for text in ('a="', 'a="b', 'a=b"', 'a="b"c"', 'a="b\\"')),
        *((text, REFUSED, SAME) for text in ('a="b" c="d"', 'a="b";c="d"', 'a="b" and c="d"')),
        ("a=b c", a("b c"), SAME),
        ("a=b=c", a("b=c"), SAME),
        ("a==b", a("=b"), SAME),
        ("a=!b", a("!b"), SAME),
        ("a= ~b", a("~b"), SAME),
        ("a='b'", a("'b'"), SAME),
        ("a=b,c", REFUSED, a("b,c")),
        ("a=b,", a("b"), a("b,")),
        ('a="b",', a("b"), SAME),
        ("a=b{2}", a("b{2"), REFUSED),
        ('a="b{2}"', a("b{2}"), SAME),
        ('a="b,c"', a("b,c"), SAME),
        ("a=[b]", a("[b]"), SAME),
        ("a=(b|c)", a("(b|c)"), SAME),
        ("a=~b|c", a("b|c", "=~"), SAME),
        ("a=~.*", a(".*", "=~"), SAME),
        ("a=é", a("é"), SAME),
        ('a="b\\nc"', a("b\nc"), SAME),
        ("a=b\\nc", a("b\nc"), SAME),
        ('a="b\nc"', a("b\nc"), SAME),
        ("a=b\nc", a("b\nc"), SAME),
        *((f'a="{text}"', a(text), SAME) for text in ("\\t", "\\x41", "\\101", "\\u00e9", "\\q")),
        ('a=~"\\u00e9"', a("é", "=~"), SAME),
        ('a=~"\\d"', a("\\d", "=~"), SAME),
        ('a=~"b\\.c"', a("b\\.c", "=~"), SAME),
        ("a=\\d", a("\\d"), SAME),
        ("a=b\\", a("b\\"), SAME),
        ('a=~"\\\\d"', a("\\d", "=~"), SAME),
        ('a="C:\\\\new"', a("C:\\new"), SAME),
        ('a="C:\\new"', a("C:\new"), SAME),
        ('a="\\""', a('"'), SAME),
        ('a=\\"b', a('"b'), SAME),
        ('"a"="b"', a("b"), SAME),
        ('"a b"="b"', (Matcher("a b", "=", "b"),), SAME),
        ('"a\\nb"="b"', (Matcher("a\nb", "=", "b"),), SAME),
        ('"\\u00e9\\x41\\101\\t"="b"', (Matcher("éAA\t", "=", "b"),), SAME),
        ('"\\U0001F600"="b"', (Matcher("\U0001f600", "=", "b"),), SAME),
        *((f'"{text}"="b"', REFUSED, SAME) for text in ("\\q", "\\ud800", "\\xff", "\\400", "a\n")),
        *(
            (f'{name}="c"', (Matcher(name, "=", "c"),), SAME)
            for name in ("a.b", "a-b", "-a", "1a", "é")
        ),
        ('""="b"', REFUSED, SAME),
        ('a\u00a0="b"', a("b"), SAME),
        ("a=\u2028", a(""), a("\u2028")),
        ('a="b",a="c"', (*a("b"), *a("c")), REFUSED),
        *((f'a=~"{text}"', REFUSED, SAME) for text in ("[", "\\C", "b|(", "(?=b)")),
        *((f'a=~"{text}"', a(text, "=~"), SAME) for text in ("(?i)b", "(?<n>b)", "(?P<n>b)")),
    ],
)
def test_it_reads_what_alertmanager_reads(
    text: str, as_list: tuple[Matcher, ...] | None, as_one: tuple[Matcher, ...] | None
) -> None:
    found = found_one = None
    with suppress(InvalidInput):
        found = parse_matchers(text)
    with suppress(InvalidInput):
        found_one = (parse_matcher(text),)

    assert found == as_list
    assert found_one == (as_list if as_one is SAME else as_one)


@pytest.mark.parametrize("text", ["", "=x", "two words", '""', '""=x', "~a", "!a", "\ud800=b"])
def test_it_names_the_form_of_a_matcher(text: str) -> None:
    with pytest.raises(InvalidInput, match='is not a matcher: write label="value"'):
        parse_matcher(text)


@pytest.mark.parametrize("pattern", ["page|(", "(?=a)", "a{5000}"])
def test_it_names_a_regular_expression_that_is_none(pattern: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_matcher(f'severity=~"{pattern}"')
    assert f'"{pattern}" is not a regular expression (RE2): ' in str(refusal.value)


def test_it_matches_in_linear_time() -> None:
    slow_elsewhere = parse_matcher('payload=~"(a*)*b"')

    assert not slow_elsewhere.matches(alert(labels={"payload": "a" * 100_000}))


def test_it_counts_before_it_compiles() -> None:
    with pytest.raises(InvalidInput, match="more than 50 words"):
        parse_matchers(",".join(["a=~b"] * 65))


def test_a_name_that_must_be_in_quotes_is_refused_without() -> None:
    assert parse_matchers('{"site"="eu"}', KEYS) == (Matcher("site", "=", "eu"),)
    with pytest.raises(InvalidInput, match='write site outside of the braces, or "site"="…"'):
        parse_matchers("{site=eu}", KEYS)


def test_it_reads_a_name() -> None:
    assert [parse_name(text) for text in ("a.b", '"two words"')] == ["a.b", "two words"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("job", "petstore", "job=petstore"),
        ("instance", "10.0.0.1:80", "instance=10.0.0.1:80"),
        ("site", "eu", '"site"=eu'),
        ("age", "", '"age"=""'),
        ("page", "two words", 'page="two words"'),
        ("stat", 'a"\n', '"stat"="a\\"\\n"'),
        ("", "hostile", '""=hostile'),
    ],
)
def test_it_writes_a_label_so_that_it_can_be_copied(name: str, value: str, text: str) -> None:
    assert label_text(name, value) == text


names = st.one_of(st.sampled_from([*KEYS, "stat", "~", '"', "a\nb"]), st.text(min_size=1))
values = st.one_of(st.just(""), st.text(), st.text('ab"\\\n ,{}='))
matchers = st.one_of(
    st.builds(Matcher, names, st.sampled_from(("=", "!=")), values),
    st.builds(Matcher, names, st.sampled_from(("=~", "!~")), st.sampled_from(('a"|b', "~", ""))),
)


@given(matchers)
def test_it_reads_back_each_matcher_it_writes(matcher: Matcher) -> None:
    assert parse_matcher(str(matcher)) == matcher


@given(st.lists(matchers, max_size=5))
def test_it_reads_back_each_list_it_writes(wanted: list[Matcher]) -> None:
    text = ",".join(map(str, wanted))

    assert parse_matchers(text) == parse_matchers(f"{{{text}}}") == tuple(wanted)


@given(st.one_of(st.text(), st.text("ab\"\\{}=!~,' \n", min_size=3)))
def test_it_reads_or_refuses_any_text(text: str) -> None:
    for read in (parse_matchers, lambda text: (parse_matcher(text),)):
        with suppress(InvalidInput):
            found = read(text)
            assert parse_matchers(",".join(map(str, found))) == found


def test_every_operator_is_read() -> None:
    read = [parse_matcher(f"a{operator}b") for operator in OPERATORS]
    assert [each.operator for each in read] == [*OPERATORS]
