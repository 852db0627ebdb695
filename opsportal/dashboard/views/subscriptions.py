"""`/alerts/subscriptions/`: the channels that are subscribed, and subscribing one of them."""

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from ops.errors import Conflict, InvalidInput
from ops.overview.actions import read_alert_filter
from ops.subscriptions import actions
from ops.subscriptions.actions import NOT_PAGING, Channel, SubscriptionList
from ops.vocabulary import figures
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from opsportal.dashboard.pages import Live, page
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.subscription_form import SubscriptionForm
from opsportal.dashboard.visit import Visit

SUBSCRIPTIONS = 50


@require_http_methods(["GET", "HEAD", "POST"])
@page(
    actions.list_subscriptions,
    on_post=actions.subscribe,
    live=Live(frozenset({actions.SUBJECT})),
)
async def show(visit: Visit) -> HttpResponse:
    """List the subscriptions; on POST, subscribe a channel that is known."""
    found = await actions.list_subscriptions(visit.actor, site=visit.site.name)
    if visit.request.method != "POST":
        return await _page(visit, found, _form(visit, found))
    form = _form(visit, found)
    if form.is_valid():
        given = form.cleaned_data
        try:
            await actions.subscribe(
                visit.actor,
                channel=_channel(found, given["channel"]),
                filter=await _filter(visit, given["filter"]),
                quiet=given["quiet"],
                minimum_age=given["after"],
                site=visit.site.name,
            )
        except (InvalidInput, Conflict) as error:
            form.add_error(None, str(error))
        else:
            return HttpResponseRedirect(visit.url("alerts-subscriptions"))
    return await _page(visit, found, form, status=400)


@require_http_methods(["GET", "HEAD", "POST"])
@page(actions.list_subscriptions, on_post=actions.unsubscribe)
async def end(visit: Visit) -> HttpResponse:
    """On POST end the subscription `number`; then, or otherwise, redirect to the list."""
    if visit.request.method == "POST":
        number = visit.request.POST.get("number", "")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise InvalidInput(f'"{number[:80]}" is not the number of a subscription')
        await actions.unsubscribe(visit.actor, number=int(number), site=visit.site.name)
    return HttpResponseRedirect(visit.url("alerts-subscriptions"))


def _channel(found: SubscriptionList, id: str) -> Channel:
    return next((each for each in found.known if each.id == id), Channel(id))


async def _filter(visit: Visit, typed: str) -> AlertFilter:
    """Read a filter as the alerts page does, but for nothing that is left out."""
    read = await read_alert_filter(
        visit.actor, text=typed, site=visit.site.name, clock=visit.clock.asker
    )
    if read.left_out:
        raise InvalidInput(f"nothing is known as {read.without}")
    return parse_filter(read.line)


def _form(visit: Visit, found: SubscriptionList) -> SubscriptionForm:
    typed = visit.request.POST if visit.request.method == "POST" else None
    return SubscriptionForm(typed, known=found.known, zone=visit.clock.asker.zone.key)


async def _page(
    visit: Visit, found: SubscriptionList, form: SubscriptionForm, status: int = 200
) -> HttpResponse:
    return await visit.render(
        "pages/subscriptions.html",
        {
            "heading": _heading(found),
            "found": found,
            "form": form,
            "sheet": sheet(visit.request, found.subscriptions, SUBSCRIPTIONS),
            "not_paging": NOT_PAGING,
            "may_subscribe": actions.CHANGE in visit.permissions,
        },
        status=status,
    )


def _heading(found: SubscriptionList) -> str:
    channels = len({each.channel for each in found.subscriptions})
    if not channels:
        return "No channel is subscribed to alerts"
    verb = "is" if channels == 1 else "are"
    return f"{figures.count(channels, 'channel')} {verb} subscribed to alerts"
