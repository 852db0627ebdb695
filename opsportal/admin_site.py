"""Django admin behind the dashboard's own log-in, open to those whom it concerns."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render


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
