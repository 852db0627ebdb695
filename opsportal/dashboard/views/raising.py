"""`…/sample/`: sample what an alert or a service is about at 100%; `/sampling/raised/`: done."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_safe

from ops.errors import InvalidInput, OpsError
from ops.incidents import actions as incidents
from ops.overview import actions as overview
from ops.overview.actions import EVERYTHING, MOST_RAISED, TERM, Raised
from ops.requests import actions as requests
from ops.requests.actions import RequestedChange, State
from ops.sampling import actions
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.sampling.terms import Wish
from ops.vocabulary import figures, timerange
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.timerange import NOW, Moment, TimeRange, format_moment, parse_moment
from opsportal.dashboard import words
from opsportal.dashboard.pages import Live, page, patience
from opsportal.dashboard.search_results import followed
from opsportal.dashboard.visit import Visit, is_piece

FOLLOWED = 100  # traces


@require_http_methods(["GET", "HEAD", "POST"])
@page(overview.propose_raise, on_post=overview.raise_sampling)
async def of_alert(visit: Visit, fingerprint: str) -> HttpResponse:
    """Sample, on POST, the services in which an alert's failing traces begin at 100% for a while.

    Otherwise show what that is: as a piece, the button that its page requests.
    """
    return await _press(visit, visit.url("alerts-sample", fingerprint=fingerprint), fingerprint)


@require_http_methods(["GET", "HEAD", "POST"])
@page(overview.propose_raise, on_post=overview.raise_sampling)
async def of_service(visit: Visit, service: str) -> HttpResponse:
    """Do the same for a service."""
    return await _press(visit, visit.url("overview-sample", service=service), about=[service])


@require_http_methods(["GET", "HEAD", "POST"])
@page(overview.propose_raise, on_post=overview.raise_sampling)
async def of_incident(visit: Visit, number: int) -> HttpResponse:
    """Do the same for the services of an incident."""
    found = await incidents.show_incident(visit.actor, number=number, site=visit.site.name)
    address = visit.url("incidents-sample", number=str(number))
    return await _press(visit, address, about=found.services[:MOST_RAISED])


async def _press(
    visit: Visit, press: str, fingerprint: str = "", about: Sequence[str] = ()
) -> HttpResponse:
    where = visit.site.name
    if visit.request.method == "POST":
        typed = visit.request.POST
        since = visit.clock.now // timerange.SECOND * timerange.SECOND
        done = await overview.raise_sampling(
            visit.actor,
            services=typed.getlist("service"),
            fingerprint=fingerprint,
            about=about,
            site=where,
        )
        return HttpResponseRedirect(_result(visit, done, typed.getlist("about"), since))
    found = await overview.propose_raise(
        visit.actor, fingerprint=fingerprint, about=about, site=where
    )
    since = visit.clock.now - TERM.duration
    follow = [(each, _followed(visit, each, since)) for each in found.about]
    context = {"raises": found, "press": press, "follow": follow}
    if is_piece(visit.request):
        return await visit.render("partials/press_form.html", context)
    named = words.name(" and ".join(found.services))
    heading = f"Sample {named} at {EVERYTHING} {TERM}?"
    if found.kept_until is not None:
        heading = f"Every trace of {named} is kept already"
    return await visit.render("pages/press.html", {**context, "heading": heading})


def _result(visit: Visit, done: Iterable[Raised], about: Iterable[str], since: int) -> str:
    """Return the address of the page that shows what came of a press."""
    asked = [("since", format_moment(since)), *(("about", each) for each in about)]
    for each in done:
        asked.append(("service", each.service))
        if each.request:
            asked.append(("request", each.request.key))
    return f"{visit.url('sampling-raised')}?{urlencode(asked)}"


@dataclass(frozen=True, slots=True)
class Line:
    """A service after a press: its change, its request, or why there is neither.

    Without all of these, it keeps every trace anyway. `now` is its sampling, None if unknown.
    """

    service: str
    now: ServiceSampling | None = None
    change: SamplingChange | None = None
    request: RequestedChange | None = None
    problem: str = ""

    @property
    def until(self) -> int | None:
        """Until when it keeps every trace, 0 for no end; None if it does not."""
        found = self.now.in_force if self.now else None
        return (found.until or 0) if found and found.policy.keeps_everything else None


@require_safe
@page(actions.current, live=Live(frozenset({"sampling", "requests"})))
async def show(visit: Visit) -> HttpResponse:
    """Show what came of a press on `?service=A&service=B&since=TIME`, and where its traces are.

    `?request=KEY` are those that somebody else must approve, `?about=NAME` the services whose
    traces are to be followed.
    """
    asked = visit.request.GET
    since = parse_moment(asked.get("since", "now-15m")).at(visit.clock.now)
    names = [visit.site.service(each).name for each in dict.fromkeys(asked.getlist("service"))]
    about = [visit.site.service(each).name for each in dict.fromkeys(asked.getlist("about"))]
    keys = dict.fromkeys(asked.getlist("request"))
    if not names or max(len(names), len(about), len(keys)) > MOST_RAISED:
        raise InvalidInput(f"name 1 to {MOST_RAISED} services in the address")
    asked_for = await asyncio.gather(*(requests.find(visit.actor, key=key) for key in keys))
    by_service = {each.service: each for each in asked_for}
    lines = await asyncio.gather(
        *(_line(visit, each, since, by_service.get(each)) for each in names)
    )
    return await visit.render(
        "pages/raised.html",
        {
            "heading": _heading(visit, lines),
            "lines": lines,
            "raised": any(each.until is not None for each in lines),
            "since": since,
            "follow": [(each, _followed(visit, each, since)) for each in about or names],
        },
    )


def _followed(visit: Visit, service: str, since: int) -> str:
    """Return the address of a service's traces since a moment, which follows them."""
    range = TimeRange(Moment(since // timerange.SECOND * timerange.SECOND), NOW)
    query = TraceQuery(site=visit.site.name, service=service, range=range, limit=FOLLOWED)
    return followed(visit.site.name, query)


async def _line(visit: Visit, service: str, since: int, asked: RequestedChange | None) -> Line:
    where = visit.site.name
    try:
        now, made = await asyncio.gather(
            actions.current(
                visit.actor, service=service, site=where, patience=patience(visit.request)
            ),
            actions.changes(
                visit.actor, service=service, site=where, range=TimeRange(Moment(since), NOW)
            ),
        )
        if asked and asked.state not in (State.APPLIED, State.FAILED):
            return Line(service, now, request=asked)
        change = next((each for each in made if each.policy == EVERYTHING), None)
        line = Line(service, now, change)
        if asked and not change and isinstance(asked.result, OpsError):
            return replace(line, problem=str(asked.result))
        if change or line.until is not None or actions.CHANGE not in visit.permissions:
            return line
        wish: Wish = {"policy": EVERYTHING, "term": TERM}
        await requests.check(visit.actor, service=service, site=where, **wish)
    except OpsError as error:
        return Line(service, problem=str(error))
    return replace(line, problem="It was not changed")


def _heading(visit: Visit, lines: Sequence[Line]) -> str:
    """Return `petstore is sampled at 100% until 14:20 UTC`."""
    raised = [each for each in lines if each.until is not None]
    named = words.name(" and ".join(each.service for each in raised or lines))
    if not raised:
        waits = any(each.request and each.request.state is State.OPEN for each in lines)
        said = f"sampling of {named} at {EVERYTHING} {TERM}"
        return f"Waiting for approval: {said}" if waits else f"Not changed: {said}"
    ends = [each.until for each in raised if each.until]
    end = f" until {visit.clock.utc(min(ends))} UTC" if ends else ""
    if len(lines) == 1 and raised[0].now and raised[0].now.late:
        end += f", {raised[0].now.confirmed_by}"
    left = len(lines) - len(raised)
    rest = f"; {figures.count(left, 'other service')} not yet" if left else ""
    return f"{named} {'is' if len(raised) == 1 else 'are'} sampled at {EVERYTHING}{end}{rest}"
