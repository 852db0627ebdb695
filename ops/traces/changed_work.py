"""Which operations fail more or take longer than before, and which errors are new. Pure."""

from array import array
from collections.abc import Collection, Iterator

import numpy as np

from ops.traces import chance
from ops.traces.candidates import (
    Candidate,
    Sides,
    failing_by_chance,
    named,
    percent,
    percent_too,
)
from ops.traces.failing import alike
from ops.traces.tally import Name, Operation
from ops.traces.windows import Share, Statement, StatementKind
from ops.vocabulary.figures import count
from ops.vocabulary.observed import Ran
from ops.vocabulary.spans import failure_in
from ops.vocabulary.timerange import MILLISECOND, format_duration

LONGER, LEAST_LONGER = 1.5, 5 * MILLISECOND  # times the other median, and at least so much more
MOST_TESTED = 100  # operations, those with the most traces
MOST_VERSIONS = 10  # of one operation; with more, none of them stands out


def operations_of(sides: Sides) -> list[Name]:
    """Return the operations with enough traces on both sides, those with the most first."""
    enough = [
        name
        for name, each in sides.now.operations.items()
        if each.traces >= chance.LEAST_RANKED
        and (other := sides.before.operations.get(name))
        and other.traces >= chance.LEAST_RANKED
    ]
    return sorted(enough, key=lambda name: -sides.now.operations[name].traces)[:MOST_TESTED]


def failing(sides: Sides) -> Iterator[Candidate]:
    """Yield how often the service as a whole fails, then each operation."""
    now, searches = sides.now, sides.searches
    own, earlier = now.window.every, sides.before.window.every
    if own.traces and earlier.traces:
        statement = Statement(
            StatementKind.SERVICE,
            f"{named(searches.service)} fails",
            f"{percent(own)}, {percent_too(earlier)} {sides.then}",
            searches.failing(),
            next(iter(now.examples.values()), ""),
            failing_by_chance(own, earlier),
        )
        yield Candidate("service", own.share, statement)
    for name in operations_of(sides):
        here, there = now.operations[name], sides.before.operations[name].share
        statement = Statement(
            StatementKind.FAILING,
            f"{named(searches.name_of_operation(name))} fails",
            f"{percent(here.share)}, {percent_too(there)} {sides.then}",
            searches.of_operation(name, failed=True),
            here.failing,
            failing_by_chance(here.share, there),
        )
        yield Candidate(name, here.share.share, statement)


def errors(sides: Sides) -> Iterator[Candidate]:
    """Yield each kind of error against how often it was there before; those in none are new."""
    traces, before = sides.now.window.every.traces, sides.before.window.every.traces
    earlier = alike(sides.before)
    for kind, error in alike(sides.now).items() if before else ():
        there = Share(before, earlier[kind].traces if kind in earlier else 0)
        new = not there.failed and not sides.before.uncounted
        here = Share(traces, min(error.traces, traces))
        where = sides.searches.name_of_operation((kind.service, kind.operation))
        what = failure_in(named(where), _line(error.message))
        statement = Statement(
            StatementKind.ERROR,
            f"{'New' if new else 'More often'}: {what}",
            f"in {here.failed:,} of {count(traces, 'trace')}, "
            f"{f'{there.failed:,}' if there.failed else 'none'} of {before:,} {sides.then}",
            sides.searches.of_error(error, version=False),
            error.example,
            failing_by_chance(here, there, new=new),
        )
        yield Candidate(kind, here.share, statement, is_new=new)


def slower(sides: Sides) -> Iterator[Candidate]:
    """Yield each operation that takes longer: on one version, on one instance, or everywhere."""
    before = operations_of(sides)
    most = sorted(sides.now.operations.items(), key=lambda item: -item[1].traces)
    for name, here in most[:MOST_TESTED]:
        yield from _versions(sides, name, here)
        yield from _instances(sides, name, here)
        if name not in before:
            continue
        there = sides.before.operations[name]
        yield _operation(
            sides, name, None, here.durations, there.of(there.durations), ("", sides.then)
        )


def _versions(sides: Sides, name: Name, here: Operation) -> Iterator[Candidate]:
    by_version: dict[str, list[Ran]] = {}
    for each in here.durations:
        if each.version:
            by_version.setdefault(each.version, []).append(each)
    for version, ran in by_version.items() if 1 < len(by_version) <= MOST_VERSIONS else ():
        others = [other for other in by_version if other != version]
        what = f"on {named(others[0])}" if len(others) == 1 else "on other versions"
        rest = [one for other in others for one in by_version[other]]
        alone = Ran(ran[0].service, version, version_key=ran[0].version_key)
        words = f" on {named(version)}", what
        yield _operation(sides, name, alone, ran, here.of(rest), words)


def _instances(sides: Sides, name: Name, here: Operation) -> Iterator[Candidate]:
    same_version: dict[str, list[Ran]] = {}
    for ran in here.durations:
        if ran.instance:
            same_version.setdefault(ran.version, []).append(ran)
    for together in same_version.values():
        for ran in together if 1 < len(together) <= MOST_VERSIONS else ():
            rest = [each for each in together if each != ran]
            words = f" on {named(ran.instance)}", "on other instances"
            yield _operation(sides, name, ran, [ran], here.of(rest), words)


def _operation(
    sides: Sides,
    name: Name,
    ran: Ran | None,
    by: Collection[Ran],
    others: "array[int]",
    words: tuple[str, str],
) -> Candidate:
    """Return `SearchPets takes 840 ms on 1.3.0 (median of 31 traces), 80 ms on 1.2.0 (of 120)`."""
    where, elsewhere = words
    operation = sides.now.operations[name]
    durations = operation.of(by)
    own, other = _median(durations), _median(others)
    enough = min(len(durations), len(others)) >= chance.LEAST_RANKED
    large = enough and own >= LONGER * other and own - other >= LEAST_LONGER
    statement = Statement(
        StatementKind.SLOWER,
        f"{named(sides.searches.name_of_operation(name))} takes {format_duration(own)}{where}",
        f"(median of {count(len(durations), 'trace')}), "
        f"{format_duration(other)} {elsewhere} (of {len(others):,})",
        sides.searches.of_operation(name, failed=False, ran=ran),
        operation.slowest_of(by),
        chance.longer(durations, others) if large else 1.0,
    )
    return Candidate(("slower", name), float(own - other), statement)


def _median(durations: "array[int]") -> int:
    middle = (len(durations) - 1) // 2
    return int(np.partition(np.asarray(durations), middle)[middle]) if durations else 0


def _line(message: str) -> str:
    return message.strip().partition("\n")[0][:120]
