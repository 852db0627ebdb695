"""`/account/`: the viewer's time zone, password and way out."""

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from opsportal.dashboard.clock import COOKIE
from opsportal.dashboard.forms import ZoneForm
from opsportal.dashboard.pages import Visit, page

YEAR = 365 * 24 * 3600


@require_http_methods(["GET", "HEAD", "POST"])
@page
async def show(visit: Visit) -> HttpResponse:
    """Where no script may run, the time zone is chosen here."""
    zone = visit.clock.zone.key if visit.clock.zone else "UTC"
    form = ZoneForm(visit.request.POST or None, initial={"zone": zone}, label_suffix="")
    if form.is_valid():
        response = HttpResponseRedirect(reverse("account"))
        response.set_cookie(
            COOKIE,
            form.cleaned_data["zone"],
            max_age=YEAR,
            samesite="Lax",
            secure=visit.request.is_secure(),
        )
        return response
    return await visit.render(
        "pages/account.html",
        {"heading": f"You are {visit.actor.name}", "form": form},
        status=400 if form.errors else 200,
    )
