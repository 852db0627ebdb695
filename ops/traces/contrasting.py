"""Say how two windows of traces differ, if that is not chance. Pure."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

from ops.sites import Site
from ops.traces import changed_work, standing_out
from ops.traces.candidates import MORE_OFTEN, Candidate, Sides, named
from ops.traces.chance import beyond_chance
from ops.traces.failing import Kind, groups
from ops.traces.searches import Searches
from ops.traces.tally import Tally
from ops.traces.windows import Statement, StatementKind, WindowComparison, earlier

MOST_OF_A_KIND = 3
_NEARLY = 0.7  # of the largest delay: an operation that has that much of it may be its cause


def contrast(site: Site, service: str, now: Tally, before: Tally) -> WindowComparison:
    """Compare two windows of a service, given by its name in the site file."""
    searches = Searches(site, service, now.window.start, now.window.end)
    sides = Sides(now, before, searches, earlier(now.window, before.window))
    found = _certain(
        [
            *standing_out.versions(sides),
            *standing_out.instances(sides),
            *changed_work.failing(sides),
            *changed_work.errors(sides),
            *changed_work.slower(sides),
        ]
    )
    shown, left_out = _arranged(_distinct(found, now.window.every.share))
    errors = {
        each.subject: each.is_new for each in found if each.statement.kind is StatementKind.ERROR
    }
    failures, others = groups(now, before, errors, searches)
    return WindowComparison(
        site=site.name,
        service=service,
        now=now.window,
        before=before.window,
        statements=shown,
        left_out=left_out,
        failures=failures,
        failures_left_out=others,
        unchanged=tuple(_unchanged(now, before, searches)),
        compared=len(changed_work.operations_of(sides)),
        failing=searches.failing(),
    )


def _certain(tested: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that are not chance, tested together."""
    certain = beyond_chance([each.statement.chance for each in tested])
    return [each for number, each in enumerate(tested) if number in certain]


def _distinct(found: Iterable[Candidate], overall: float) -> Sequence[Candidate]:
    """Leave out what others say as well: a subject's second statement, and consequences.

    `overall` is the share of failed traces. An operation with a new error fails more, of course,
    and so does one that calls what fails. A version that fails more says more than the service.
    """
    by_subject: dict[object, Candidate] = {}
    for each in found:
        by_subject.setdefault(each.subject, each)
    kinds = {each.statement.kind for each in by_subject.values()}
    if StatementKind.VERSION in kinds:
        by_subject.pop("service", None)
    whole = kinds & {StatementKind.SERVICE, StatementKind.VERSION}
    explained = {each[:2] for each in by_subject if isinstance(each, Kind)}
    return [
        each
        for each in by_subject.values()
        if each.statement.kind is not StatementKind.FAILING
        or (each.subject not in explained and (not whole or each.weight >= MORE_OFTEN * overall))
    ]


def _arranged(found: Sequence[Candidate]) -> tuple[tuple[Statement, ...], int]:
    """Return the statements by kind, and how many do not fit."""
    shown: list[Statement] = []
    left_out = 0
    for kind in StatementKind:
        own = [each for each in found if each.statement.kind is kind]
        own.sort(key=attrgetter("weight"), reverse=True)
        own = _deepest_first(own) if kind is StatementKind.SLOWER else own
        shown += [each.statement for each in own[:MOST_OF_A_KIND]]
        left_out += len(own[MOST_OF_A_KIND:])
    return tuple(shown), left_out


def _deepest_first(slower: Sequence[Candidate]) -> list[Candidate]:
    """Put those with nearly the largest delay first, the shortest of them at the top.

    An operation is delayed by what it calls, so of those the one with the shortest delay is the
    deepest, and most likely the cause.
    """
    most = max((each.weight for each in slower), default=0)
    near = [each for each in slower if each.weight >= _NEARLY * most]
    return [*reversed(near), *slower[len(near) :]]


def _unchanged(now: Tally, before: Tally, searches: Searches) -> Iterable[str]:
    """Yield the services that ran one and the same version on both sides."""
    for service, versions in sorted(now.versions.items()):
        if len(versions) == 1 and versions == before.versions.get(service) and "" not in versions:
            yield f"{named(searches.name_of(service))} {named(next(iter(versions)))}"
