"""`/incidents/`: the incidents of a site; `/incidents/new/`: open one."""

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_safe

from ops.errors import Conflict, InvalidInput
from ops.incidents import actions
from ops.incidents.actions import Incident, IncidentList, Origin, OriginKind
from ops.vocabulary import figures
from opsportal.dashboard.incident_form import IncidentForm
from opsportal.dashboard.pages import Live, page
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.visit import Visit

INCIDENTS = 50
MOST_OFFERED = 10  # open incidents, to pin a trace to


@require_safe
@page(actions.list_incidents, live=Live(frozenset({actions.SUBJECT})))
async def show(visit: Visit) -> HttpResponse:
    """List the incidents of the site, open ones first."""
    found = await actions.list_incidents(visit.actor, site=visit.site.name)
    return await visit.render(
        "pages/incidents.html",
        {
            "heading": _heading(found),
            "found": found,
            "sheet": sheet(visit.request, found.incidents, INCIDENTS),
            "may_work": actions.WORK in visit.permissions,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(actions.list_incidents, on_post=actions.open_incident)
async def new(visit: Visit) -> HttpResponse:
    """Show the form, of `?kind=trace&key=ID` for what it is from; on POST, open the incident.

    If one is open for the same already, go to that.
    """
    typed, posted = visit.request.POST or visit.request.GET, visit.request.method == "POST"
    origin = _origin(typed.get("kind", ""), typed.get("key", ""))
    form = IncidentForm(
        typed if posted else None, services=visit.site.services, needs_title=not origin.key
    )
    if not posted or not form.is_valid():
        return await _form(visit, form, origin, status=400 if posted else 200)
    try:
        made = await actions.open_incident(
            visit.actor,
            title=form.cleaned_data["title"],
            services=form.cleaned_data["services"],
            origin=origin,
            site=visit.site.name,
        )
    except InvalidInput as error:
        form.add_error("title", str(error))
        return await _form(visit, form, origin, status=400)
    except Conflict:
        other = await open_from(visit, origin)
        if other is None:
            raise
        made = other
    return HttpResponseRedirect(visit.url("incidents-one", number=str(made.number)))


async def open_from(visit: Visit, *origins: Origin) -> Incident | None:
    """Return the incident that is open for one of these, None for none."""
    if actions.READ not in visit.permissions:
        return None
    found = await actions.list_incidents(visit.actor, site=visit.site.name)
    meant = [each for each in found.incidents if each.is_open and each.origin.key]
    return next((each for each in meant if each.origin in origins), None)


def _origin(kind: str, key: str) -> Origin:
    try:
        return Origin(OriginKind(kind), key)
    except ValueError:
        raise InvalidInput(f'"{kind[:80]}" is not one of: alert, group, trace') from None


def _heading(found: IncidentList) -> str:
    number = sum(each.is_open for each in found.incidents)
    return f"{figures.count(number, 'incident')} open" if number else "No incident is open"


async def _form(
    visit: Visit, form: IncidentForm, origin: Origin, status: int = 200
) -> HttpResponse:
    found = await actions.list_incidents(visit.actor, site=visit.site.name)
    context = {
        "heading": "This incident cannot be opened" if status != 200 else "Open an incident",
        "form": form,
        "origin": origin,
        "still_open": [each for each in found.incidents if each.is_open][:MOST_OFFERED],
    }
    return await visit.render("pages/incident_new.html", context, status=status)
