"""Django admin behind the dashboard's login, open to staff and auditors."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from ops import limits
from ops.errors import InvalidInput

View = Callable[..., HttpResponseBase]
MOST_SEARCHED = 16


class AdminSite(admin.AdminSite):
    """Admin for staff, who manage users, and for auditors, who need not be staff."""

    site_header = site_title = "OpsPortal"
    index_title = "Users and the audit log"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return user.is_active and (
            getattr(user, "is_staff", False) or user.has_perm("audit.view_auditentry")
        )

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Refuse oversized requests on every page, those of other apps too."""
        return super().admin_view(_bounded(view), cacheable)

    def get_urls(self) -> list[Any]:
        """Leave out "view on site": our models have no pages, and Django's view needs its sites."""
        return [each for each in super().get_urls() if getattr(each, "name", "") != "view_on_site"]

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the dashboard's login page, which is throttled; refuse logged-in users."""
        if request.user.is_authenticated:
            return render(request, "403.html", status=403)
        return redirect_to_login(request.GET.get("next", request.get_full_path()))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Redirect to the dashboard's page, which writes an audit row."""
        return redirect("password_change")


def _bounded(view: View) -> View:
    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **path: Any) -> HttpResponseBase:
        try:
            limits.check_fields([*path.items(), *request.GET.lists()])
            for text in itertools.chain.from_iterable(texts for _, texts in request.GET.lists()):
                _check_search(text)
            for name, texts in request.POST.lists():  # a group can have a hundred permissions
                for text in texts:
                    limits.check_text(name, text)
        except InvalidInput as error:
            return render(request, "400.html", {"sentence": str(error)}, status=400)
        return view(request, *args, **path)

    return wrapped


def _check_search(text: str) -> None:
    """Limit the words of a search: each one is a condition on several columns."""
    if len(text.split()) > MOST_SEARCHED:
        raise InvalidInput(f"a search can have {MOST_SEARCHED} words at most. Use fewer")
