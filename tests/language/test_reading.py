from ops.language.reading import Reading


def test_it_says_how_it_was_read_and_what_is_not_in_it() -> None:
    assert Reading("error", exact=True).sentence("list traces") == ""
    assert Reading("error last=1h").sentence() == "Read as `error last=1h`."
    assert Reading("error", ("weird",)).sentence("list traces") == (
        'Read as `list traces error`, without "weird".'
    )
    assert Reading("", tuple("abcdefg")).sentence() == (
        'Read as `no condition`, without "a", "b", "c", "d", "e" and 2 more.'
    )
