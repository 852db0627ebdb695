"""Read how long a change lasts: `for fifteen minutes`, `until six`, `for good`."""

from ops.errors import InvalidInput
from ops.language.days import Day
from ops.language.durations import UNITS, read_duration, read_number
from ops.language.points import Point, read_point
from ops.language.spoken import Clock, Spoken, name_of, shown, written
from ops.language.time_words import Words
from ops.vocabulary.timerange import SECOND, format_exact

_UNTIL = ("until", "till", "til", "end", "ending", "ends")
_NEXT = ("the", "next", "another", "just", "only", "about")
_FOR_GOOD = (
    ("permanent",), ("permanently",), ("forever",), ("for", "ever"), ("for", "good"),
    ("indefinitely",), ("until", "further", "notice"),
)  # fmt: skip
_END_OF_DAY = (
    ("eod",), ("end", "of", "day"), ("end", "of", "the", "day"), ("the", "end", "of", "the", "day"),
    ("end", "of", "today"), ("the", "end", "of", "today"),
)  # fmt: skip

WORDS = frozenset({*_UNTIL, *_NEXT, *(word for phrase in _FOR_GOOD for word in phrase)})


def find(words: Words, clock: Clock) -> Spoken | None:
    """Read the first duration or end in a line's words."""
    found = (_read(words, at, clock) for at in range(len(words.texts)))
    return next(filter(None, found), None)


def _read(all: Words, at: int, clock: Clock) -> Spoken | None:
    words = all.texts
    for phrase in _FOR_GOOD:
        if _is_there(words, at, phrase):
            return Spoken("permanent", all.used(range(at, at + len(phrase))))
    if words[at] in _UNTIL:
        return _until(all, at, clock)
    after = at
    if words[at] == "for":
        after += 1
        while after < len(words) and words[after] in _NEXT:
            after += 1
    if found := read_duration(words, after):
        is_short = after == at and (found[0] < SECOND or words[at] in ("a", "an"))
        text = f"for={format_exact(found[0])}"
        return None if is_short else Spoken(text, all.used(range(at, found[1])))
    if after == at:
        return None
    if after < len(words) and (unit := UNITS.get(words[after])):
        return Spoken(f"for={format_exact(unit)}", all.used(range(at, after + 1)))
    number = read_number(words, after)
    is_whole = number and number[0] >= 1 and number[0].denominator == 1
    if number and is_whole and at in all.keys | {len(words) - 2}:
        used = all.used(range(at, number[1]))
        return Spoken(f"for={number[0]}m", used, instead=(f"for={number[0]}h",))
    return None


def _until(all: Words, at: int, clock: Clock) -> Spoken | None:
    for phrase in _END_OF_DAY:
        if _is_there(all.texts, at + 1, phrase):
            midnight = Point(day=Day(away=1))
            return _ending(midnight, all.used(range(at, at + 1 + len(phrase))), clock)
    found = read_point(all.texts, at + 1, clock.here, bare=True)
    return _ending(found[0], all.used(range(at, found[1])), clock) if found else None


def _ending(point: Point, used: tuple[int, ...], clock: Clock) -> Spoken:
    """Return the next moment that a point can mean; raises InvalidInput if there is none."""
    zone = point.zone or clock.zone
    starts = {*point.starts(clock.now, zone), *point.starts(clock.now, zone, second=True)}
    end = min((each for each in starts if each > clock.now), default=0)
    if not end:
        passed = shown(max(starts), clock.now, zone)
        raise InvalidInput(f"{passed} {name_of(zone)} has passed; a change ends later than now")
    if point.moment:
        return Spoken(f"until={point.moment}", used)
    said = f"until {shown(end, clock.now, zone)} {name_of(zone)}"
    guessed = bool(point.hour and point.hour.either)
    return Spoken(f"until={written(end, zone)}", used, said, guessed=guessed)


def _is_there(words: list[str], at: int, phrase: tuple[str, ...]) -> bool:
    return tuple(words[at : at + len(phrase)]) == phrase
