"""`/alerts/have/`: have an alert or all of its name, for how long; hand it over, give it back."""

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from ops.acknowledgements import actions
from ops.alerts import actions as alerts
from ops.errors import InvalidInput
from ops.language.times import said_duration, said_end
from ops.vocabulary import timerange
from opsportal.dashboard.pages import page
from opsportal.dashboard.visit import Visit

AS_IT_IS = "as it is"


@require_http_methods(["GET", "HEAD", "POST"])
@page(alerts.list_alerts, on_post=actions.acknowledge)
async def change(visit: Visit) -> HttpResponse:
    """On POST do what the button `do` says, then return to the page `back`.

    `fingerprint` names an alert, `name` all alerts of a name, which `all` means too. It ends
    `until` a time that the viewer writes or, without one, after it `lasts` so long.
    """
    typed = visit.request.POST
    back = typed.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = visit.url("alerts")
    if visit.request.method != "POST":
        return HttpResponseRedirect(back)
    which = {
        "name": typed.get("name", ""),
        "fingerprint": "" if "all" in typed else typed.get("fingerprint", ""),
        "site": visit.site.name,
    }
    note = " ".join(typed.get("note", "").split())
    match typed.get("do", ""):
        case "have":
            until = _until(visit) or None
            await actions.acknowledge(visit.actor, note=note or None, until=until, **which)
        case "change":
            await actions.acknowledge(visit.actor, note=note, until=_until(visit), **which)
        case "hand over":
            await actions.hand_over(visit.actor, to=typed.get("to", ""), note=note, **which)
        case "take over":
            await actions.hand_over(visit.actor, to=visit.actor.name, note=note, **which)
        case "give back":
            await actions.give_back(visit.actor, **which)
        case other:
            raise InvalidInput(
                f'"{other[:80]}" is not something to do; accepted: have, change, hand over, '
                "take over, give back"
            )
    return HttpResponseRedirect(back)


def _until(visit: Visit) -> int | None:
    """Return when it ends (Unix nanoseconds): 0 for when it resolves, None for as it is."""
    typed = visit.request.POST
    if said := typed.get("until", "").strip():
        return said_end(said, visit.clock.asker)
    lasts = typed.get("lasts", "")
    if lasts == AS_IT_IS:
        return None
    return timerange.now_ns() + said_duration(lasts) if lasts else 0
