import pytest

from ops.accounts.code import LENGTH, LETTERS, Code, new_code, parse_code
from ops.errors import InvalidInput


def test_it_is_another_one_each_time() -> None:
    codes = {new_code().letters for _ in range(100)}
    assert len(codes) == 100
    assert all(len(code) == LENGTH and set(code) <= set(LETTERS) for code in codes)


@pytest.mark.parametrize(
    "written",
    ["K7QM-4R10", "k7qm4r10", " K7QM \u2013 4R10 ", "K7QM 4RIO", "k7qm-4rlo", "*K7QM-4R10*."],
)
def test_it_is_read_as_people_write_it(written: str) -> None:
    assert parse_code(written) == Code("K7QM4R10")


@pytest.mark.parametrize("written", ["", "K7QM", "K7QM-4R100", "K7QM-4R1U", "K7QM-4R1é", "٣" * 8])
def test_it_refuses_what_cannot_be_one(written: str) -> None:
    with pytest.raises(InvalidInput, match="eight letters and digits, such as K7QM-4RTD"):
        parse_code(written)


def test_it_shows_itself_only_where_it_is_asked_to() -> None:
    code = Code("K7QM4RTD")
    assert code.shown == "K7QM-4RTD"
    assert "K7QM" not in f"{code} {code!r} {[code]}"


def test_it_is_stored_under_the_installations_key(settings: object) -> None:
    digest = Code("K7QM4RTD").digest
    assert len(digest) == 64
    settings.SECRET_KEY = "another installation's"  # type: ignore[attr-defined]
    assert Code("K7QM4RTD").digest != digest
