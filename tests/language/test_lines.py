import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops import limits
from ops.errors import InvalidInput
from ops.language.lines import Word, normal, without_filler, words
from ops.vocabulary.quoting import in_quotes


def short(line: str) -> list[str]:
    """The words of a line, each as `key=text`, `text` or `"text"`."""
    return [shown(each) for each in words(normal(line))]


def shown(word: Word) -> str:
    text = f'"{word.text}"' if word.quoted else word.text
    return f"{'--' if word.flag else ''}{word.key}{word.operator}{text}"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("list traces petstore error", "list traces petstore error"),
        ("LIST TRACES ERROR LAST=1H", "LIST TRACES ERROR LAST=1H"),
        ("service:petstore AND error:true", "service:petstore AND error:true"),
        ("service : petstore", "service petstore"),
        ("status = error, last = 1h.", "status=error last=1h"),
        ("duration>1s min >= 5ms x!=2 y=~a|b", "duration>1s min>=5ms x!=2 y=~a|b"),
        ("slower > 1s", "slower>1s"),
        ("!petstore a!=b wow!", "not petstore a!=b wow"),
        ("> 1s", ">1s"),
        ("status_code \u2265 500", "status_code>=500"),
        ("a==b c<>d", "a=b c!=d"),
        ("user= error=true", "user= error=true"),
        ("--error -n 5 --last=15m", "--error --n 5 --last=15m"),
        ("\u2014error", "--error"),
        ('{ service.name="petstore" && status=error }', 'service.name="petstore" status=error'),
        ('{service="a",status=error}', 'service="a" status=error'),
        ("a=1 || b=2", "a=1 or b=2"),
        ("operation=/pets/{id} GET /pets/{id}", "operation=/pets/{id} GET /pets/{id}"),
        ("since:10:00 at 10:00", "since:10:00 at 10:00"),
        ("see https://a.example/trace/1?x=2", "see https://a.example/trace/1?x=2"),
        ("petstore's errors, orders; (slow)!", "petstore errors orders slow"),
        ("what's firing?", "what's firing"),
        (":wave: ?! -- ...", ""),
        ("errors!!!!!! , ..!!now", "errors now"),
        ("tags=[error,a=b] limit=10", "tags=[error,a=b] limit=10"),
        ("\uff33\uff45\uff52\uff56\uff49\uff43\uff45\uff1a\uff50\uff45\uff54", "Service:pet"),
        ("a\u00a0b\u200bc", "a bc"),
    ],
)
def test_it_splits(typed: str, expected: str) -> None:
    assert short(typed) == expected.split()


@pytest.mark.parametrize(
    "inside", ["a \u2014 b", "x\u00a0y", "\U0001f9a9", "\u05d0\u202eb", "\uff21", 'a"b\\']
)
@pytest.mark.parametrize(
    "marks", ['"{}"', "\u201c{}\u201d", "\u201e{}\u201c", "\u00ab{}\u00bb", "'{}'", "`{}`"]
)
def test_it_keeps_exactly_what_is_in_quotes(marks: str, inside: str) -> None:
    if marks == '"{}"':
        inside = inside.replace('"', "").replace("\\", "")
    if marks.startswith(("\u201e", "\u201c")):
        inside = inside.replace('"', "")
    [word] = words(normal(f"name={marks.format(inside)}"))
    assert (word.key, word.text, word.quoted) == ("name", inside, True)


def test_an_apostrophe_is_no_quote() -> None:
    assert short("what's petstore\u2019s 'last error'") == ["what's", "petstore", '"last error"']


def test_a_quote_that_is_never_closed_is_a_word() -> None:
    assert short('name="a b') == ["name=", '"', "a", "b"]


def test_a_quoted_key_is_marked() -> None:
    [word] = words('"min"=5')
    assert (word.key, word.key_quoted, word.text) == ("min", True, "5")


def test_filler_sets_no_condition() -> None:
    found = words(normal('please show me the errors for petstore "for" in=x'))
    assert [each.text for each in without_filler(found)] == ["errors", "petstore", "for", "x"]


def test_it_knows_where_a_word_is() -> None:
    line = normal("show GET /pets, name = x now")
    assert [line[each.start : each.end] for each in words(line)] == [
        "show", "GET", "/pets", "name = x", "now"
    ]  # fmt: skip


def test_it_refuses_too_many_words() -> None:
    assert len(words("a " * limits.MOST_SPOKEN)) == limits.MOST_SPOKEN
    with pytest.raises(InvalidInput, match="more than 50 words"):
        words("a " * (limits.MOST_SPOKEN + 1))


@given(st.text(max_size=60))
def test_it_reads_whatever_is_typed(text: str) -> None:
    line = normal(text)
    found = words(line)
    assert all(0 <= each.start <= each.end <= len(line) for each in found)
    assert normal(line) == line or '"' in line or "'" in line or "`" in line


@given(st.text(max_size=40))
def test_whatever_is_in_quotes_is_one_word(text: str) -> None:
    [word] = words(normal(f"please {in_quotes(text)}"))[1:]
    assert (word.text, word.quoted) == (text, True)


def test_dots_and_colons_are_no_words() -> None:
    assert words("." * 4_000) == words(":" * 4_000) == ()
