"""`/alerts/silences/`: what is silenced, and silencing alerts after a preview."""

import re
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_safe

from ops.errors import InvalidInput
from ops.silences import actions, rules
from ops.silences.actions import Preview, SilenceList
from ops.vocabulary import figures, timerange
from opsportal.dashboard.pages import Live, page
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.silence_form import SilenceForm
from opsportal.dashboard.visit import Visit

SILENCES = 50
HIDDEN = 50
_KEY = re.compile(r"[0-9a-fA-F-]{36}")


@require_safe
@page(actions.list_silences, live=Live(frozenset({"notifications"})))
async def show(visit: Visit) -> HttpResponse:
    """List the silences that are in force or planned.

    `?changed=ID` marks the one that was changed, `&was=ID` says that it had another ID.
    """
    found = await actions.list_silences(visit.actor, site=visit.site.name)
    part = sheet(visit.request, found.silences, SILENCES)
    return await visit.render(
        "pages/silences.html",
        {
            "heading": _heading(found),
            "found": found,
            "sheet": part,
            "changed": visit.request.GET.get("changed", ""),
            "former": _former(visit),
            "may_silence": actions.CHANGE in visit.permissions,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(actions.list_silences, on_post=actions.create_silence)
async def new(visit: Visit) -> HttpResponse:
    """Show what `?matchers=…&lasts=1h` would hide; on POST, silence it."""
    typed = visit.request.POST or visit.request.GET
    form = SilenceForm(typed if "lasts" in typed else None, initial=_initial(visit))
    if not form.is_bound or not form.is_valid():
        status = 400 if form.is_bound else 200
        return await _form(visit, form, None, "Silence alerts", status=status)
    given = form.cleaned_data
    if visit.request.method == "POST":
        done = await actions.create_silence(
            visit.actor,
            matchers=given["matchers"],
            ends_at=timerange.now_ns() + given["lasts"],
            comment=given["reason"],
            confirmed="confirmed" in typed,
            site=visit.site.name,
        )
        return _changed(visit, done.silence.id)
    found = await actions.preview_silence(
        visit.actor, matchers=given["matchers"], site=visit.site.name
    )
    try:
        now = timerange.now_ns()
        rules.check(given["matchers"], given["reason"], now + given["lasts"], now)
    except InvalidInput as error:
        form.add_error(None, str(error))
        return await _form(visit, form, found, "This silence cannot be made", status=400)
    alerts = figures.count(len(found.hides), "alert")
    lasts = timerange.format_duration(given["lasts"])
    return await _form(visit, form, found, f"Silence {alerts} for {lasts}?")


@require_http_methods(["GET", "HEAD", "POST"])
@page(actions.list_silences, on_post=actions.end_silence)
async def change(visit: Visit) -> HttpResponse:
    """On POST end the silence `key`, or with `longer` let it end an hour later than it would.

    Otherwise redirect to the list.
    """
    if visit.request.method != "POST":
        return HttpResponseRedirect(visit.url("alerts-silences"))
    typed = visit.request.POST
    which = {"key": typed.get("key", ""), "site": visit.site.name}
    if "longer" in typed:
        longer = await actions.extend_silence(
            visit.actor, ends_at=_moment(typed["longer"]) + timerange.HOUR, **which
        )
        return _changed(visit, longer.silence.id, longer.replaced)
    await actions.end_silence(visit.actor, **which)
    return HttpResponseRedirect(visit.url("alerts-silences"))


def _initial(visit: Visit) -> dict[str, str]:
    return {"matchers": visit.request.GET.get("matchers", "")}


def _moment(text: str) -> int:
    return timerange.parse_moment(text).at(timerange.now_ns())


def _changed(visit: Visit, key: str, replaced: str = "") -> HttpResponse:
    query = urlencode({"changed": key, **({"was": replaced} if replaced else {})})
    return HttpResponseRedirect(f"{visit.url('alerts-silences')}?{query}")


def _former(visit: Visit) -> str:
    """Return the ID that a silence had before it was changed, "" if it kept it."""
    former = visit.request.GET.get("was", "")
    return former if _KEY.fullmatch(former) else ""


async def _form(
    visit: Visit, form: SilenceForm, found: Preview | None, heading: str, status: int = 200
) -> HttpResponse:
    context = {
        "heading": heading,
        "form": form,
        "found": found,
        "hides": found.hides[:HIDDEN] if found else (),
        "may_silence": actions.CHANGE in visit.permissions,
    }
    return await visit.render("pages/silence.html", context, status=status)


def _heading(found: SilenceList) -> str:
    known = " that we know of" if found.failures else ""
    if not found.silences:
        return f"Nothing is silenced{known}"
    return f"{figures.count(len(found.silences), 'silence')}{found.idle_words}{known}"
