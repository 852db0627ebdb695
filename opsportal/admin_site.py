"""Django admin behind the dashboard's own log-in, open to those whom it concerns."""

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
    """For staff, who manage people, and for auditors, who need be nothing else."""

    site_header = site_title = "OpsPortal"
    index_title = "People and the audit log"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return user.is_active and (
            getattr(user, "is_staff", False) or user.has_perm("audit.view_auditentry")
        )

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Read nothing of a request that is too much: on every page, those of other apps too."""
        return super().admin_view(_bounded(view), cacheable)

    def get_urls(self) -> list[Any]:
        """Leave out "view on site": no model has a page of its own, and Django's needs sites."""
        return [each for each in super().get_urls() if getattr(each, "name", "") != "view_on_site"]

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Send people to the one log-in page, which is throttled; refuse who is logged in."""
        if request.user.is_authenticated:
            return render(request, "403.html", status=403)
        return redirect_to_login(request.GET.get("next", request.get_full_path()))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Send people to the one page for it, which leaves a row in the audit log."""
        return redirect("password_change")


def _bounded(view: View) -> View:
    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **path: Any) -> HttpResponseBase:
        try:
            limits.check_fields([*path.items(), *request.GET.lists()])
            for text in itertools.chain.from_iterable(texts for _, texts in request.GET.lists()):
                _check_search(text)
            for name, texts in request.POST.lists():  # a group can have a hundred rights
                for text in texts:
                    limits.check_text(name, text)
        except InvalidInput as error:
            return render(request, "400.html", {"sentence": str(error)}, status=400)
        return view(request, *args, **path)

    return wrapped


def _check_search(text: str) -> None:
    """Each word is a condition of its own, in several columns."""
    if len(text.split()) > MOST_SEARCHED:
        raise InvalidInput(f"a search has {MOST_SEARCHED} words at most. Write fewer")
