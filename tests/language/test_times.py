"""Times as people say them, at half past ten on a Monday in Paris."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import InvalidInput
from ops.language.changes import take_reason, take_term, take_then
from ops.language.times import (
    Clock,
    find_range,
    find_term,
    said_duration,
    said_end,
    said_moment,
    strict_range,
)
from ops.vocabulary import timerange
from ops.vocabulary.filters import parse_query

PARIS = ZoneInfo("Europe/Paris")


def at(text: str, zone: ZoneInfo = PARIS) -> Clock:
    return Clock(timerange.from_datetime(datetime.fromisoformat(text).replace(tzinfo=zone)), zone)


CLOCK = at("2026-11-30T10:30")


def strict(text: str, clock: Clock = CLOCK) -> str:
    """The range that was read; short, without the offset of Paris in winter."""
    found = find_range(text.split(), clock)
    return found.text.replace("+01:00", "") if found else ""


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("last 15m", "last=15m"),
        ("last 15 min", "last=15m"),
        ("in the last hour", "last=1h"),
        ("past 30 minutes", "last=30m"),
        ("the last two hours", "last=2h"),
        ("last forty-five mins", "last=45m"),
        ("last 1 h 30 min", "last=1h30m"),
        ("last hour and a half", "last=1h30m"),
        ("over the past couple of hours", "last=2h"),
        ("last week", "last=7d"),
        ("in the last few minutes", "last=5m"),
        ("errors 15m", "last=15m"),
        ("1w", "last=7d"),
        ("lookback=1h", "last=1h"),
        ("since 2 hours", "last=2h"),
        ("an hour ago", "from=now-1h15m to=now-45m"),
        ("since lunch", "from=2026-11-29T12:00"),
        ("between breakfast and 9ish", "from=2026-11-30T08:00 to=2026-11-30T09:00"),
        ("lunch", ""),  # may be the name of a service
        ("overnight", "from=2026-11-29T18:00 to=2026-11-30T06:00"),
        ("all morning", "from=2026-11-30T06:00"),
        ("all day", "from=2026-11-30T00:00"),
        # The hour that the part of a day has, also after midnight.
        ("at 3 this morning", "from=2026-11-30T02:45 to=2026-11-30T03:15"),
        ("last night around 2", "from=2026-11-30T01:45 to=2026-11-30T02:15"),
        ("around 11 last night", "from=2026-11-29T22:45 to=2026-11-29T23:15"),
        ("half an hour ago", "from=now-37m to=now-23m"),
        ("from two hours ago to an hour ago", "from=now-2h to=now-1h"),
        ("2 days ago", "from=2026-11-28T00:00 to=2026-11-29T00:00"),
        ("this hour", "from=2026-11-30T10:00"),
        ("this week", "from=2026-11-30T00:00"),
        ("this month", "from=2026-11-01T00:00"),
    ],
)
def test_it_reads_durations_up_to_now(said: str, read: str) -> None:
    assert strict(said) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("since 10:00", "from=2026-11-30T10:00"),
        ("since 14:00", "from=2026-11-29T14:00"),  # the last one
        ("since 2pm", "from=2026-11-29T14:00"),
        ("since six", "from=2026-11-30T06:00"),
        ("since quarter past nine", "from=2026-11-30T09:15"),
        ("since twenty past nine", "from=2026-11-30T09:20"),
        ("since nine fifteen", "from=2026-11-30T09:15"),
        ("around 9 this morning", "from=2026-11-30T08:45 to=2026-11-30T09:15"),
        ("from nine to ten", "from=2026-11-30T09:00 to=2026-11-30T10:00"),
        ("at ten to nine", "from=2026-11-30T08:45 to=2026-11-30T08:55"),
        ("up to 9:00", "to=2026-11-30T09:00"),
        ("since 0900", "from=2026-11-30T09:00"),
        ("since 9 in the evening", "from=2026-11-29T21:00"),
        ("since noon", "from=2026-11-29T12:00"),
        ("between 2 and 3 pm", "from=2026-11-29T14:00 to=2026-11-29T15:00"),
        ("between 11 and 1 pm", "from=2026-11-29T11:00 to=2026-11-29T13:00"),
        ("from 9:00 to 10:00", "from=2026-11-30T09:00 to=2026-11-30T10:00"),
        ("from 10:00 to 11:00", "from=2026-11-30T10:00"),  # it is not over
        ("from 23:00 to 01:00", "from=2026-11-29T23:00 to=2026-11-30T01:00"),
        ("9:00-10:00", "from=2026-11-30T09:00 to=2026-11-30T10:00"),
        ("9:00 - 10:00", "from=2026-11-30T09:00 to=2026-11-30T10:00"),
        ("2-3pm", "from=2026-11-29T14:00 to=2026-11-29T15:00"),
        ("since = 9:00", "from=2026-11-30T09:00"),
        ("from=14:00 error to=15:00", "from=2026-11-29T14:00 to=2026-11-29T15:00"),
        ("until 09:00", "to=2026-11-30T09:00"),
        ("at 9:05", "from=2026-11-30T09:00 to=2026-11-30T09:10"),
        ("at 9am", "from=2026-11-30T08:45 to=2026-11-30T09:15"),
        ("around 9:05", "from=2026-11-30T08:50 to=2026-11-30T09:20"),
    ],
)
def test_it_reads_times_of_day(said: str, read: str) -> None:
    assert strict(said) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("today", "from=2026-11-30T00:00"),
        ("yesterday", "from=2026-11-29T00:00 to=2026-11-30T00:00"),
        ("the day before yesterday", "from=2026-11-28T00:00 to=2026-11-29T00:00"),
        ("this morning", "from=2026-11-30T06:00"),
        ("last night", "from=2026-11-29T18:00 to=2026-11-30T06:00"),
        ("yesterday evening", "from=2026-11-29T18:00 to=2026-11-30T00:00"),
        ("last weekend", "from=2026-11-28T00:00 to=2026-11-30T00:00"),
        ("monday", "from=2026-11-30T00:00"),
        ("last monday", "from=2026-11-23T00:00 to=2026-11-24T00:00"),
        ("on sat", "from=2026-11-28T00:00 to=2026-11-29T00:00"),
        ("since friday", "from=2026-11-27T00:00"),
        ("from monday to wednesday", "from=2026-11-23T00:00 to=2026-11-26T00:00"),
        ("since yesterday 2pm", "from=2026-11-29T14:00"),
        ("yesterday between 2 and 3 pm", "from=2026-11-29T14:00 to=2026-11-29T15:00"),
        ("between 2 and 3 pm yesterday", "from=2026-11-29T14:00 to=2026-11-29T15:00"),
        ("yesterday evening from 8 to 9", "from=2026-11-29T20:00 to=2026-11-29T21:00"),
        ("2026-11-29 10:00", "from=2026-11-29T09:45 to=2026-11-29T10:15"),
        ("on friday at 9", "from=2026-11-27T08:45 to=2026-11-27T09:15"),
        ("29 nov at 10:05", "from=2026-11-29T10:00 to=2026-11-29T10:10"),
        ("nov 28th", "from=2026-11-28T00:00 to=2026-11-29T00:00"),
        ("dec 24 2025", "from=2025-12-24T00:00 to=2025-12-25T00:00"),
        ("11/27/2026", "from=2026-11-27T00:00 to=2026-11-28T00:00"),
        ("from=2026-11-29T10:00Z to=now-1h", "from=2026-11-29T10:00:00Z to=now-1h"),
    ],
)
def test_it_reads_days(said: str, read: str) -> None:
    assert strict(said) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("since 14:00 UTC", "from=2026-11-29T14:00Z"),
        ("since 9:00 London", "from=2026-11-30T09:00Z"),
        ("since 2pm New York time", "from=2026-11-29T14:00-05:00"),
        ("since 14:00 EST", "from=2026-11-29T14:00-05:00"),
        ("since 14:00 +02:00", "from=2026-11-29T14:00+02:00"),
        ("from 9:00 to 9:20 Asia/Tokyo", "from=2026-11-30T09:00+09:00 to=2026-11-30T09:20+09:00"),
    ],
)
def test_it_reads_the_names_of_zones(said: str, read: str) -> None:
    assert strict(said) == read


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("since 2pm", "from 29 Nov 14:00 Europe/Paris"),
        ("between 8 and 9:30", "from 08:00 to 09:30 Europe/Paris"),
        ("yesterday", "from 29 Nov 00:00 to 30 Nov 00:00 Europe/Paris"),
        ("2pm to 3pm CET", "from 29 Nov 14:00 to 15:00 CET"),
        ("last hour", ""),
        ("from now-2h to now-1h", ""),
    ],
)
def test_it_says_the_zone_of_a_time_of_day(said: str, sentence: str) -> None:
    found = find_range(said.split(), CLOCK)
    assert found and found.said == sentence


def test_it_says_which_words_it_read() -> None:
    found = find_range(["slow", "traces", "in", "the", "last", "hour", "for", "petstore"], CLOCK)
    assert found and found.used == (2, 3, 4, 5)
    there = find_range(["since", "2pm", "New", "York", "time", "petstore"], CLOCK)
    assert there and there.used == (0, 1, 2, 3, 4)
    apart = find_range(["from=14:00", "error", "to=15:00"], CLOCK)
    assert apart and apart.used == (0, 2)


def test_a_missing_unit_is_minutes_and_said_to_be() -> None:
    found = find_range(["error", "last=15"], CLOCK)
    assert found and (found.text, found.said) == ("last=15m", "15 as minutes")
    assert found.instead == ("last=15h", "last=15d")
    assert strict_range("last 15 petstore", CLOCK) == ("last 15 petstore", "")
    assert find_range(["last", "15", "traces"], CLOCK) is None


@pytest.mark.parametrize(
    "text",
    [
        "slower than 15m", "requests that took 2 minutes", "at 3 instances", "errors mon",
        "the last one",
        "limit 10", "to 10%", "petstore 1.3.0", "for petstore", "now", "from now", "next monday",
        '"last hour"', "start", "at petstore", "between petstore and store", "last errors", "25:00",
        "may", "since 99", "a", "",
    ],
)  # fmt: skip
def test_it_leaves_other_words_alone(text: str) -> None:
    assert find_range(text.split(" "), CLOCK) is None


@pytest.mark.parametrize("said", ["tomorrow", "tonight", "this afternoon", "since today 11:00"])
def test_it_refuses_what_is_still_to_come(said: str) -> None:
    with pytest.raises(InvalidInput, match="still to come"):
        find_range(said.split(), CLOCK)


def test_it_refuses_the_name_of_several_zones() -> None:
    with pytest.raises(
        InvalidInput, match=r'"IST" is the name of several time zones; write a city'
    ):
        find_range(["since", "14:00", "IST"], CLOCK)


@pytest.mark.parametrize(
    ("said", "now", "read"),
    [
        # 2026-03-29: at 02:00 the clocks go to 03:00. 2026-10-25: at 03:00 back to 02:00.
        ("since 02:30", "2026-03-29T12:00", "from=2026-03-29T03:30+02:00"),
        ("from 01:30 to 02:30", "2026-03-29T12:00",
         "from=2026-03-29T01:30+01:00 to=2026-03-29T03:30+02:00"),
        ("from 02:10 to 02:50", "2026-10-25T12:00",
         "from=2026-10-25T02:10+02:00 to=2026-10-25T02:50+01:00"),
        ("yesterday", "2026-10-26T12:00", "from=2026-10-25T00:00+02:00 to=2026-10-26T00:00+01:00"),
        ("this morning", "2026-07-01T03:00", "from=2026-07-01T00:00+02:00"),
        ("tonight", "2026-07-01T03:00", "from=2026-06-30T18:00+02:00"),
    ],
)  # fmt: skip
def test_it_follows_the_clocks(said: str, now: str, read: str) -> None:
    found = find_range(said.split(), at(now))
    assert found and found.text == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("for fifteen minutes", "for=15m"),
        ("for half an hour", "for=30m"),
        ("for the next hour", "for=1h"),
        ("15m", "for=15m"),
        ("for 1w", "for=7d"),
        ("until six", "until=2026-11-30T18:00"),
        ("until 18:00", "until=2026-11-30T18:00"),
        ("until 9:00", "until=2026-12-01T09:00"),  # the next one
        ("till tomorrow 9", "until=2026-12-01T09:00"),
        ("until=six", "until=2026-11-30T18:00"),
        ("until friday evening", "until=2026-12-04T18:00"),
        ("until the end of the day", "until=2026-12-01T00:00"),
        ("until 6pm UTC", "until=2026-11-30T18:00Z"),
        ("till 3 tonight", "until=2026-12-01T03:00"),
        ("till lunch", "until=2026-11-30T12:00"),
        ("for good", "permanent"),
        ("until further notice", "permanent"),
        ("to 10%", ""),
        ("for petstore", ""),
        ("for 0", ""),
        ("10", ""),
    ],
)
def test_it_reads_how_long_a_change_lasts(said: str, read: str) -> None:
    found = find_term(said.split(), CLOCK)
    assert (found.text.replace("+01:00", "") if found else "") == read


def test_it_asks_for_the_unit_of_a_term_and_refuses_an_end_that_has_passed() -> None:
    found = find_term(["for=15"], CLOCK)
    assert found and (found.text, found.instead) == ("for=15m", ("for=15h",))
    with pytest.raises(InvalidInput, match="29 Nov 00:00 Europe/Paris has passed"):
        find_term(["until", "yesterday"], CLOCK)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18:00", "2026-11-30T17:00:00Z"),
        ("1:00", "2026-12-01T00:00:00Z"),  # it is past one already
        ("18:00 UTC", "2026-11-30T18:00:00Z"),
        ("tomorrow 9", "2026-12-01T08:00:00Z"),
        ("2026-12-01T05:00:00+02:00", "2026-12-01T03:00:00Z"),
        ("now+15m", "2026-11-30T09:45:00Z"),
    ],
)
def test_an_end_is_a_moment_or_the_next_time_of_day(text: str, expected: str) -> None:
    assert timerange.format_moment(said_end(text, CLOCK)) == expected


@pytest.mark.parametrize("text", ["24:00", "1:60", "soon", "", "18:00 petstore", "15m"])
def test_anything_else_is_no_end(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a time"):
        said_end(text, CLOCK)


def test_an_end_in_1970_is_not_for_good() -> None:
    assert said_end("00000000", CLOCK) == 1


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("yesterday", "2026-11-28T23:00:00Z", "2026-11-29T23:00:00Z"),
        ("yesterday 14:00", "2026-11-29T13:00:00Z", "2026-11-29T13:00:00Z"),
        ("2pm", "2026-11-29T13:00:00Z", "2026-11-29T13:00:00Z"),
        ("2026-11-29 14:00", "2026-11-29T14:00:00Z", "2026-11-29T14:00:00Z"),  # as ever, in UTC
        ("two hours ago", "now-2h", "now-2h"),
    ],
)
def test_a_moment_may_be_said(text: str, first: str, last: str) -> None:
    read = (said_moment(text, CLOCK), said_moment(text, CLOCK, ends=True))
    assert tuple(map(str, read)) == (first, last)


def test_a_moment_or_a_duration_with_other_words_is_none() -> None:
    with pytest.raises(InvalidInput, match="is not a time"):
        said_moment("yesterday or so", CLOCK)
    with pytest.raises(InvalidInput, match="is not a duration"):
        said_duration("two hours or so")
    assert said_duration("two hours") == 2 * timerange.HOUR


@pytest.mark.parametrize("read", [strict_range, take_term])
def test_more_words_than_people_type_are_refused(read: Callable[[str, Clock], object]) -> None:
    with pytest.raises(InvalidInput, match="more than 50 words"):
        read("since 2 " * 26, CLOCK)


@pytest.mark.parametrize("said", ["then 10%", "and then back to 10%", ", then to 10%", "then=10%"])
def test_what_follows_a_change_may_be_said(said: str) -> None:
    assert take_then(f"always for=15m {said} site=demo") == ("always for=15m  site=demo", "10%")
    assert take_then("always for=15m") == ("always for=15m", "")


def test_a_change_ends_once() -> None:
    assert take_term("always until 18:00 petstore", CLOCK)[0] == "always petstore"
    with pytest.raises(InvalidInput, match="say one of for=15m, until=18:00"):
        take_term("always for an hour until six", CLOCK)


def test_only_the_end_of_a_reason_may_be_a_term() -> None:
    said = "petstore 10% because of lunch for an hour"
    assert take_reason(said, CLOCK) == ("petstore 10% for an hour", "lunch")
    assert take_reason(said) == ("petstore 10%", "lunch for an hour")
    assert take_reason('10% because="lunch for an hour" now', CLOCK) == (
        "10% now",
        "lunch for an hour",
    )
    past = "10% because it was down until yesterday"
    assert take_reason(past, CLOCK) == ("10%", "it was down until yesterday")
    late = "10% due to the queue for two days being full"
    assert take_reason(late, CLOCK) == ("10%", "the queue for two days being full")


VOCABULARY = """
    last past since from to until between and at on today yesterday tomorrow monday may nov 29 2026
    2026-11-29 14:00 24:00 2 2pm pm am half past quarter an a hour hours minutes 15m 1h30m ago the
    day before night this morning UTC CET Berlin New York in now now-1h - 0 99 1.5 six twenty one w
    month = last= from=14:00 until=six for=99999999d 999999999h 0001-01-01 9999-12-31
"""
WORDS = st.sampled_from(VOCABULARY.split())


@given(st.lists(WORDS | st.text(max_size=8), max_size=12), st.sampled_from(["UTC", "Asia/Kolkata"]))
def test_whatever_is_typed_becomes_a_range_that_is_accepted_or_one_sentence(
    words: list[str], zone: str
) -> None:
    clock = Clock(CLOCK.now, ZoneInfo(zone))
    with suppress(InvalidInput):
        find_term(words, clock)
    try:
        found = find_range(words, clock)
    except InvalidInput:
        return
    for text in (found.text, *found.instead) if found else ():
        parse_query(text).range.start_end(clock.now)
