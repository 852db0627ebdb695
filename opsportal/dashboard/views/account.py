"""`/account/`: the viewer's time zone, Slack accounts and password."""

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.contrib.auth.views import (
    INTERNAL_RESET_SESSION_TOKEN,
    PasswordChangeView,
    PasswordResetConfirmView,
    PasswordResetView,
)
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ops.accounts.actions import change_password, reset_password, slack_accounts
from ops.actor import Actor, Door
from ops.limits import Secret
from opsportal.dashboard.account_forms import ResetForm, ZoneForm
from opsportal.dashboard.clock import COOKIE
from opsportal.dashboard.pages import page
from opsportal.dashboard.visit import Visit
from opsportal.middleware import client_address
from opsportal.throttling import OLD_PASSWORDS, RESETS_ASKED

YEAR = 365 * 24 * 3600


@require_http_methods(["GET", "HEAD", "POST"])
@page(slack_accounts)
async def show(visit: Visit) -> HttpResponse:
    """Show the account; on POST set the time zone, for browsers without scripts."""
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
        {
            "heading": f"Logged in as {visit.actor.name}",
            "form": form,
            "accounts": await slack_accounts(visit.actor),
        },
        status=400 if form.errors else 200,
    )


class ChangePassword(PasswordChangeView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Count each attempt: whoever finds an unlocked screen must not guess the password."""
        if OLD_PASSWORDS.count(request.user.pk):
            return super().post(request, *args, **kwargs)
        return _too_often(request, "Too many wrong passwords. Try again in 15 minutes.")

    def form_valid(self, form: Any) -> HttpResponse:
        """Change the password; its owner stays logged in here, and nowhere else."""
        OLD_PASSWORDS.forget(self.request.user.pk)
        password = Secret(form.cleaned_data["new_password1"])
        change_password(_owner(self.request, form.user), user=form.user, password=password)
        update_session_auth_hash(self.request, form.user)
        return HttpResponseRedirect(self.get_success_url())


class AskReset(PasswordResetView):
    form_class = ResetForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Limit requests per address; never reveal whether an account exists or got a mail."""
        if RESETS_ASKED.count(client_address(request)):
            return super().post(request, *args, **kwargs)
        return _too_often(request, "Too many links were requested. Try again in an hour.")


class ResetPassword(PasswordResetConfirmView):
    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password; the link works once."""
        password = Secret(form.cleaned_data["new_password1"])
        reset_password(_owner(self.request, form.user), user=form.user, password=password)
        del self.request.session[INTERNAL_RESET_SESSION_TOKEN]
        return HttpResponseRedirect(self.get_success_url())


def _owner(request: HttpRequest, user: User) -> Actor:
    address = str(request.META.get("REMOTE_ADDR") or "")
    return Actor(user.pk, user.get_username(), Door.BROWSER, address)


def _too_often(request: HttpRequest, sentence: str) -> HttpResponse:
    return render(request, "registration/locked.html", {"sentence": sentence}, status=429)
