"""`/account/slack/`: the viewer's linked Slack accounts; linking one takes two steps."""

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from ops.accounts import actions
from ops.accounts.actions import SlackAccount
from ops.errors import Conflict, NotFound, OpsError
from ops.vocabulary import figures
from opsportal.dashboard import errors, words
from opsportal.dashboard.account_forms import CodeForm
from opsportal.dashboard.pages import page
from opsportal.dashboard.visit import Visit


@require_http_methods(["GET", "HEAD", "POST"])
@page(actions.slack_accounts)
async def show(visit: Visit) -> HttpResponse:
    """Show linked accounts; `?code=CODE` fills the field. On POST show whose code it is."""
    if visit.request.method != "POST":
        code = visit.request.GET.get("code", "")
        return await _page(visit, CodeForm(initial={"code": code}, label_suffix=""))
    form = CodeForm(visit.request.POST, label_suffix="")
    if not form.is_valid():
        return await _page(visit, form, status=400)
    try:
        account = await actions.find_code(visit.actor, code=form.cleaned_data["code"])
    except (NotFound, Conflict) as error:
        return await _refused(visit, form, error)
    return await visit.render(
        "pages/account_slack_link.html",
        {
            "heading": f"Link {words.name(account.name or account.user_id)} to your account?",
            "account": account,
            "code": form.cleaned_data["code"].shown,
        },
    )


@require_POST
@page(actions.link)
async def link(visit: Visit) -> HttpResponse:
    """Link the account that was shown, and only that one."""
    form = CodeForm(visit.request.POST, label_suffix="")
    if not form.is_valid():
        return await _page(visit, form, status=400)
    account = visit.request.POST.get("account", "")
    try:
        await actions.link(visit.actor, code=form.cleaned_data["code"], account=account)
    except (NotFound, Conflict) as error:
        return await _refused(visit, form, error)
    return HttpResponseRedirect(reverse("account-slack"))


@require_POST
@page(actions.unlink)
async def unlink(visit: Visit) -> HttpResponse:
    """Unlink an account; this takes effect with its next message."""
    await actions.unlink(visit.actor, account=visit.request.POST.get("account", ""))
    return HttpResponseRedirect(reverse("account-slack"))


async def _refused(visit: Visit, form: CodeForm, error: OpsError) -> HttpResponse:
    form.add_error("code", str(error))
    return await _page(visit, form, status=errors.rendering(error).status)


async def _page(visit: Visit, form: CodeForm, status: int = 200) -> HttpResponse:
    accounts = await actions.slack_accounts(visit.actor)
    return await visit.render(
        "pages/account_slack.html",
        {
            "heading": _heading(accounts),
            "accounts": accounts,
            "by_address": settings.SLACK_MATCH_EMAIL,
            "form": form,
        },
        status=status,
    )


def _heading(accounts: tuple[SlackAccount, ...]) -> str:
    if not accounts:
        return "No Slack account linked"
    return f"{figures.count(len(accounts), 'Slack account')} linked"
