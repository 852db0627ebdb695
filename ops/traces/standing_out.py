"""Which versions and instances of a service fail more often than the others. Pure."""

from collections.abc import Iterator, Mapping
from itertools import islice

from ops.traces.candidates import (
    Candidate,
    Sides,
    failing_by_chance,
    named,
    percent,
    percent_too,
)
from ops.traces.tally import Tally
from ops.traces.windows import Share, Statement, StatementKind
from ops.vocabulary.observed import Ran

MOST_VERSIONS = 10  # with more, none of them stands out
ENOUGH = 20  # traces of other versions at the same time; with fewer, earlier ones are compared


def versions(sides: Sides) -> Iterator[Candidate]:
    """Yield each version against the others that ran at the same time, or else before."""
    # Those with the most traces come first.
    for version, own in islice(sides.now.by_version.items(), MOST_VERSIONS):
        others, when = _others(sides.now, version), ""
        if sum(others.values(), Share()).traces < ENOUGH:
            others, when = _others(sides.before, version), f" {sides.then}"
        other = sum(others.values(), Share())
        if version and other.traces:
            yield _version(sides, version, own, others, when)


def _others(tally: Tally, version: str) -> Mapping[str, Share]:
    return {each: of for each, of in tally.by_version.items() if each not in ("", version)}


def _version(
    sides: Sides, version: str, own: Share, others: Mapping[str, Share], when: str
) -> Candidate:
    now, searches = sides.now, sides.searches
    other = sum(others.values(), Share())
    what = named(next(iter(others))) if len(others) == 1 else "other versions"
    ran = [each for each in now.shares if each.version == version]
    alone = len(ran) == 1 < len(now.shares) and ran[0].instance
    statement = Statement(
        StatementKind.VERSION,
        f"{named(searches.service)} {named(version)} fails",
        f"{percent(own)}, {what} {percent_too(other)}{when}"
        + (f"; only {named(alone)} ran it" if alone else ""),
        searches.of_version(ran[0]) if ran else searches.failing(),
        next((now.examples[each] for each in ran if each in now.examples), ""),
        failing_by_chance(own, other),
    )
    return Candidate(("version", version), own.share, statement)


def instances(sides: Sides) -> Iterator[Candidate]:
    """Yield each instance against the others with the same version."""
    now, searches = sides.now, sides.searches
    together: dict[str, Share] = {}
    numbers: dict[str, int] = {}
    for ran, share in now.shares.items():
        together[ran.version] = together.get(ran.version, Share()) + share
        numbers[ran.version] = numbers.get(ran.version, 0) + 1
    for ran, own in now.shares.items():
        every, others = together[ran.version], numbers[ran.version] - 1
        other = Share(every.traces - own.traces, every.failed - own.failed)
        if not ran.instance or not other.traces:
            continue
        what = "the other instance" if others == 1 else f"the other {others} instances"
        statement = Statement(
            StatementKind.INSTANCE,
            f"{named(ran.instance)} fails",
            f"{percent(own)}, {what}{_with_version(ran, numbers)} {percent_too(other)}",
            searches.of_instance(ran),
            now.examples.get(ran, ""),
            failing_by_chance(own, other),
        )
        yield Candidate(("instance", ran), own.share, statement)


def _with_version(ran: Ran, numbers: Mapping[str, int]) -> str:
    return f" with {named(ran.version)}" if ran.version and len(numbers) > 1 else ""
